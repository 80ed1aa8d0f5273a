"""When it was done, beside what was asked: "Yes, it was founded by X in 1950" says when it was founded, where the graph knows that."""

from __future__ import annotations

from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.offers import read_fragment
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind


def date_beside(said: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim of the one date that a short answer gives beside what was asked, in a word of its own phrases. Hold the view's lock."""
    owners = {one.entity for one in asked.missing}
    if len(owners) != 1 or not any(char.isdigit() for char in said):
        return []
    (owner,) = owners
    tokens = {word.text for word in words(said)}
    dates = [
        name
        for name in sorted({*graph.ontology.predicates_in(said), *graph.ontology.asked_by(said)} - {one.predicate for one in asked.missing})
        if graph.ontology[name].value is ValueKind.DATE and graph.statements(owner, name) and _has_word(name, tokens, graph)
    ]
    if len(dates) != 1:
        return []
    return read_fragment(said, asked._replace(missing=(Missing(dates[0], owner, "object"),)), graph)


def _has_word(predicate: str, tokens: set[str], graph: Hypergraph) -> bool:
    """Whether the verb of a phrase of a predicate is said as it stands there: what was begun in one year may be finished in another."""
    said = (one.between.split() for one in graph.ontology[predicate].templates)
    verbs = {word for between in said for word in between if len(word) > 3 and word.endswith(("ed", "en", "t", "un", "ew"))}
    return not verbs.isdisjoint(tokens)
