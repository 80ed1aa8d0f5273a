"""Items in lines of their own are one list: "- Kenya\\n- Uganda" says as much as "Kenya, Uganda", and is read as that.

Read line by line the first item would be the answer, and what stands behind it would count for nothing. Lines with a verb, a label or a
sentence of their own stay lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.hearing.mapped import Mapped

_BREAK = re.compile(r"[.,;]?[ \t]{0,4}\n\s*|;[ \t]+")
LINKS = r"(?:of|the|and|de|del|du|da|di|van|von|der|den|la|le|el|al|y|et|e|upon|bin|ibn|&)"
_WORD = r"(?:\d{1,2}(?=\s[A-Z])|[^\W\d_a-z][^\s,;:?!()]*|\d[\d,.]*|[\"'][^\W\d_a-z][^\s,;:?!]*|\([^()\n]{1,40}\))"
NAME = re.compile(rf"(?:the\s)?{_WORD}(?:\s(?:{LINKS}|{_WORD}))*")
"""Every word begins with a capital, but for those that link words of a name; brackets may say more."""
_COMMON = re.compile(r"[^\W\d_][\w'-]*(?:\s[^\W\d_][\w'-]*){0,2}")
"""A thing in small letters."""
_SENTENCE = re.compile(r"[^\W\d_]{3,}\.\s")
_NO_ITEMS = re.compile(
    r"^(?:(?:the )?(?:final |short |correct )?answers?|sources?|notes?|yes|no|sure|true|false|correct|incorrect|thanks|thank you|ok|okay"
    r"|n/?a|none|unknown|hello|hi)\b|\b(?:is|are|was|were|has|have|had|do|does|did|can|could|will|would|i|you|we|know|not)\b|n't\b",
    re.IGNORECASE,
)
_MOST_WORDS, _MOST_CHARS = 6, 80
"""Of an item. A list has no longest: were its end read by itself, what is wrong there would cost nothing."""


def as_one_list(mapped: Mapped) -> None:
    """Join items that stand in lines of their own, or between semicolons, with commas, and with the line that leads to them."""
    text = mapped.text
    if "\n" not in text and ";" not in text:
        return
    joints = dict(_joints(text))
    if joints:
        mapped.sub(_BREAK, lambda match: [joints[match.start()]] if match.start() in joints else [match.span()])


def _joints(text: str) -> Iterator[tuple[int, str]]:
    """Where a break is none, and what stands there instead."""
    found = list(lines(text))
    begin = 0
    while begin < len(found):
        end, kinds = begin, [NAME, _COMMON]
        while end < len(found) and (kinds := [kind for kind in kinds if is_item(text[slice(*found[end])], kind)]):
            end += 1
        if end - begin > 1:
            if begin and text[slice(*found[begin - 1])].endswith(":"):
                yield found[begin - 1][1], " "
            yield from ((stop, ", ") for _, stop in found[begin : end - 2])
            yield found[end - 2][1], " and " if end - begin == 2 else ", and "
        begin = max(end, begin + 1)


def lines(text: str) -> Iterator[tuple[int, int]]:
    """Spans of what stands between breaks."""
    begin = 0
    for match in _BREAK.finditer(text):
        yield begin, match.start()
        begin = match.end()
    if text[begin:].strip():
        yield begin, len(text)


def is_item(said: str, kind: re.Pattern[str]) -> bool:
    """Whether a line is the name of one thing; all of a list are names, or all are in small letters."""
    said = said.strip().rstrip(".,")
    if len(said) > _MOST_CHARS or len(said.split()) > _MOST_WORDS or _NO_ITEMS.search(said) or _SENTENCE.search(said):
        return False
    return kind.fullmatch(said) is not None
