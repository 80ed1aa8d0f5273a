"""Numbers of which the parse has but a part: their unit goes on behind a stroke, or ends the sentence."""

from __future__ import annotations

import re

from feedback_node.value_spans import value_spans
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import parse_quantity

_UNIT_CHARS = 16
_WHEN = re.compile(r"\s*(?:from|between|beginning|starting|ending|until|in|on)\s")


def whole_value(one: Triplet, text: str, graph: Hypergraph) -> Triplet:
    """A claim of a number with all of its unit: "308.33 g/mol" where the parse has "308.33 g"."""
    span = one.object_span
    match = graph.ontology.match_predicate(one.predicate) if span is not None else None
    if span is None or match is None or match.reversed or graph.ontology[match.name].value is not ValueKind.NUMBER:
        return one
    head, comma, rest = one.object.partition(",")
    if comma and _WHEN.match(rest) and parse_quantity(one.object) is None and parse_quantity(head) is not None:
        return one.model_copy(update={"object": head, "object_span": (span[0], span[0] + len(head))})  # "300 days, from 1941 to 1942"
    for start, end in value_spans(text[: span[1] + _UNIT_CHARS], span[0]):
        behind = text[span[1] : end]
        if start == span[0] and behind.strip() and not any(char.isdigit() or char in ",;" for char in behind):
            return one.model_copy(update={"object": text[start:end], "object_span": (start, end)})
    return one
