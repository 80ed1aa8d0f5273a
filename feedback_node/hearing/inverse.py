"""Answers that say a question for a thing again, and then the thing: "The one that goes by the name of X is a sort of Z called Y."."""

from __future__ import annotations

import re

from feedback_node.hearing.asked import Asked
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.phrases import read

RULE = "inverse"
_SAYS = re.compile(
    r"^(?P<lead>[^,;:]+?)\s(?:is|are|was|were)\s+(?:(?:an?|the|one)\s+[^.,;:]{2,50}?\s(?:called|named|known\s+as)\s+)?(?:an?\s+|the\s+)?"
    r"[\"“]?(?P<said>[^\W\d_][\w+#'-]*(?:\s[\w+#'-]+){0,3}?)[\"”]?\s*[.!]?$"
)
_MOST_CHARS = 200
_LEAST = 2
"""Telling words of the question that are said again, at least."""


def named_again(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim that a thing which the graph knows by the asked predicate has what the question gives; spans are those of the sentence."""
    if len(asked.missing) != 1 or asked.missing[0].side != "subject" or len(sentence) > _MOST_CHARS:
        return []
    (missing,) = asked.missing
    match = _SAYS.match(sentence)
    thing = read(graph, match["said"]) if match is not None else None
    if match is None or thing is None or thing.entity is None or not thing.sure or asked.is_echo(thing.entity):
        return []
    beside = {word.text for word in words(match["lead"])}
    telling = (beside & asked.question.words) - FRAME
    if not graph.statements(thing.entity, missing.predicate) or len(telling) < _LEAST or not beside <= asked.question.words | FRAME:
        return []
    if not {word.text for word in words(sentence)}.isdisjoint((DENIALS | DOUBT | TURNING) - asked.question.words):
        return []
    given = next(iter(graph.names_of(missing.entity)), missing.entity)
    return [
        Triplet(
            subject=match["said"], predicate=missing.predicate, object=given, subject_span=match.span("said"), rule=RULE
        )
    ]  # fmt: skip
