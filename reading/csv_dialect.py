"""The dialect of a CSV file: what stands between its cells, and how a quote within a cell is written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

SEPARATORS = (",", "\t", ";", "|")
SEP_LINE = re.compile(r'\s*"?sep=(.)"?\s*(?:\r\n|\r|\n|$)', re.IGNORECASE)
"""Excel's own first line."""
LOOKED_AT = 1 << 16
LINES = 500
"""Lines that are looked at: a cell may have many."""
WAYS = ((None, True), ("\\", True), (None, False))
"""How quotes within a cell are written: doubled, behind a backslash, or, between tabs, as they are; the first that does well."""


class Dialect(NamedTuple):
    """How a file is divided into rows and cells."""

    separator: str
    columns: int
    """Cells of the first row."""
    has_sep_line: bool = False
    escape: str | None = None
    """What stands before a quote within a cell where that is not a second quote."""
    quoted: bool = True
    """Whether quotes mean anything."""

    def reader(self, lines: Iterable[str]) -> Any:
        """A strict reader of lines."""
        options = {"delimiter": self.separator, "escapechar": self.escape, "doublequote": self.escape is None}
        quoting = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, strict=True, quoting=quoting, **options)  # type: ignore[arg-type]


def find_dialect(head: str, hint: str | None = None) -> Dialect:
    """The dialect that divides the beginning of a file into the most even rows.

    Args:
        head: the beginning of the file.
        hint: the separator that its name suggests, taken where another is no better.
    """
    head = head[:LOOKED_AT].lstrip("\ufeff")
    if named := SEP_LINE.match(head):
        return _best(head[named.end() :], (named[1],))._replace(has_sep_line=True)
    order = SEPARATORS if hint is None else (hint, *(separator for separator in SEPARATORS if separator != hint))
    return _best(head, order)


def _best(head: str, separators: tuple[str, ...]) -> Dialect:
    found = []
    for place, separator in enumerate(separators):
        for way, (escape, quoted) in enumerate(WAYS if separator == "\t" else WAYS[:2]):
            if escape and f'{escape}"' not in head:
                continue  # it would take any quote within a cell for one that is meant
            dialect = Dialect(separator, 0, escape=escape, quoted=quoted)
            columns, even = _columns(head, dialect)
            found.append((columns > 1, round(even, 1), -way, columns, -place, dialect._replace(columns=columns)))
    return max(found, key=lambda one: one[:-1])[-1]


def _columns(head: str, dialect: Dialect) -> tuple[int, float]:
    """Cells of the first row, and the share of rows that have as many. The last one, which may be cut, does not count."""
    lines = list(io.StringIO(head, newline=""))
    lines, is_cut = (lines[:-1] if len(head) >= LOOKED_AT else lines)[:LINES], len(head) >= LOOKED_AT or len(lines) > LINES
    widths: list[int] = []
    while lines:
        rows = dialect.reader(iter(lines))
        try:
            for row in rows:
                if row:
                    widths.append(len(row))
            break
        except csv.Error:  # go on behind what was read of it
            if is_cut and rows.line_num >= len(lines):
                break  # a cell of several lines, of which the last are not looked at
            widths.append(-1)
            lines = lines[max(1, rows.line_num) :]
    if not widths:
        return 0, 0.0
    return widths[0], sum(width == widths[0] for width in widths) / len(widths)
