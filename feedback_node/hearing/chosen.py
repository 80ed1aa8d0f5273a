"""Answers to a question that gives the answers to choose from: by whatever of its words one is said, it is said of what was asked.

"Which of the two developed X: A or B?" asks where the graph has A for X, be it by "was made at"; "X was developed by B" is then as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from feedback_node.hearing.asked import Asked, Missing
from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import NAMED, judge
from streams.knowledge.ontology import ValueKind
from streams.knowledge.persons import is_done_once
from streams.knowledge.phrases import read


def as_chosen(claims: Sequence[Triplet], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims, those that choose as such: by the predicate that was asked, and in the place of its answer. Hold the view's lock."""
    if not asked.choices or asked.statement is not None or len(asked.missing) != 1 or asked.missing[0].side != "object":
        return [*claims]
    (missing,) = asked.missing
    spoken = {*graph.ontology.predicates_in(asked.text), *graph.ontology.asked_by(asked.text), missing.predicate}
    return [_as_chosen(one, missing, spoken, asked, graph) for one in claims]


def _as_chosen(one: Triplet, missing: Missing, spoken: set[str], asked: Asked, graph: Hypergraph) -> Triplet:
    match = graph.ontology.match_predicate(one.predicate)
    if match is None or match.name not in spoken or one.hedged or graph.ontology[match.name].value is not ValueKind.ENTITY:
        return one
    names = ("object", "subject") if match.reversed else ("subject", "object")
    said = getattr(one, names[1])
    if read(graph, getattr(one, names[0])).entity != missing.entity:
        return one
    entity = read(graph, said).entity
    is_chosen = entity is not None and entity in asked.choices
    if not is_chosen and (match.name == missing.predicate or entity is not None or judge(graph, one).verdict is not Verdict.CONTRADICTED):
        return one
    once = is_done_once(graph.ontology[match.name])  # whenever that was
    timed = {name: value for name, value in one.qualifiers.items() if not (once and name == "date")}
    spans = {f"{side}_span": getattr(one, f"{name}_span") for side, name in zip(("subject", "object"), names, strict=True)}
    return one.model_copy(
        update={
            "subject": getattr(one, names[0]),
            "object": said,
            "predicate": missing.predicate,
            "rule": NAMED,
            "qualifiers": timed,
            **spans,
        }
    )
