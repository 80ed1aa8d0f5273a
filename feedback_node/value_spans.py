"""Where a value stands in a question or a short answer: runs of digits, number words, months and units."""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.extraction.lexicon import words as listed
from streams.knowledge.dates import ORDINALS, PART
from streams.knowledge.numbers import SCALES, SMALL, TENS
from streams.knowledge.units import UNITS

_VALUE_WORDS = frozenset({*SMALL, *TENS, *SCALES, "half", "quarter", "point", "century", "bc", "bce", "ad", "ce", "and", "a"})
_SLIGHT = frozenset(
    {"a", "an", "and", "may", "second", "in", "no", "half", "quarter", "point", "the", "of", "to", "×", "x", "*", "–", "-", "between"}
)
"""Words of values that are more often no part of one: they never begin or end it."""
_VALUE_WORDS |= listed("months") | listed("units")
_PER = re.compile(r"[/·⋅]")
_OF_UNITS = frozenset({"u", "da", "amu", "mol", "mole", "moles", "mol⁻¹", "mol-1", "s⁻¹", "m²", "m³", "cm³"})
"""They stand behind a stroke or a mass, and measure little by themselves."""
_DOTTED = re.compile(r"[a-z](?:\.[a-z])+\.?")
"""A.D., B.C."""
_DATED = re.compile(rf"(?:May,?\s+\d|(?i:(?:{'|'.join(ORDINALS)})[\s-]centur))")
_APPROXIMATE = re.compile(
    r"(?:\b(?:about|around|approximately|roughly|nearly|almost|circa|more than|less than|over|under|at least|up to|between)|~|≈"
    rf"|{PART})\s*$",
    re.I,
)


def value_spans(text: str, begin: int) -> Iterator[tuple[int, int]]:
    """Runs of digits, number words, months and units."""
    start = end = -1
    for match in re.finditer(r"[^\s,;()]+", text):
        if match.start() < begin:
            continue
        word = match.group().strip(".!?\"'").lower()
        word = word.replace(".", "") if _DOTTED.fullmatch(word) else word
        parts = word.split("-") if word[:1].isalpha() else [word]
        telling = any(char.isdigit() for char in word) or all(
            (part in _VALUE_WORDS or part.removesuffix("s") in SCALES) and part not in _SLIGHT for part in parts
        )
        telling = telling or _opens_date(text, match.start())
        unit = start >= 0 and (word[:1] in "°%" or all(is_unit(part) for part in _PER.split(word)))
        valued = telling or unit or word in _SLIGHT
        if start < 0 and (telling or (word in ("half", "a", "an") and _scale_next(text, match.end()))):
            start = match.start()
        if start >= 0 and not valued:
            yield _whole(text, begin, start, end)
            start = -1
        if start >= 0 and (telling or (unit and word != "in")):
            end = match.end()
    if start >= 0:
        yield _whole(text, begin, start, end)


def is_unit(word: str) -> bool:
    """Whether a word in small letters is a unit, or a part of one."""
    return word in UNITS or word.removesuffix("s") in UNITS or word in _OF_UNITS


def _opens_date(text: str, at: int) -> bool:
    """Whether a word that has another meaning too begins a date or a century: "May 1765", "nineteenth century"."""
    return _DATED.match(text, at) is not None


def _scale_next(text: str, at: int) -> bool:
    """Whether "a" and "half a" begin a number: "a million", "half a dozen"."""
    match = re.match(r"\s+(?:an?\s+)?([a-z]+)", text[at:], re.IGNORECASE)
    return match is not None and match[1].lower() in SCALES


def _whole(text: str, begin: int, start: int, end: int) -> tuple[int, int]:
    """With the "about", or the part of a century, before a value."""
    match = _APPROXIMATE.search(text[begin:start].rstrip() + " ") if start > begin else None
    if match:
        start = begin + match.start()
    while end > start and text[end - 1] in ".!?":
        end -= 1
    return start, end
