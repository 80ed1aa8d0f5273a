"""What samples can be put in bands by instead of the difficulty d: signals behind one interface, numbers that grow with difficulty."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from enum import StrEnum

from streams.curriculum.task_detector import Content


class Signal(StrEnum):
    """What a curriculum worker goes by."""

    DIFFICULTY = "difficulty"
    """d = γ·h + δ·l + η·c."""
    LENGTH = "length"
    """l alone: words of the prompt."""
    COMPRESSION = "compression"
    """How little DEFLATE makes of the text: bytes compressed over bytes, 0 to about 1."""
    READABILITY = "readability"
    """Flesch and Kincaid's grade level of the text, 0 and more."""
    RANDOM = "random"
    """None: bands of equal size by chance, the control for all others."""


SMALLEST_TEXT = 200
"""Bytes to which a shorter text is repeated before it is compressed: DEFLATE's own header would make it look hard."""


def text_of(content: Content) -> str:
    """What a sample says: its turns and what is to be learnt."""
    said = [turn.content or "" for turn in (*content.prompt, *(content.messages or ()))]
    return "\n".join(part for part in (*said, content.answer) if part)


def compression(text: str) -> float:
    """Bytes of a text compressed over its bytes: the more it repeats itself, the less. Of the whole text, in UTF-8; 0 of none."""
    raw = text.encode()
    if not raw:
        return 0.0
    repeated = raw * -(-SMALLEST_TEXT // len(raw))
    return len(zlib.compress(repeated, 6)) / len(repeated)


def grade_level(text: str) -> float:
    """Years of school that a text asks for: 0.39 words a sentence + 11.8 syllables a word - 15.59, at least 0.

    Kincaid, Fishburne, Rogers and Chissom, "Derivation of new readability formulas for Navy enlisted personnel", 1975. Syllables are runs
    of vowel letters, without a silent e at a word's end.
    """
    words = re.findall(r"[^\W\d_]+", text)
    if not words:
        return 0.0
    sentences = max(1, len(re.findall(r"[.!?]+(?=\s|$)", text)))
    return max(0.0, 0.39 * len(words) / sentences + 11.8 * sum(map(_syllables, words)) / len(words) - 15.59)


def _syllables(word: str) -> int:
    runs = re.findall(r"[aeiouy]+", word.lower())
    silent = len(runs) > 1 and word.lower().endswith("e") and not word.lower().endswith("le")
    return max(1, len(runs) - silent)


def drawn(sample_id: str) -> float:
    """A number in [0,1) that depends on the sample's id alone, evenly spread."""
    return int.from_bytes(hashlib.blake2b(sample_id.encode(), digest_size=6).digest()) / 2**48


MEASURES: dict[Signal, Callable[[str, Content], float]] = {
    Signal.COMPRESSION: lambda _, content: compression(text_of(content)),
    Signal.READABILITY: lambda _, content: grade_level(text_of(content)),
    Signal.RANDOM: lambda sample_id, _: drawn(sample_id),
}
"""Signals that are no term of d -> how each is measured, from a sample's id and content."""
