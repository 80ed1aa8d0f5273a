"""Other words for the same, by a table of the language alone (`rephrasings.toml`): interchangeable words, and forms of a question."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).with_name("rephrasings.toml")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|`[^`]*`|(?<!\w)'[^']*'(?!\w)")
_WORD = re.compile(r"\w+(?:['’]\w+)*")

Span = tuple[int, int]
"""Start and end character."""


class Table(NamedTuple):
    """The table, ready for use."""

    words: re.Pattern[str]
    """Matches every phrase that is in a group, the longest first."""
    others: dict[str, tuple[str, ...]]
    """Phrase -> the others of its group."""
    about_words: frozenset[str]
    """Words that show that a text may be about its own words."""
    questions: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]
    """Pattern of a whole question -> its other forms."""
    blanks: tuple[str, ...]
    """Forms that ask to fill a gap in `<sentence>`."""


@cache
def table() -> Table:
    """Read the table, once."""
    document = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    others: dict[str, tuple[str, ...]] = {}
    for group in document["interchangeable"]:
        others |= {phrase: tuple(other for other in group if other != phrase) for phrase in group}
    longest_first = sorted(others, key=lambda phrase: (-len(phrase), phrase))
    return Table(
        # Lower case only: a capital may begin a name.
        words=re.compile(r"(?<![\w'’-])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w'’-])"),
        others=others,
        about_words=frozenset(document["about_words"]),
        questions=tuple((re.compile(entry["pattern"]), tuple(entry["forms"])) for entry in document["questions"]),
        blanks=tuple(form for entry in document["blanks"] for form in entry["forms"]),
    )


def question_forms(question: str) -> Iterator[str]:
    """A question in the other forms that the table has for it; none where it fits no pattern."""
    text = question.strip()
    for pattern, forms in table().questions:
        if found := pattern.fullmatch(text):
            for form in forms:
                yield _filled(form, found.groupdict())


def with_other_words(text: str, keep: Collection[Span]) -> Iterator[str]:
    """The text with one interchangeable word exchanged at a time, outside quotations and the spans to `keep`."""
    rules = table()
    if any(word.group().lower() in rules.about_words for word in _WORD.finditer(text)):
        return
    kept = [*keep, *(match.span() for match in _QUOTED.finditer(text))]
    for match in rules.words.finditer(text):
        start, end = match.span()
        if any(start < last and first < end for first, last in kept):
            continue
        for other in rules.others[match.group()]:
            yield text[:start] + other + text[end:]


def blanks(sentence: str) -> Iterator[str]:
    """Questions that ask what belongs in the gap of a sentence without its full stop."""
    for form in table().blanks:
        yield _filled(form, {"sentence": sentence[:1].upper() + sentence[1:]})


def _filled(form: str, parts: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda slot: parts[slot.group(1)], form)
