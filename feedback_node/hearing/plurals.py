"""What is said of many: "Xs are Ys" says of what kind an X is, where the ontology says it of one ("{subject} is a {object}")."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Predicate
from streams.knowledge.phrases import read

_ARE = frozenset({"are", "were"})
_IS_A = frozenset({"is a", "is an", "was a", "was an"})


def of_many(claims: Sequence[Triplet], graph: Hypergraph) -> list[Triplet]:
    """The claims, those of many things by the predicate that has such a phrase of one, where the graph has what is said as its object."""
    return [_of_many(one, graph) if one.predicate in _ARE else one for one in claims]


def _of_many(one: Triplet, graph: Hypergraph) -> Triplet:
    entity = read(graph, one.object).entity
    if entity is None or read(graph, one.subject).entity is None:
        return one
    names = [name for name, known in graph.ontology.predicates.items() if _says_kind(known) and graph.statements_to(entity, name)]
    return one.model_copy(update={"predicate": names[0]}) if len(names) == 1 else one


def _says_kind(predicate: Predicate) -> bool:
    return any(not said.reversed and not said.before and said.between in _IS_A for said in predicate.templates)
