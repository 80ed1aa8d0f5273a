"""Whose a value is that the question gives: "Which element has the atomic number 51?", "Which novel came out in 1846?"."""

from __future__ import annotations

from feedback_node.hearing.asked import Asked
from feedback_node.hearing.frame import FRAME
from feedback_node.hearing.offers import read_fragment
from feedback_node.verification import claim_key
from schemas.triplet import Triplet, Verdict
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.names import words


def gives_value(own: list[Triplet], asked: Asked, graph: Hypergraph) -> bool:
    """Whether a claim has a value of the kind that the question gives: the same, or another."""
    return bool(asked.question.value) and any(claim_key(one, graph).predicate == asked.question.parts[0].predicate for one in own)


def owner_first(sentence: str, own: list[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The owner before what else is said of it: "It is X by Y", "X, the work of Y"; none where that is another such value."""
    if gives_value(own, asked, graph):
        return []
    frame = FRAME | FUNCTION_WORDS | graph.ontology.classes
    name = next(iter(graph.entities_in(sentence, ambiguous=True)), None)
    if name is None or not frame.issuperset(word.text for word in words(sentence[: name.start])):
        return []
    return read_fragment(sentence[: name.end], asked, graph)


def without_others(heard: list[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims but for those that give the value to a name beside its true owner of which nobody knows it: "X, painted by Y"."""
    if not asked.question.value:
        return heard
    wanted = asked.question.parts[0]
    verdicts = {
        id(one): judge(graph, one).verdict for one in heard if (key := claim_key(one, graph)).predicate == wanted.predicate
        and key.object == wanted.entity and not one.negated
    }  # fmt: skip
    if Verdict.VERIFIED not in verdicts.values():
        return heard
    return [one for one in heard if verdicts.get(id(one)) is not Verdict.UNKNOWN]
