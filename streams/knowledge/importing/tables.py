"""Facts in rows of cells: CSV in any dialect, with or without a header, and edge lists. A header never becomes a fact."""

from __future__ import annotations

import ast
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from reading.csv_rows import csv_cells
from reading.lines import bounded_lines
from reading.opening import HEAD, ByteReader, Joined, read_fully
from reading.refusal import Refuse, Refused, Skip
from schemas.errors import UserError
from streams.knowledge.importing.columns import QUALIFIERS, ROLES, Columns, Wanted, by_names, by_ontology, some_roles
from streams.knowledge.importing.statement import of_edge
from streams.knowledge.ontology import Ontology

LOOKED_AT = 1000
"""Rows by which the ontology says which column holds the predicates."""
MANY = 10
"""Rows of a table from which on a first line unlike all others is told."""
EDGE_LIST = Columns(("subject", "object", "predicate"))
"""The order of an edge list, as networkx writes one."""
REMEDY = "pass --columns, such as --columns subject,predicate,object, in the order in which they stand"


class FactTable:
    """Reads the facts of one table. Afterwards `columns` says what was taken for what, and `comments` how many lines were passed over."""

    def __init__(self, wanted: Wanted | None, ontology: Ontology, is_edge_list: bool) -> None:
        self.columns: Columns | None = None
        self.comments = 0
        self._first: tuple[str, list[str]] | None = None
        self._again = False
        self._rows = 0
        self._wanted = wanted
        self._ontology = ontology
        self._is_edge_list = is_edge_list

    def rows(self, path: Path, stream: IO[bytes], head: bytes, refuse: Refuse, *, comments: bool) -> Iterator[tuple[int, dict[str, Any]]]:
        """Fields of a fact from each row, with its line.

        Args:
            path: for its ending, and for messages.
            stream: the file, in UTF-8.
            head: its beginning, which `stream` still gives.
            refuse: told of each row that is none.
            comments: whether a line that begins with `#` is one; anywhere else `#` is text.

        Raises:
            UserError: nothing says which column is which.
        """
        if comments:
            uncommented = io.BufferedReader(_Uncommented(stream, self), HEAD)
            head = read_fully(uncommented, HEAD)
            stream = io.BufferedReader(Joined(head, uncommented), HEAD)
        cells = csv_cells(Path("edges.tsv") if self._is_edge_list else path, stream, head, refuse)
        first = list(itertools.islice(cells, LOOKED_AT))
        if not first:
            return
        self.columns, has_header = self._columns(path, [row for _, row in first])
        for line, row in itertools.chain(first[has_header:], cells):
            try:
                fields = self._fields(row, self.columns)
            except Refused as error:
                refuse(line, error.reason, error.detail)
                continue
            if not has_header:
                self._note(row, str(fields.get("predicate")))
            yield line, fields

    def _note(self, row: list[str], predicate: str) -> None:
        self._rows += 1
        if self._first is None:
            self._first = predicate, row
        else:
            self._again = self._again or predicate == self._first[0]

    @property
    def may_have_header(self) -> str | None:
        """A first line that was taken for a fact, though no other line has its predicate and there are many."""
        return ",".join(self._first[1]) if self._first and not self._again and self._rows >= MANY else None

    def _columns(self, path: Path, rows: list[list[str]]) -> tuple[Columns, bool]:
        """What the columns are, and whether the first row is their header."""
        header = [name.strip() for name in rows[0]]
        named = by_names(header, self._wanted)
        if self._wanted and self._wanted.columns and not (named and self._wanted.places_in(header)):
            if named and named.roles != self._wanted.columns.roles:
                raise UserError(
                    f"{path}: its header is {', '.join(header)}, and --columns says {','.join(self._wanted.names)}; leave out --columns"
                )
            return self._wanted.columns, named is not None
        if self._wanted and not self._wanted.columns and not self._wanted.places_in(header):
            raise UserError(f"{path}: the first line, {shown(header)}, has not all the columns {','.join(self._wanted.names)}; {REMEDY}")
        if named:
            return named, True
        if some_roles(header) > 1:
            raise UserError(f"{path}: the first line, {shown(header)}, looks like a header, but does not say all of a fact; {REMEDY}")
        if self._is_edge_list or all(is_dictionary(row) for row in rows):
            return EDGE_LIST, False
        if found := by_ontology(rows, self._ontology):
            return found, False
        known = "no header that says which is which" + (", and no one of them holds predicates of the ontology" if self._ontology else "")
        few = "; a fact has three: add what is missing, and name the order with --columns" if len(header) < len(ROLES) else f"; {REMEDY}"
        raise UserError(f"{path}: {len(header)} columns, {shown(header)}, with {known}{few}")

    def _fields(self, row: list[str], columns: Columns) -> dict[str, Any]:
        if columns is EDGE_LIST and is_dictionary(row):
            return of_edge(row[0], row[1], _attributes(row[2]))
        if len(row) < len(columns.roles) or any(row[len(columns.roles) :]):
            raise Refused(Skip.BAD_CELLS, f"{len(row)} cells, where {len(columns.roles)} are wanted")
        return of_columns(columns, dict(enumerate(row)))


def of_columns(columns: Columns, values: Mapping[int, Any]) -> dict[str, Any]:
    """Fields of a fact by what the columns are. An empty cell is unset, unless it is a part of the fact."""
    fields: dict[str, Any] = {}
    for place, role in enumerate(columns.roles):
        value = values[place]
        if role in ROLES:
            fields[role] = value
        elif role == "qualifiers" and value not in ("", None):
            fields.setdefault("qualifiers", {}).update(_qualifiers(value))
        elif role.startswith(QUALIFIERS) and value not in ("", None):
            fields.setdefault("qualifiers", {})[role.removeprefix(QUALIFIERS)] = value
        elif role and value not in ("", None):
            fields[role] = value
    return fields


def _qualifiers(value: Any) -> dict[str, Any]:
    """A cell or key of all qualifiers: an object, or its JSON."""
    try:
        found = json.loads(value, parse_int=str, parse_float=str) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(Skip.INVALID, f"qualifiers: an object of names and values is wanted, this is {str(value)[:50]!r}")
    return found


def is_dictionary(row: Sequence[str]) -> bool:
    """Whether a row ends, in third place, with an edge's attributes as networkx writes them."""
    return len(row) == len(ROLES) and row[2].strip().startswith("{") and row[2].strip().endswith("}")


def _attributes(text: str) -> dict[str, Any]:
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refused(Skip.INVALID, f"attributes that are no dictionary: {text.strip()[:50]!r}")
    return {str(name): value for name, value in found.items()}


def shown(cells: Sequence[str]) -> str:
    """The first cells of a row, for a message."""
    return ", ".join(repr(cell[:30]) for cell in cells[:6])


class _Uncommented(ByteReader):
    """A text whose comments are blank lines."""

    def __init__(self, stream: IO[bytes], table: FactTable) -> None:
        self._lines = bounded_lines(stream)
        self._table = table
        self._ready = b""

    def read_some(self, size: int) -> bytes:
        while not self._ready:
            line = next(self._lines, None)
            if line is None:
                return b""
            is_comment = line.startswith(b"#")
            self._table.comments += is_comment
            self._ready = b"\n" if is_comment else line + b"\n"
        data, self._ready = self._ready[:size], self._ready[size:]
        return data
