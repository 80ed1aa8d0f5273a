"""How a text is read: its words with their parts of speech and what each belongs to, and which of them are names.

Texts are compared by it: where the parse of the words that stayed is another after some were exchanged, the others did not fit.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from schemas.errors import UserError
from streams.english_model import installed_model
from streams.imported import kept_out

if TYPE_CHECKING:
    from spacy.language import Language

MOST_CHARACTERS = 20_000
"""Longer texts are not parsed."""
REMEMBERED = 2_000
PART_OF_A_NOUN = frozenset({"compound", "amod", "nmod", "poss", "npadvmod", "nummod", "appos"})
"""Relations of what stands by a noun and belongs to it ("Everett, Washington")."""

logger = logging.getLogger(__name__)


class Token(NamedTuple):
    """One word or mark."""

    text: str
    start: int
    end: int
    """Characters."""
    tag: str
    """Part of speech, of the Penn Treebank."""
    relation: str
    """To its head."""
    head: int
    """Number of the word that it belongs to; its own at the root."""
    is_named: bool
    """Whether it is in a name, a number or a date."""


Reading = tuple[Token, ...]


@lru_cache(maxsize=1)
def load_model() -> Language | None:
    """spaCy's small English model, with what is needed of it; None, and a warning, where none is installed."""
    with kept_out("torch"):
        import spacy  # takes seconds

    try:
        return spacy.load(installed_model(), exclude=["lemmatizer", "attribute_ruler", "senter"])
    except UserError as error:
        logger.warning("texts are not parsed, and hardly any variants made: %s", error)
        return None


@lru_cache(maxsize=REMEMBERED)
def read(text: str) -> Reading:
    """The text's words; none of a text that is too long, or where no model is installed."""
    model = load_model()
    if model is None or len(text) > MOST_CHARACTERS:
        return ()
    with model.memory_zone():  # else each new word of a stream stays in memory
        return tuple(
            Token(token.text, token.idx, token.idx + len(token.text), token.tag_, token.dep_, token.head.i, bool(token.ent_type_))
            for token in model(text)
        )


def is_phrase(text: str, start: int, end: int) -> bool:
    """Whether a stretch of a text is a noun phrase, whole: all of it belongs to a noun in it, and nothing else but "the" does."""
    tokens = read(text)
    inside = [number for number, token in enumerate(tokens) if token.start < end and start < token.end]
    heads = [number for number in inside if tokens[number].head not in inside or tokens[number].head == number]
    if len(heads) != 1 or not tokens[heads[0]].tag.startswith(("N", "PRP", "CD")) or tokens[heads[0]].relation in PART_OF_A_NOUN:
        return False
    others = [number for number, token in enumerate(tokens) if token.head in inside and number not in inside]
    return all(tokens[number].text.lower() == "the" or tokens[number].relation == "punct" for number in others)


def is_same_but_for(before: str, after: str) -> bool:
    """Whether two texts are parsed alike, outside the one stretch in which they differ."""
    start, end, other_end = _stretch(before, after)
    one, other = read(before), read(after)
    if not one or not other:
        return False
    kept = [_outside(one, start, end), _outside(other, start, other_end)]
    return kept[0] == kept[1] and _tags_within(one, start, end, other, other_end)


def _tags_within(one: Reading, start: int, end: int, other: Reading, other_end: int) -> bool:
    """Of one word exchanged for one: whether it is of the same part of speech."""
    said = [
        [token.tag for token in tokens if token.start < last and start < token.end] for tokens, last in ((one, end), (other, other_end))
    ]
    return len(said[0]) != 1 or len(said[1]) != 1 or said[0] == said[1]


def _outside(tokens: Reading, start: int, end: int) -> list[tuple[str, str, str, int]]:
    """Of each word outside a stretch: text, tag, relation, and how many such words further its head is; 0 where that is inside."""
    stands = [not (token.start < end and start < token.end) for token in tokens]
    place = list(accumulate(stands, initial=0))
    return [
        (token.text, token.tag, token.relation, place[token.head] - place[number] if stands[token.head] else 0)
        for number, token in enumerate(tokens)
        if stands[number]
    ]


def _stretch(before: str, after: str) -> tuple[int, int, int]:
    """Where two texts begin to differ, and where each ends doing so, to whole words."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end, other = len(before), len(after)
    while end > start and other > start and before[end - 1] == after[other - 1]:
        end, other = end - 1, other - 1
    while start and before[start - 1].isalnum():
        start -= 1
    while end < len(before) and before[end].isalnum():
        end, other = end + 1, other + 1
    return start, end, other
