"""Rows that were parsed together. The line and the text of one are found when somebody asks for them, which is seldom."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from reading.json_text import spelled

BETWEEN = re.compile(r"(?:[\s,]|\xef\xbb\xbf|\ufeff)*", re.ASCII)
"""What may stand between two values: blanks, commas, the byte order mark of a file that was joined to another (as bytes, or as text)."""


class Block(ABC):
    """Some rows of a file, in its order.

    Args:
        values: each row by its columns' names.
        longest: what no row's text is longer than, in characters or bytes; None where they have no text.
    """

    def __init__(self, values: list[dict[str, Any]], longest: int | None) -> None:
        self.values = values
        self.longest = longest

    @abstractmethod
    def line(self, place: int) -> int:
        """Where a row begins: its line, or of a column format its number, from 1."""

    @abstractmethod
    def spelled(self, place: int) -> Any:
        """A row whose numbers are texts, as the file spells them."""


class Alone(Block):
    """One row; of a column format it has no text, and its numbers are spelled as Python does."""

    def __init__(self, line: int, value: dict[str, Any], raw: bytes | None = None) -> None:
        super().__init__([value], None if raw is None else len(raw))
        self._line = line
        self._raw = raw

    def line(self, place: int) -> int:  # noqa: ARG002 - there is one
        """Its line."""
        return self._line

    def spelled(self, place: int) -> Any:  # noqa: ARG002
        """The row, its numbers as texts."""
        if self._raw is None:
            return {name: str(value) if type(value) in (int, float) else value for name, value in self.values[0].items()}
        return spelled(self._raw)


class Lines(Block):
    """Rows of JSON, a line each."""

    def __init__(self, values: list[dict[str, Any]], raws: list[bytes], lines: Sequence[int]) -> None:
        super().__init__(values, max(map(len, raws)))
        self._raws = raws
        self._lines = lines

    def line(self, place: int) -> int:
        """Its line."""
        return self._lines[place]

    def spelled(self, place: int) -> Any:
        """The row, its numbers as texts."""
        return spelled(self._raws[place])


class Elements(Block):
    """Elements of an array.

    Args:
        values: what they are.
        raw: the array of them.
        line: where it begins.
    """

    def __init__(self, values: list[dict[str, Any]], raw: bytes, line: int) -> None:
        super().__init__(values, len(raw))
        self._raw = raw
        self._line = line
        self._lines: list[int] = []
        self._spelled: list[Any] = []

    def line(self, place: int) -> int:
        """Its line."""
        self._look()
        return self._lines[place]

    def spelled(self, place: int) -> Any:
        """The row, its numbers as texts."""
        self._look()
        return self._spelled[place]

    def _look(self) -> None:
        """Find all elements in the text, once."""
        decode, text = json.JSONDecoder(strict=False, parse_int=str, parse_float=str).raw_decode, self._raw.decode()
        at, line, counted = 1, self._line, 0
        for _ in self.values[len(self._lines) :]:
            blanks = BETWEEN.match(text, at)
            assert blanks  # it matches nothing, too
            start = blanks.end()
            line, counted = line + text.count("\n", counted, start), start
            value, at = decode(text, start)
            self._lines.append(line)
            self._spelled.append(value)
