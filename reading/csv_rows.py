"""Rows of a CSV file in any dialect, every cell as it is written. A quote that is never closed costs its own row, not those behind it."""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from reading.csv_dialect import find_dialect
from reading.formats import suffix_of
from reading.opening import HEAD
from reading.refusal import Refuse, Skip
from schemas.base import MAX_BYTES
from schemas.errors import UserError

HINTS = {".tsv": "\t", ".tab": "\t", ".csv": ","}
ORANGE_TYPES = frozenset(("", "c", "continuous", "d", "discrete", "s", "string", "t", "time"))
ORANGE_ROLES = frozenset(("", "c", "class", "m", "meta", "i", "ignore", "w", "weight"))
MAX_CELL = 2 * MAX_BYTES
INDEX = ("", "Unnamed: 0")
"""Names of the column that pandas writes before the others unless it is told not to."""


def csv_rows(path: Path, stream: IO[bytes], head: bytes, refuse: Refuse) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row by its columns' names, with its first line. The index that pandas writes is left out.

    Args:
        path: for its ending, and for messages.
        stream: the file, in UTF-8.
        head: its beginning, which `stream` still gives.
        refuse: told of each row that is none.

    Raises:
        UserError: there is no header, or a column stands twice.
    """
    rows = csv_cells(path, stream, head, refuse)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    if not any(header):
        raise UserError(f"{path}: empty; a CSV file starts with a line of column names")
    if doubled := [name for name, count in Counter(filter(None, header)).items() if count > 1]:
        raise UserError(f"{path}: column {doubled[0]!r} stands twice")
    kept = [place for place, name in enumerate(header) if name not in INDEX]
    names = [header[place] for place in kept]
    width = len(header)
    plain = len(kept) == width
    for line, cells in _without_orange(rows):
        if len(cells) != width:
            if len(cells) < width or any(cells[width:]):
                refuse(line, Skip.BAD_CELLS, f"{len(cells)} cells, but the header has {width}")
                continue
            cells = cells[:width]
        yield line, dict(zip(names, cells if plain else [cells[place] for place in kept], strict=True))


def _without_orange(rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """The rows without the two that Orange writes below its header: what the columns hold, and what they are for."""
    first = list(itertools.islice(rows, 2))
    if len(first) == 2:
        holds, are_for = ({cell.strip().lower() for cell in cells} for _, cells in first)
        if holds <= ORANGE_TYPES and are_for <= ORANGE_ROLES and (holds | are_for) != {""}:
            first = []
    return itertools.chain(first, rows)


def csv_cells(path: Path, stream: IO[bytes], head: bytes, refuse: Refuse) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that has any, the header's too, with the row's first line."""
    dialect = find_dialect(head[:HEAD].decode(errors="replace"), HINTS.get(suffix_of(path)))
    csv.field_size_limit(MAX_CELL)
    lines = _Lines(io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline=""))
    if dialect.has_sep_line:
        next(lines)
        lines.done()
    rows = dialect.reader(lines)
    while True:
        first = lines.number + 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            refuse(first, Skip.BAD_CELLS, f"not CSV: {error}")
            lines.back_to_second()
            rows = dialect.reader(lines)
            continue
        if cells is None:
            return
        if cells and (why := _unreadable(cells, lines)):
            refuse(first, *why)
        elif cells:
            yield first, cells
        lines.done()


def _unreadable(cells: list[str], lines: _Lines) -> tuple[Skip, str] | None:
    if lines.too_long:
        return Skip.TOO_LARGE, f"a line of more than {MAX_CELL} characters"
    whole = "".join(cells)
    if not whole.isascii():
        try:
            whole.encode()
        except UnicodeEncodeError as error:
            return Skip.BAD_ENCODING, f"not UTF-8 ({ord(whole[error.start]) & 0xFF:#04x})"
    return (Skip.NUL, "a NUL character stands in a cell") if "\0" in whole else None


class _Lines:
    """The lines of a text, of which those of the row being read can be given again."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._row: list[str] = []
        self._again: list[str] = []
        self.number = 0
        """Of the last line given."""
        self.too_long = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._text.readline(MAX_CELL)
        if not line:
            raise StopIteration
        if len(line) >= MAX_CELL and not line.endswith(("\n", "\r")):
            self.too_long = True
            while (rest := self._text.readline(MAX_CELL)) and not rest.endswith(("\n", "\r")):
                pass
        self.number += 1
        self._row.append(line)
        return line

    def done(self) -> None:
        """The row is read."""
        self._row.clear()
        self.too_long = False

    def back_to_second(self) -> None:
        """The row is none: go on with the line behind its first."""
        again = self._row[1:]
        self.number -= len(again)
        self._again += reversed(again)
        self.done()
