"""One phrase read twice: "It is a calf" says what a cow's young is called, and not what a cow is.

Of two readings of one phrase, one of which the graph can tell of, the other is no claim of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from feedback_node.hearing.asked import Asked
from schemas.triplet import Triplet, Verdict
from streams.knowledge.english import COPULAS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.names import fold
from streams.knowledge.near_words import grouped
from streams.knowledge.ontology import Predicate

_COPULAS = frozenset({"is", "are", "was", "were"})


def without_second_readings(read: Sequence[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims without those that tell nothing and have the object of one that does, by "is" or by a predicate of the ontology.

    Nor is it one that a property is "currency". What the ontology has no word for is a claim of its own: "X wrote and loved Y".
    By a predicate that was asked for a claim is judged as it was made.
    """
    claims = [_as_it_is_so(one, {missing.predicate for missing in asked.missing}, graph) for one in read]
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


def _as_it_is_so(claim: Triplet, asked: Collection[str], graph: Hypergraph) -> Triplet:
    """The claim; by another predicate where it is so, and not by its own, and both only say where a thing is, by the same word.

    "X is a mountain in the Alps" says of no land that it is not X's; "was born in" is not "died in". What was asked is not read otherwise
    than it was asked.
    """
    match = graph.ontology.match_predicate(claim.predicate)
    if match is None or match.reversed or match.name in asked or claim.negated or judge(graph, claim).verdict is not Verdict.CONTRADICTED:
        return claim
    said = _where_words(graph.ontology[match.name])
    others = [name for name in graph.predicates() if name in graph.ontology.predicates and name != match.name]
    tried = [claim.model_copy(update={"predicate": name}) for name in others if said & _where_words(graph.ontology[name])]
    so = [one for one in tried if judge(graph, one).verdict is Verdict.VERIFIED]
    return so[0] if len(so) == 1 else claim


def _where_words(predicate: Predicate) -> set[str]:
    """The prepositions of its phrases that say where a thing is, and no more: "in" of "{subject} lies in {object}"."""
    found = ([word for word in grouped(one.between.split()) if word not in COPULAS] for one in predicate.templates if not one.reversed)
    return {said[-1] for said in found if said[-1:] and said[:-1] in ([], ["~locate"])}


def last_words(predicate: Predicate) -> set[str]:
    """The last words of its phrases before the object: "in" of "{subject} is in {object}"."""
    return {one.between.split()[-1] for one in predicate.templates if one.between and not one.reversed and not one.after}


def _is_reading(one: Triplet, graph: Hypergraph) -> bool:
    return not one.negated and (one.predicate in _COPULAS or graph.ontology.match_predicate(one.predicate) is not None)


def _overlap(one: Triplet, other: Triplet) -> bool:
    """Whether two claims have their objects in one place; or the first says the second the other way round: "A calf is a baby cow"."""
    turned = fold(other.subject) in fold(one.object) and _meet(one.subject_span, other.object_span)
    return turned or _meet(one.object_span, other.object_span)


def _meet(one: tuple[int, int] | None, other: tuple[int, int] | None) -> bool:
    return one is not None and other is not None and one[0] < other[1] and other[0] < one[1]
