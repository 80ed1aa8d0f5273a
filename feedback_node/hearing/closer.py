"""A place or a time said twice, first roughly: of "in the Mesozoic, specifically in the Jurassic" the second is what is meant."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge

_CLOSER = re.compile(
    r",\s+(?:and\s+)?(?:more\s+|most\s+)?(?:specifically|precisely|exactly)\b,?\s+"
    r"(?:(?:in|on|at|during|by|from|near|to|of)\s+)?(?:the\s+)?(?P<said>[^,.;:!?\n]{2,60}?)(?=[,.;:!?\n]|\s+(?:and|which|that|where|who)\b|$)",
    re.IGNORECASE,
)


def brought_closer(claims: Sequence[Triplet], text: str, graph: Hypergraph) -> list[Triplet]:
    """The claims, where one of what the graph does not know goes on "specifically …": in its place what is said then, if the graph can tell
    of it. Spans are those of the text.

    What the graph knows stays beside it, true or not: that a thing is in Asia, or is not, is so wherever there it is. To what is true
    and vague that is added.
    """
    found: list[Triplet] = []
    for one in claims:
        match = _CLOSER.match(text, one.object_span[1]) if one.object_span is not None and not one.negated else None
        rough = judge(graph, one) if match is not None else None
        is_true = rough is not None and rough.verdict is Verdict.VERIFIED
        if match is None or rough is None or (is_true and not rough.vague) or (not is_true and graph.resolve(one.object).candidates):
            found.append(one)
            continue
        closer = next(
            (other for other in _alike(claims, one) if other.object_span and other.object_span[0] in range(*match.span("said"))), None
        )
        meant = closer or one.model_copy(update={"object": match["said"], "object_span": match.span("said")})
        is_told = judge(graph, meant).verdict is not Verdict.UNKNOWN
        found += [one] if is_true or not is_told else []
        found += [meant] if is_told and closer is None else []
    return found


def _alike(claims: Sequence[Triplet], one: Triplet) -> list[Triplet]:
    """The claims of the same thing by the same relation."""
    return [other for other in claims if other is not one and (other.subject, other.predicate) == (one.subject, one.predicate)]
