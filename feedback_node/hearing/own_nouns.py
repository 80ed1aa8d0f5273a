"""Claims by a relation's own noun: "the continent of X is Y" says that Y is a continent, where "X is in Y" may say anything of it."""

from __future__ import annotations

import re
from functools import cache

from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import NAMED

_BEFORE_CHARS = 120
_PLAIN = frozenset({"fragment", "short", "copula"})
"""Rules that do not tell by which words a claim was made."""


def with_own_noun(claim: Triplet, text: str, graph: Hypergraph) -> Triplet:
    """The claim; where its predicate's noun opens the clause before its object, no word of it can say another relation."""
    match = graph.ontology.match_predicate(claim.predicate) if claim.rule in _PLAIN and claim.object_span is not None else None
    if match is None or match.reversed or claim.object_span is None or not graph.ontology[match.name].listed_range:
        return claim
    start = claim.object_span[0]
    opens = _opening(graph.ontology[match.name].nouns).search(text, max(0, start - _BEFORE_CHARS), start)
    return claim if opens is None else claim.model_copy(update={"rule": NAMED})


@cache
def _opening(nouns: tuple[str, ...]) -> re.Pattern[str]:
    said = "|".join(re.escape(noun) for noun in nouns) or "(?!)"
    opens = r"(?:^|[.!?;:,\n]|\band\b)\s*(?:(?:the|its|their|his|her)\s+)?"
    return re.compile(rf"{opens}(?:{said})\s+(?:of|for|behind|that|which|where|is|was)\b[^.!?]*$", re.IGNORECASE)
