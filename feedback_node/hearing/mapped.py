"""A text that is rewritten while each of its characters knows where it stood first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Piece = str | tuple[int, int]
"""A new text, or a span of the text that is rewritten."""


Span = tuple[int, int]


def overlaps(match: re.Match[str], spans: Sequence[Span]) -> bool:
    """Whether a match has characters of one of some spans."""
    return any(start < match.end() and match.start() < end for start, end in spans)


class Mapped:
    """A text with the first place of each of its characters."""

    def __init__(self, text: str, origins: Sequence[int] | None = None) -> None:
        self.text = text
        self._origins = origins
        """None while nothing has moved."""

    def sub(self, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], Sequence[Piece]]) -> None:
        """Rewrite each match by the pieces that `replace` gives for it; new text stands where its match began."""
        parts: list[str] = []
        places: list[int] = []
        last = 0
        for match in pattern.finditer(self.text):
            self._keep(last, match.start(), parts, places)
            for piece in replace(match):
                if isinstance(piece, str):
                    parts.append(piece)
                    places.extend([self.origin(match.start())] * len(piece))
                else:
                    self._keep(*piece, parts, places)
            last = match.end()
        if last:
            self._keep(last, len(self.text), parts, places)
            self.text, self._origins = "".join(parts), places

    def drop(self, spans: Sequence[tuple[int, int]]) -> None:
        """Take spans out; in order, none overlapping."""
        parts: list[str] = []
        places: list[int] = []
        last = 0
        for start, end in spans:
            self._keep(last, start, parts, places)
            last = end
        if last:
            self._keep(last, len(self.text), parts, places)
            self.text, self._origins = "".join(parts), places

    def _keep(self, start: int, end: int, parts: list[str], places: list[int]) -> None:
        parts.append(self.text[start:end])
        places.extend(range(start, end) if self._origins is None else self._origins[start:end])

    def recased(self, text: str) -> None:
        """The same characters in another case."""
        assert len(text) == len(self.text)
        self.text = text

    def origin(self, at: int) -> int:
        """Where a character stood."""
        if self._origins is None:
            return at
        return self._origins[at] if at < len(self._origins) else (self._origins[-1] + 1 if self._origins else 0)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a span of this text stood."""
        return (
            (start, end) if self._origins is None else (self.origin(start), self.origin(end - 1) + 1 if end > start else self.origin(start))
        )
