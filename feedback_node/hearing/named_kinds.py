"""The one name in a sentence that says itself that it is of the kind that was asked for: "the University of X", "the X company".

Looked for where nothing else was heard, and only where the question asks by that noun.
"""

from __future__ import annotations

import re
from functools import cache

from feedback_node.hearing.asked import Asked, Missing
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED
from streams.knowledge.names import fold

_UPPER = r"[^\W\d_a-z][\w.'’&-]*"
_RUN = rf"{_UPPER}(?:\s+(?:(?:of|at|for|de|and|&)\s+(?:the\s+)?)?{_UPPER})*"


def named_kind(text: str, begin: int, asked: Asked, missing: Missing, graph: Hypergraph) -> list[Triplet]:
    """The claim that such a name is the answer; `begin`: where the sentence goes on behind the name of what was asked of."""
    nouns = tuple(noun for noun in graph.ontology[missing.predicate].nouns if set(noun.split()) <= asked.question.words)
    found = list(_named(nouns).finditer(text, begin)) if nouns else []
    if len({fold(one["name"]) for one in found}) != 1 or fold(found[0]["name"]) in nouns or _says_else(text, found[0], missing, graph):
        return []
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    said = found[0]["name"].rstrip(" .,'’")
    start = found[0].start("name")
    return [Triplet(subject=owner, predicate=missing.predicate, object=said, object_span=(start, start + len(said)), rule=OFFERED)]


def _says_else(text: str, found: re.Match[str], missing: Missing, graph: Hypergraph) -> bool:
    """Whether the words before a name are of another relation: "bordered by the Xian continent" says in which continent nothing is."""
    before = " ".join(text[: found.start("name")].removesuffix("the ").split()[-2:])
    names = {match.name for match in graph.ontology.match_all(before)}
    return bool(names) and missing.predicate not in names


@cache
def _named(nouns: tuple[str, ...]) -> re.Pattern[str]:
    said = "|".join(re.escape(noun) for noun in nouns)
    kind = rf"(?i:{said})\b"
    return re.compile(
        rf"\b(?:at|by|with|from|is|was)\s+(?:the\s+|a\s+)?(?P<name>(?=(?:{_UPPER}\s+|(?:of|at|for|de|and|&)\s+|the\s+)*{kind}){_RUN}(?:\s+{kind})?)"
    )
