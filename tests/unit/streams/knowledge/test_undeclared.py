"""An ontology that takes numbers or dates for names is told of, by predicate."""

from __future__ import annotations

import pytest

from schemas.fact import Fact
from streams.knowledge.ontology import Ontology
from streams.knowledge.undeclared import undeclared_values


def told(value: str, objects: list[str]) -> dict[str, str]:
    ontology = Ontology.from_dict({"predicates": {"height": {"functional": True, "value": value}, "other": {}}})
    facts = [Fact(subject=f"Mount {number}", predicate="height", object=one) for number, one in enumerate(objects)]
    return undeclared_values(ontology, [*facts, Fact(subject="Mount 1", predicate="unheard of", object="3")])


@pytest.mark.parametrize(
    ("objects", "kind"),
    [
        (["1281 m", "3,403 m", "813 m"], "number"),
        (["12", "7.5", "-4"], "number"),
        (["1281 m", "1282 m", "1283 m"], "number"),
        (["3403", "2549", "1651"], "number"),
        (["216 BC", "44 BC", "1066"], "date"),
        (["1846", "1901", "2008"], "date"),
        (["14 October 1066", "1571-10-07", "18 June 1815"], "date"),
        (["1804-02-01", "1901-12-31", "18 June 1815"], "date"),
    ],
)
def test_a_predicate_for_names_whose_objects_are_numbers_or_dates_is_told_of(objects, kind):
    ((name, line),) = told("entity", objects).items()
    assert name == "height"
    assert "height" in line
    assert f"`value: {kind}`" in line
    assert not told(kind, objects)


@pytest.mark.parametrize("objects", [["Lima", "1846", "3"], ["7-Eleven", "3M", "Forever 21"], ["12", "13"], ["Au", "Ag", "Fe"], []])
def test_names_and_a_few_facts_are_not(objects):
    assert not told("entity", objects)
