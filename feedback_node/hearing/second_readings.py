"""One phrase read twice: "It is a calf" says what a cow's young is called, and not what a cow is.

Of two readings of one phrase, one of which the graph can tell of, the other is no claim of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.names import fold

_COPULAS = frozenset({"is", "are", "was", "were"})


def without_second_readings(claims: Sequence[Triplet], graph: Hypergraph) -> list[Triplet]:
    """The claims without those that tell nothing and have the object of one that does, by "is" or by a predicate of the ontology.

    Nor is it one that a property is "currency". What the ontology has no word for is a claim of its own: "X wrote and loved Y".
    """
    verdicts = [judge(graph, one).verdict for one in claims]
    told = [one for one, verdict in zip(claims, verdicts, strict=True) if verdict is not Verdict.UNKNOWN and not one.negated]
    nouns = {noun for name in graph.predicates() if name in graph.ontology.predicates for noun in graph.ontology[name].nouns}
    return [
        one
        for one, verdict in zip(claims, verdicts, strict=True)
        if verdict is not Verdict.UNKNOWN
        or not _is_reading(one, graph)
        or not (any(_overlap(one, other) for other in told) or (told and fold(one.object) in nouns))
    ]


def _is_reading(one: Triplet, graph: Hypergraph) -> bool:
    return not one.negated and (one.predicate in _COPULAS or graph.ontology.match_predicate(one.predicate) is not None)


def _overlap(one: Triplet, other: Triplet) -> bool:
    """Whether two claims have their objects in one place; or the first says the second the other way round: "A calf is a baby cow"."""
    turned = fold(other.subject) in fold(one.object) and _meet(one.subject_span, other.object_span)
    return turned or _meet(one.object_span, other.object_span)


def _meet(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    return one is not None and other is not None and one[0] < other[1] and other[0] < one[1]
