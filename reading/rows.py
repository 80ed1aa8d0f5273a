"""Rows of a file of any format, one interface for all that reads files: training samples, facts, previews."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from reading.blocks import Alone, Block, Lines
from reading.columnar import columnar_rows, named_labels
from reading.csv_rows import csv_rows
from reading.encodings import as_utf8, remedy
from reading.formats import TABLE_SUFFIXES, Format, binary_format, suffix_of, text_format
from reading.json_text import parse, parse_many
from reading.json_values import JsonValues, Text
from reading.lines import line_blocks
from reading.opening import HEAD, Joined, Progress, Source, looked_at, opened
from reading.refusal import Refuse, Refused, Skip

Table = Callable[[Path, IO[bytes], bytes, Refuse], Iterator[tuple[int, dict[str, Any]]]]
"""Reads the rows of a table: its path, the file in UTF-8, its beginning, and who is told of bad rows."""


class RowReader:
    """Reads the rows of one file; while it does, says what the file is.

    Args:
        path: `-` is standard input.
        refuse: told of each row that cannot be read; it raises where bad rows are not passed over.
        encoding: what a text file is written in; None: UTF-8, or what its byte order mark says.
        progress: told of each number of bytes read.
        labels: column -> names of its labels, where something beside the file declares them.
        table: what reads the rows of a table; it may take a first line for something else than a header.
        is_table: whether text that does not begin as JSON does is a table, whatever its name and its first lines say.
    """

    def __init__(
        self,
        path: Path,
        refuse: Refuse,
        encoding: str | None = None,
        progress: Progress | None = None,
        labels: dict[str, list[str]] | None = None,
        table: Table = csv_rows,
        is_table: bool = False,
    ) -> None:
        self.path = path
        self.format: Format | None = None
        """Once the first row was asked for."""
        self._refuse = refuse
        self._encoding = encoding
        self._progress = progress
        self._labels = labels
        self._table = table
        self._is_table = is_table
        self._head = b""
        self._remedy: str | None = None

    def __iter__(self) -> Iterator[Block]:
        """Every row that is an object, those together that were parsed together.

        Raises:
            UserError: the file cannot be opened, is no file of rows, or has no header.
        """
        with opened(self.path, self._progress) as source:
            try:
                for block in self._blocks(source):
                    if self._labels:
                        block.values = [named_labels(row, self._labels) for row in block.values]
                    yield block
            except OSError as error:
                self._refuse(0, Skip.BAD_FILE, f"the rest cannot be read: {error.strerror or error}")

    def _blocks(self, source: Source) -> Iterator[Block]:
        self.format = None if self._encoding else binary_format(self.path, source.head)
        if self.format:
            with source.on_disk() as file:
                for number, row in columnar_rows(self.path, file, self.format):
                    yield Alone(number, row)
            return
        text = as_utf8(source, self._encoding)
        if isinstance(text, io.BufferedReader) and text is source.stream:
            self._head, stream = text.peek(HEAD), text
        else:
            self._head, rest = looked_at(text)
            stream = io.BufferedReader(Joined(self._head, rest), HEAD)
        start = self._head.lstrip()[:1]
        self.format = Format.CSV if self._is_table and start and start not in b"{[" else text_format(self.path, self._head)
        if self.format is Format.CSV or (self.format is Format.EMPTY and suffix_of(self.path) in TABLE_SUFFIXES):
            for line, cells in self._table(self.path, stream, self._head, self._told):
                yield Alone(line, cells)
        elif self.format is Format.JSON_VALUES:
            yield from self._parsed(JsonValues(stream, self._told))
        elif self.format is Format.JSON_LINES:
            yield from self._lines(stream)

    def _lines(self, stream: IO[bytes]) -> Iterator[Block]:
        number = 1
        for raws in line_blocks(stream):
            lines: Sequence[int] = range(number, number + len(raws))
            number += len(raws)
            if not all(raws):  # blank lines are no rows
                lines = [line for line, raw in zip(lines, raws, strict=True) if raw]
                raws = [raw for raw in raws if raw]
            values = parse_many(b"[%b]" % b",".join(raws))
            if values is not None and len(values) == len(raws):
                yield Lines(values, raws, lines)
            else:
                yield from self._parsed(zip(lines, raws, strict=True))

    def _parsed(self, texts: Iterable[Text | Block]) -> Iterator[Block]:
        for one in texts:
            if isinstance(one, Block):
                yield one
                continue
            line, raw = one
            try:
                value = parse(raw)
            except Refused as error:
                if raw.strip():
                    yield from self._several(line, raw, error)
                continue
            if type(value) is str and value.lstrip()[:1] in ("{", "["):  # JSON that was made JSON once more
                yield from self._parsed([(line, value.encode())])
            elif type(value) is dict:
                yield Alone(line, value, raw)
            elif type(value) is list and value and isinstance(value[0], dict):
                yield Alone(line, {"messages": value}, raw)  # a conversation that is its turns alone
            else:
                self._told(line, Skip.BAD_JSON, f"a JSON object is wanted, this is {'a list' if type(value) is list else repr(value)[:30]}")

    def _several(self, line: int, raw: bytes, error: Refused) -> Iterator[Block]:
        """A line of two objects, as where files were joined: both, if that is all that is wrong with it."""
        broken: list[str] = []
        parts: list[Text | Block] = []
        if error.reason is Skip.BAD_JSON and b"{" in raw[1:]:
            parts = list(JsonValues(io.BytesIO(raw), lambda *_: broken.append(""), line))
        if len(parts) < 2 or broken:
            self._told(line, error.reason, error.detail)
            return
        yield from self._parsed(parts)

    def _told(self, line: int, reason: Skip, detail: str) -> None:
        if reason is Skip.BAD_ENCODING and detail.startswith("not UTF-8"):
            if self._remedy is None:
                self._remedy = remedy(self._head, self._encoding)
            detail = f"{detail}; {self._remedy}"
        self._refuse(line, reason, detail)
