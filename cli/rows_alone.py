"""A question without an answer, a text without a label: fine where all rows of a file are so, else a row that lacks something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from reading.shapes.prompts import BARE

Row = TypeVar("Row")
LACKING = {BARE: "answer", "text": "label"}
"""Shapes that are fine by themselves, and what their rows lack where others of the file have it."""
HELD_BACK = 1000
"""Rows alone, at the start of a file, that wait to see whether others have more."""
HELD_CHARACTERS = 4_000_000
"""Of all that wait, at most, so that long texts do not fill the memory."""


class RowsAlone(Generic[Row]):
    """Holds the first of them back, until a row that has more is seen, or enough have come without one."""

    def __init__(self) -> None:
        self._others_have: set[str] = set()
        self._held: dict[str, list[Row]] = {kind: [] for kind in LACKING}
        self._count = self._size = 0
        self._is_start = True

    def lacks(self, kind: str) -> str | None:
        """What a row of this kind lacks, though others have it; None where none is known to."""
        return LACKING[kind] if LACKING[kind] in self._others_have else None

    def hold(self, kind: str, rows: list[Row], size: int) -> bool:
        """Whether some rows, of this many characters, wait; if not, those that `let_go` gives come before them. One alone that is too much
        ends the waiting; of several, each may be tried by itself."""
        if self._is_start and self._count + len(rows) <= HELD_BACK and self._size + size <= HELD_CHARACTERS:
            self._held[kind] += rows
            self._count, self._size = self._count + len(rows), self._size + size
            return True
        self._is_start = self._is_start and len(rows) > 1
        return False

    def is_settled(self, kind: str) -> bool:
        """Whether rows of this kind are fine by all that was seen, and none waits."""
        return not self._is_start and not self.lacks(kind) and not self._held[kind]

    def let_go(self, kind: str) -> Iterator[Row]:
        """The rows that waited, none of which lacks anything."""
        held, self._held[kind] = self._held[kind], []
        yield from held

    def is_news(self, what: str) -> bool:
        """Whether no row before had `answer`, or `label`."""
        return what not in self._others_have

    def others_have(self, what: str) -> list[Row]:
        """A row has `answer` or `label`: those that waited lack it."""
        if what in self._others_have:
            return []
        self._others_have.add(what)
        kind = next(kind for kind, lacks in LACKING.items() if lacks == what)
        held, self._held[kind] = self._held[kind], []
        return held
