"""Sentences in another language than the rules read: a word in capitals is no name there by its capitals alone ("Das weiß jedes Kind")."""

from __future__ import annotations

from feedback_node.extraction.lexicon import words as listed
from streams.knowledge.names import fold, words

_OTHERS = frozenset(said for word in listed("other_languages") if len(said := fold(word)) > 1)
"""Small words of German, French, Spanish, Italian, Portuguese and Dutch that neither English nor names have."""
_ENGLISH = frozenset(
    ("the", "is", "are", "was", "were", "of", "it", "by", "and", "to", "with", "from", "that", "this", "for", "has", "have")
)
_LEAST = 2


def is_another_language(sentence: str) -> bool:
    """Whether a sentence has small words of another language, and none of English."""
    said = {word.text for word in words(sentence)}
    return len(said & _OTHERS) >= _LEAST and said.isdisjoint(_ENGLISH)
