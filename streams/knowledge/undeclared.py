"""Predicates whose objects are numbers or dates though the ontology takes them for names: what is told when facts are read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from schemas.fact import Fact
from streams.knowledge.dates import parse_date
from streams.knowledge.ontology import Ontology, ValueKind
from streams.knowledge.quantities import parse_quantity

_BEGINS = re.compile(r"[-+−~]?\d|\d{1,2} ")
_YEAR = re.compile(r"[-−]?(?:1\d{3}|20\d\d)|\d{1,4}\s*(?:BC|BCE|AD|CE)")
_FEWEST, _MOST = 3, 100
"""Objects of a predicate that tell, and of how many is asked."""


def undeclared_values(ontology: Ontology, facts: Iterable[Fact]) -> dict[str, str]:
    """Predicate -> what to say, for each that is declared for names and whose objects (three or more) are all numbers or dates."""
    said: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        objects = said[fact.predicate]
        if fact.predicate in ontology.predicates and len(objects) < _MOST:
            objects.add(fact.object)
    lines = {}
    for name, objects in said.items():
        if len(objects) < _FEWEST or ontology[name].value is not ValueKind.ENTITY:
            continue
        if all(_is_date(one) for one in objects):
            lines[name] = _line(name, "dates", "date", objects)
        elif all(_BEGINS.match(one) and parse_quantity(one) is not None for one in objects):
            lines[name] = _line(name, "numbers", "number", objects)
    return lines


def _is_date(text: str) -> bool:
    """A day or a month of a year, or nothing but a year: "1281 m" is a number."""
    date = parse_date(text) if _BEGINS.match(text) else None
    return date is not None and (date.month is not None or _YEAR.fullmatch(text.strip()) is not None)


def _line(name: str, kind: str, value: str, objects: set[str]) -> str:
    return (
        f"ontology: predicate {name}: its objects are {kind} ({min(objects)!r}), and it is declared for names: an answer in another form"
        f" is not heard; unless they are names, declare `value: {value}`"
    )
