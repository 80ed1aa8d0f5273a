"""Sentences of plain prose; a full stop within a name ends none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_END = re.compile(r"(?:[.!?]+[\"')]*(?=\s|$)|;(?=\s)|\n+)\s*")
_SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|St|Mt|Jr|Sr|Prof|Gen|Col"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|vs|etc|ca|approx|c)|(?<![&+/-])\b[A-Z]|\b[ei]\.[eg])\.$"
)


def sentences(text: str, names: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans of the sentences."""
    begin = 0
    for match in _END.finditer(text):
        stop = match.start()
        inside = any(start < stop + 1 < end for start, end in names)
        said = text[max(begin, stop - 8) : stop + 1]
        is_short = _SHORT.search(said) or (said.endswith("No.") and text[match.end() : match.end() + 1].isdigit())  # "No. 5"
        if inside or (is_short and "\n" not in match.group() and match.end() < len(text)):
            continue
        if text[begin:stop].strip():
            yield begin, match.end()
        begin = match.end()
    if text[begin:].strip():
        yield begin, len(text)
