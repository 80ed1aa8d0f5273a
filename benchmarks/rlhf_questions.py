"""The questions of `bench_rlhf`: what is asked in training, what is held out, what is never asked, and what has no answer.

Two domains: `countries` (capital, currency, continent; facts and wordings are the demo's) and `works` (novels, films and states of the USA;
facts are those of `benchmarks/data/heard`). Of each domain some subjects are asked about in training, in four wordings a property;
held-out questions ask of the same facts in other wordings; questions `never` asked are about other subjects. Unanswerable ones ask about
things that do not exist, under invented names; one in ten of the prompts of a training is such a one.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo.countries import accepted, countries, facts  # noqa: E402
from schemas.fact import Fact  # noqa: E402
from schemas.sample import Sample, Split, Task  # noqa: E402
from streams.knowledge.names import fold  # noqa: E402

HEARD = ROOT / "benchmarks" / "data" / "heard"
TRAINED_COUNTRIES, NEVER_COUNTRIES = 80, 70
NEVER_SHARE = 3
"""Of the second domain, one subject in so many is never asked about."""
UNANSWERABLE = 10
"""One prompt of a training in so many has no answer."""
TAUGHT, TAUGHT_ABSTENTIONS = 96, 48
"""Samples of an SFT before: of questions with an answer, and without."""
SENTENCES = {
    "capital": "The capital of {} is {}.", "currency": "The currency of {} is the {}.", "continent": "{} is in {}.",
    "novels.author": "{} was written by {}.", "novels.published": "{} was published in {}.", "films.director": "{} was directed by {}.",
    "films.released": "{} was released in {}.", "states.capital": "The capital of {} is {}.", "states.admitted": "{} became a state in {}.",
}  # fmt: skip
"""By what is asked, of subject and answer."""
ABSTENTIONS = ("I do not know.", "I don't know.", "I do not know that.")
SEED = 27
SYLLABLES = (
    ("Zor", "Vel", "Tar", "Qua", "Mir", "Ost", "Bren", "Lux", "Dra", "Yel"),
    ("van", "dor", "mor", "ist", "ul", "ek", "ab"),
    ("ia", "land", "stan", "a", "ovia"),
)
OF_TITLES = (("Glass", "Ninth", "Hollow", "Paper", "Copper"), ("Orchard", "Harbour", "Stair", "Clock"))
"""What invented names are made of."""


def _worded(train: str, evaluation: str) -> dict[str, list[str]]:
    """Wordings by split, of one string each: `{}` stands for the subject."""
    return {"train": train.split(" | "), "evaluation": evaluation.split(" | ")}


WORKS: dict[str, dict[str, dict[str, list[str]]]] = {
    "novels": {
        "author": _worded(
            "Who wrote {}? | Who is the author of {}? | Name the author of {}. | Which writer wrote {}?",
            "{}: who is its author? | By whom was {} written? | Please say who wrote {}.",
        ),
        "published": _worded(
            "When was {} published? | In which year was {} first published? | Name the year in which {} was published."
            " | In what year did {} come out?",
            "{}: when was it published? | Do you know when {} was first published? | Please say in which year {} came out.",
        ),
    },
    "films": {
        "director": _worded(
            "Who directed {}? | Who is the director of {}? | Name the director of {}. | Which director made {}?",
            "{}: who directed it? | By whom was {} directed? | Please say who directed {}.",
        ),
        "released": _worded(
            "When was {} released? | In which year was {} released? | Name the year in which {} was released."
            " | In what year did {} come out?",
            "{}: when was it released? | Do you know when {} came out? | Please say in which year {} was released.",
        ),
    },
    "states": {
        "capital": _worded(
            "What is the capital of {}? | Which city is the capital of {}? | Name the capital of {}. | What is the state capital of {}?",
            "{}: which is its capital? | If I went to the capital of {}, which city would I be in?"
            " | Please say which city the capital of {} is.",
        ),
        "admitted": _worded(
            "When did {} become a state? | In which year did {} become a state? | Name the year in which {} became a state."
            " | In what year was {} admitted to the Union?",
            "{}: when did it become a state? | Do you know when {} was admitted to the Union?"
            " | Please say in which year {} joined the Union.",
        ),
    },
}


class Questions(NamedTuple):
    """All that a run is given."""

    facts: tuple[Fact, ...]
    ontology: dict[str, Any]
    train: tuple[Sample, ...]
    held_out: tuple[Sample, ...]
    """Split `validation`; ids begin with `held-`, `never-` or `none-`."""
    taught: tuple[Sample, ...]
    """For an SFT before: answers to a part of what is asked in training; and of questions without an answer, that one does not know it."""


class Known(NamedTuple):
    """One fact that can be asked for."""

    subject: str
    """As it stands in a sentence."""
    asked: str
    """Which wordings ask for it: `novels.author`."""
    gold: tuple[str, ...]


def questions(domain: str, held: int = 420, never: int = 200, none: int = 60, prompts: int = 1152) -> Questions:
    """The same at every call with the same arguments.

    Args:
        domain: `countries` or `works`.
        held, never, none: how many held-out questions of each kind, at most.
        prompts: how many are trained on; each question is asked as often as that needs.
    """
    rng = random.Random(SEED)
    trained, other, told, ontology = _countries() if domain == "countries" else _works(rng)
    wordings = _wordings(domain)
    texts = [(wording.format(known.subject), known) for known in trained for wording in wordings[known.asked]["train"]]
    asked = [Sample(sample_id=f"train-{n}", task=Task.RLHF_GRPO, prompt=text, gold=known.gold) for n, (text, known) in enumerate(texts)]
    empty = [
        Sample(sample_id=f"train-none-{n}", task=Task.RLHF_GRPO, prompt=text)
        for n, text in enumerate(_unanswerable(domain, rng, "train", prompts))
    ]
    few = min(prompts, len(asked) * UNANSWERABLE // (UNANSWERABLE - 1)) // UNANSWERABLE
    chosen = [*rng.sample(asked, min(len(asked), prompts - few)), *empty[:few]]
    rng.shuffle(chosen)
    again = [*_held(trained, wordings, "held", held, rng), *_held(other, wordings, "never", never, rng)]
    again += [
        Sample(sample_id=f"none-{n}", task=Task.RLHF_GRPO, split=Split.VALIDATION, prompt=text)
        for n, text in enumerate(_unanswerable(domain, rng, "evaluation", none))
    ]
    return Questions(tuple(told), ontology, tuple(chosen), tuple(again), tuple(_taught(domain, trained, again)))


def _taught(domain: str, trained: list[Known], held_out: list[Sample]) -> Iterator[Sample]:
    """Never a wording that is held out, nor an invented name that is asked for there."""
    rng = random.Random(SEED + 1)
    for n, known in enumerate(rng.sample(trained, min(TAUGHT, len(trained)))):
        wording = rng.choice(_wordings(domain)[known.asked]["train"]).format(known.subject)
        said = SENTENCES[known.asked].format(known.subject, known.gold[0])
        yield Sample(sample_id=f"taught-{n}", task=Task.QA, prompt=_capital(wording), answer=_capital(said))
    asked = " ".join(sample.prompt or "" for sample in held_out if sample.sample_id.startswith("none-"))
    texts = [text for text in _unanswerable(domain, rng, "train", 4 * TAUGHT_ABSTENTIONS) if not _invented(text) & _invented(asked)]
    for n, text in enumerate(texts[:TAUGHT_ABSTENTIONS]):
        yield Sample(sample_id=f"taught-none-{n}", task=Task.QA, prompt=text, answer=rng.choice(ABSTENTIONS))


@cache
def _names() -> tuple[str, ...]:
    return tuple("".join(parts) for parts in itertools.product(*SYLLABLES))


def _invented(text: str) -> set[str]:
    """The invented names that stand in a text."""
    return {name for name in _names() if name in text}


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _held(known: list[Known], wordings: dict[str, Any], kind: str, number: int, rng: random.Random) -> Iterator[Sample]:
    texts = [(wording.format(one.subject), one) for one in known for wording in wordings[one.asked]["evaluation"]]
    fair = [(text[0].upper() + text[1:], one) for text, one in texts if not any(fold(gold) in fold(text) for gold in one.gold)]
    for n, (text, one) in enumerate(rng.sample(fair, min(number, len(fair)))):
        yield Sample(sample_id=f"{kind}-{n}", task=Task.RLHF_GRPO, split=Split.VALIDATION, prompt=text, gold=one.gold)


# --- the domains --------------------------------------------------------------------------------------------------------------------------


def _countries() -> tuple[list[Known], list[Known], list[Fact], dict[str, Any]]:
    every = list(countries().values())
    known: list[list[Known]] = [[], []]
    for number, country in enumerate(every[: TRAINED_COUNTRIES + NEVER_COUNTRIES]):
        for asked, names in (("capital", country.capitals), ("currency", country.currencies), ("continent", country.continents)):
            if not names or fold(names[0]) == fold(country.name) or (asked == "currency" and country.units):
                continue
            known[number >= TRAINED_COUNTRIES].append(Known(country.in_sentence, asked, accepted(*names)))
    return known[0], known[1], facts(), yaml.safe_load((ROOT / "demo" / "ontology.yaml").read_text(encoding="utf-8"))


def _works(rng: random.Random) -> tuple[list[Known], list[Known], list[Fact], dict[str, Any]]:
    rows: dict[str, list[list[Any]]] = json.loads((HEARD / "facts.json").read_text(encoding="utf-8"))
    ontology: dict[str, Any] = {"classes": [], "predicates": {}}
    known: list[list[Known]] = [[], []]
    told = []
    for kind, properties in WORKS.items():
        own = yaml.safe_load((HEARD / f"{kind}.yaml").read_text(encoding="utf-8"))
        ontology["classes"] += [name for name in own["classes"] if name not in ontology["classes"]]
        ontology["predicates"] |= own["predicates"]
        never = set(rng.sample(range(len(rows[kind])), len(rows[kind]) // NEVER_SHARE))
        for number, (subject, *objects) in enumerate(rows[kind]):
            for predicate, thing in zip(properties, objects, strict=True):
                told.append(Fact(fact_id=f"{kind}-{number}-{predicate}", subject=subject, predicate=predicate, object=str(thing)))
                known[number in never].append(
                    Known(subject, f"{kind}.{predicate}", (str(thing)[:4] if str(thing)[0].isdigit() else str(thing),))
                )
    return known[0], known[1], told, ontology


@cache
def _wordings(domain: str) -> dict[str, dict[str, list[str]]]:
    """By what is asked: wordings with `{}` for the subject."""
    if domain == "works":
        return {f"{kind}.{predicate}": wordings for kind, properties in WORKS.items() for predicate, wordings in properties.items()}
    found = yaml.safe_load((ROOT / "demo" / "templates.yaml").read_text(encoding="utf-8"))["one_hop"]
    return {
        asked: {split: [text.replace("{country}", "{}") for text in texts] for split, texts in splits.items()}
        for asked, splits in found.items()
    }


def _unanswerable(domain: str, rng: random.Random, split: str, number: int) -> list[str]:
    """Questions about things that do not exist."""
    real = {fold(country.name) for country in countries().values()}
    found: dict[str, None] = {}
    while len(found) < number:
        name = "".join(map(rng.choice, SYLLABLES))
        asked, wordings = rng.choice(sorted(_wordings(domain).items()))
        if domain == "works" and not asked.startswith("states"):
            name = f"The {rng.choice(OF_TITLES[0])} {rng.choice(OF_TITLES[1])} of {name}"
        if fold(name) not in real:
            found[rng.choice(wordings[split]).format(name)] = None
    return [text[0].upper() + text[1:] for text in found]
