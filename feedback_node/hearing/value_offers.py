"""A short answer without its names, so that values are looked for in what is left."""

from __future__ import annotations

from feedback_node.hearing.asked import Asked
from streams.knowledge.hypergraph import Hypergraph


def masked(sentence: str, asked: Asked, graph: Hypergraph) -> str:
    """The sentence without names, but for those of digits alone that its question does not have: "sea" in "Black Sea" is no unit."""
    for mention in graph.entities_in(sentence, ambiguous=True):
        said = sentence[mention.start : mention.end]
        known = asked.question.entities & {mention.entity, *graph.entities(mention.entity)}
        if known or (said[:1].isupper() and not any(char.isdigit() for char in said)):
            sentence = sentence[: mention.start] + " " * (mention.end - mention.start) + sentence[mention.end :]
    return sentence
