"""A second thing that is said of "it" without saying "it" again: "It lies in X and was built by Y" is "It lies in X and it was built by Y".

Read as one sentence Y would be one more place, or would count for nothing.
"""

from __future__ import annotations

import re

from feedback_node.hearing.mapped import Mapped
from streams.knowledge.hypergraph import Hypergraph

_AND = re.compile(
    r"(?:^|(?<=[.!?]\s)|(?<=\n))(?P<head>(?:(?:yes|no|yeah|yep|nope|correct|indeed|right|true)\b\W+)?(?:because\s+|since\s+)?it\s+"
    r"[a-z]+\b[^.!?;\n]{1,120}?),?\s+and\s+(?!it\b)(?P<verb>[a-z]+)\s",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\b(?:who|whose|which|that|where|when|while|if|as|after|before|he|she|they|we|i|you)\b|\bto\s+[a-z]+\b", re.IGNORECASE
)
"""What follows one of these may be said of something else."""
_VERBS = frozenset({"is", "was", "has", "had", "lies", "stands"})
_MOST = 3


def say_it_again(mapped: Mapped, graph: Hypergraph) -> None:
    """Write the "it" before a second verb of a sentence that begins with it. Hold the view's lock."""
    if " and " not in mapped.text or "t " not in mapped.text:
        return
    first = {one.between.split()[0] for known in graph.ontology.predicates.values() for one in known.templates if one.between}
    verbs = _VERBS | {word for word in first if word.isalpha()}

    def again(match: re.Match[str]) -> list[str | tuple[int, int]]:
        if match["verb"].lower() not in verbs or _CLAUSE.search(match["head"]):
            return [match.span()]
        return [(match.start(), match.start("verb")), "it ", (match.start("verb"), match.end())]

    for _ in range(_MOST):
        before = mapped.text
        mapped.sub(_AND, again)
        if mapped.text == before:
            return
