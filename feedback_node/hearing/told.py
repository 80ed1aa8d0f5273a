"""What tells that a claim is on what was asked though its words are not the ontology's: other forms of them, a name spelt nearly right."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache

from feedback_node.hearing.asked import Asked
from feedback_node.hearing.frame import FRAME
from streams.knowledge.dates import parse_date
from streams.knowledge.english import FILLERS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold, words
from streams.knowledge.near_words import stems
from streams.knowledge.ontology import Predicate, ValueKind
from streams.knowledge.persons import is_made

_LIGHT = FILLERS | FRAME | {"announced", "occurred", "first", "made", "dates", "event", "initially", "formally", "attributed", "credited"}
"""Words beside those of a relation that change nothing of when it was, and of who did it."""
_BY = (" by", "attributed to", "credited to")
_WHERE = (" in", " at", " from", " to", " on")
_LONGEST = 60
_SURE, _ALIKE = 6, 0.85
"""A name of fewer letters is never taken for another; spellings this alike (difflib's ratio) are."""


def is_told(said: str, other: str, predicate: Predicate, asked: Asked, graph: Hypergraph) -> bool:
    """Whether words say when, or by whom, what was asked was done: "was officially admitted to the Union on", "discovery was made by"."""
    if len(said) > _LONGEST:
        return False
    if predicate.value is ValueKind.DATE:
        fits = parse_date(other) is not None
    elif predicate.value is ValueKind.ENTITY and is_made(predicate):
        fits = said.endswith(_BY) and other[:1].isupper()
    else:  # "was bred in", of "was first bred in"
        entity = graph.resolve(other).entity if said.endswith(_WHERE) else None
        fits = entity is not None and bool(graph.statements_to(entity, predicate.name))
    if not fits or predicate.name not in graph.ontology.asked_by(f"{said} first"):
        return False
    known = _known(graph.ontology.vocabulary | graph.ontology.classes | asked.question.words)
    return stems(word.text for word in words(said) if word.text not in _LIGHT) <= known


@lru_cache(maxsize=64)
def _known(said: frozenset[str]) -> frozenset[str]:
    return stems(said)


def is_misspelt(said: str, names: list[str]) -> bool:
    """Whether a name is nearly one of these (folded): "Basters" for "Basterds". Digits and single letters tell names apart."""
    folded = fold(said)
    if not said[:1].isupper() or len(folded) < _SURE:
        return False
    return any(
        folded != name
        and folded[0] == name[:1]
        and _telling(folded) == _telling(name)
        and SequenceMatcher(None, folded, name, autojunk=False).ratio() >= _ALIKE
        for name in names
    )


def _telling(name: str) -> list[str]:
    return [word for word in name.split() if len(word) < 2 or any(char.isdigit() for char in word)]
