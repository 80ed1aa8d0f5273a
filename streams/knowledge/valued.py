"""Numbers and dates that a text gives, and whether a fact says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from streams.knowledge.dates import Date, compare_dates, parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import Agreement, Quantity, compare_quantities, parse_quantity
from streams.knowledge.value_types import Statement

MOST_CHARACTERS = 1_000
"""No number or date is looked for in longer texts."""


class Value(NamedTuple):
    """The number or the date of a text, as either may be read; None where it is none."""

    date: Date | None
    quantity: Quantity | None


def value_predicates(graph: Hypergraph) -> tuple[str, ...]:
    """Predicates with facts whose objects are numbers or dates."""
    return graph.recall(
        "value predicates", lambda: tuple(name for name in graph.predicates() if graph.ontology[name].value is not ValueKind.ENTITY)
    )


def value_in(text: str, graph: Hypergraph) -> Value | None:
    """The number or date that a text gives beside the names in it; None where there is none, or no fact has one."""
    if len(text) > MOST_CHARACTERS or not value_predicates(graph):
        return None
    for mention in reversed(graph.entities_in(text, ambiguous=True)):
        text = text[: mention.start] + text[mention.end :]
    found = Value(parse_date(text), parse_quantity(text))
    return found if found != (None, None) else None


def is_said_of(entity: str, value: Value | None, predicates: Iterable[str], graph: Hypergraph) -> bool:
    """Whether a fact about an entity, by one of these predicates, gives this number or date; None: any."""
    return any(value is None or agrees(statement, value, graph) for name in predicates for statement in graph.statements(entity, name))


def is_said(value: Value, predicate: str, graph: Hypergraph) -> bool:
    """Whether any fact by a predicate gives this number or date."""
    return any(agrees(statement, value, graph) for statement in _facts_by(predicate, graph))


def subjects_said(value: Value, predicate: str, graph: Hypergraph, most: int) -> list[str]:
    """Of what a fact by a predicate gives this number or date, by its names; of nothing where the predicate has more facts than `most`."""
    known = _facts_by(predicate, graph)
    return [one.subject for one in known if agrees(one, value, graph)] if len(known) <= most else []


def _facts_by(predicate: str, graph: Hypergraph) -> tuple[Statement, ...]:
    """Looked for once between two changes of the graph."""
    return graph.recall(("statements", predicate), lambda: tuple(one for one in map(graph.read, graph) if one.predicate == predicate))


def agrees(statement: Statement, value: Value, graph: Hypergraph) -> bool:
    """Whether a statement says this number, in its unit and within its tolerance, or this date, as far as both say."""
    predicate = graph.ontology[statement.predicate]
    if predicate.value is ValueKind.DATE:
        known_date = parse_date(statement.object)
        return value.date is not None and known_date is not None and compare_dates(value.date, known_date) is Agreement.SAME
    known = parse_quantity(statement.object, statement.fact.qualifiers.get("unit"))
    if value.quantity is None or known is None:
        return False
    said = value.quantity if known.counted else value.quantity._replace(counted="")
    return compare_quantities(said, known, predicate.tolerance) is Agreement.SAME
