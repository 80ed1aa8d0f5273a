"""When it was done, beside a yes: "Yes, it was founded by X in 1950" says when it was founded, where the graph knows that."""

from __future__ import annotations

from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.offers import read_fragment
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import ValueKind


def date_beside(said: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim of the one date, of which the words speak, that a reply gives beside what was asked. Hold the view's lock."""
    owners = {one.entity for one in asked.missing}
    if len(owners) != 1 or not any(char.isdigit() for char in said):
        return []
    (owner,) = owners
    spoken = {*graph.ontology.predicates_in(said), *graph.ontology.asked_by(said)} - {one.predicate for one in asked.missing}
    dates = [name for name in sorted(spoken) if graph.ontology[name].value is ValueKind.DATE and graph.statements(owner, name)]
    if len(dates) != 1:
        return []
    return read_fragment(said, asked._replace(missing=(Missing(dates[0], owner, "object"),)), graph)
