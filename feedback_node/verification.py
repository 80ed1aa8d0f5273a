"""Claims held against the graph, and what makes two claims one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.triplet import JudgedTriplet, Triplet
from streams.knowledge.dates import parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.names import fold
from streams.knowledge.ontology import Predicate, ValueKind
from streams.knowledge.phrases import read
from streams.knowledge.quantities import parse_quantity
from streams.knowledge.relations import relation_key


class ClaimKey(NamedTuple):
    """What a claim says, however it is worded: entities for names, the predicate's own direction, numbers as numbers."""

    subject: str
    """Entity, or the folded words where there is none."""
    predicate: str
    """Name in the ontology, or the relation's words where it has none."""
    object: str
    """Entity, number, date, or the folded words."""
    denied: bool = False
    """The text says that it is not so."""


def verify(triplets: Iterable[Triplet], graph: Hypergraph) -> list[JudgedTriplet]:
    """The graph's verdict on each claim, in their order. Hold the view's lock over the whole batch: then all have one version."""
    return [judge(graph, triplet) for triplet in triplets]


def claim_key(triplet: Triplet, graph: Hypergraph) -> ClaimKey:
    """The key under which a claim counts once: other names, the inverse, other words of the relation and duplicates come to the same."""
    matches = graph.ontology.match_all(triplet.predicate)
    if not matches:
        sides = [_entity(text, graph) for text in (triplet.subject, triplet.object)]
        return ClaimKey(sides[0], relation_key(triplet.predicate), sides[1], triplet.negated)
    predicate = graph.ontology[matches[0].name]
    subject, target = (triplet.object, triplet.subject) if matches[0].reversed else (triplet.subject, triplet.object)
    left, right = _entity(subject, graph), value_key(target, predicate, graph)
    if predicate.symmetric:
        left, right = sorted((left, right))
    return ClaimKey(left, predicate.name, right, triplet.negated)


def _entity(text: str, graph: Hypergraph) -> str:
    return read(graph, text).entity or fold(text)


def value_key(text: str, predicate: Predicate, graph: Hypergraph) -> str:
    """The object of a predicate as it stands in a key: a number or date however it is written, an entity, or the folded words."""
    if predicate.value is ValueKind.NUMBER and (quantity := parse_quantity(text)):
        return f"{quantity.low:.6g} to {quantity.high:.6g}"
    if predicate.value is ValueKind.DATE and (date := parse_date(text)):
        return "-".join(str(part) for part in (*date[:3], *([date.until] if date.until is not None else [])))
    return _entity(text, graph)
