"""Messages out of files, one a row, every bad one named by file and line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args, get_origin

from reading.opening import Progress
from reading.refusal import Skip
from reading.rows import RowReader
from schemas.base import Message
from schemas.errors import BadRecord, DeadLetterReason, UserError

M = TypeVar("M", bound=Message)
LIST_SEPARATOR = "|"
"""Between the values of one CSV cell whose field is a list, such as `gold`."""


@dataclass
class FileReader(Generic[M]):
    """Reads one file's messages; afterwards says what was passed over."""

    path: Path
    """Of any format that `reading.rows` knows. `-` is standard input."""
    kind: type[M]
    """What each row is."""
    skip_bad: bool | None = False
    """Pass over bad rows rather than raise. None: do not, and the command has no flag that says so."""
    check: Callable[[M], str | None] | None = None
    """Says why a well-formed message is yet a bad row; None where it is not."""
    change: Callable[[M], M] | None = None
    """What to make of a message that passed the check; raises BadRecord where it cannot be done."""
    encoding: str | None = None
    """What a text file is written in; None: UTF-8, or what its byte order mark says."""
    bad: list[str] = field(default_factory=list)
    """Every bad row passed over: `file:line: why`."""
    ignored: Counter[str] = field(default_factory=Counter)
    """JSON fields that the message does not have, and on how many rows."""
    _columns_checked: bool = False

    def read(self, progress: Progress | None = None) -> Iterator[M]:
        """Every good message.

        Raises:
            UserError: the first bad row, unless bad rows are skipped; an unknown CSV column always.
        """
        rows = RowReader(self.path, self._refuse, self.encoding, progress)
        for line, row, raw in rows:
            try:
                message = self._message(self._from_cells(row) if raw is None else row, raw)
            except BadRecord as error:
                self._refuse(line, Skip.INVALID, error.detail)
                continue
            yield message

    def _refuse(self, line: int, reason: Skip, why: str) -> None:  # noqa: ARG002 - the reason is for those who count by it
        told = f"{self.path}:{line}: {why}"
        if not self.skip_bad:
            raise UserError(f"{told}; mend the line{'' if self.skip_bad is None else ', or pass --skip-bad'}")
        self.bad.append(told)

    def _message(self, found: dict[str, Any], raw: bytes | None) -> M:
        message = self.kind.decode(json.dumps(found).encode())
        if raw is not None:
            self.ignored.update(found.keys() - self.kind.model_fields.keys())
        if self.check is not None and (why := self.check(message)):
            raise BadRecord(DeadLetterReason.INVALID, why)
        return self.change(message) if self.change is not None else message

    def _from_cells(self, row: dict[str, Any]) -> dict[str, Any]:
        if not self._columns_checked:
            self._check_columns(row)
        return row_to_document(row, row.values(), self.kind)

    def _check_columns(self, header: Iterable[str]) -> None:
        known = self.kind.model_fields
        unknown = [name for name in header if name.split(".")[0] not in known or ("." in name and not is_mapping(self.kind, name))]
        if unknown:
            raise UserError(f"{self.path}: unknown column {', '.join(map(repr, unknown))}; {self.kind.__name__} has {', '.join(known)}")
        self._columns_checked = True


def row_to_document(header: Iterable[str], row: Iterable[str], kind: type[Message]) -> dict[str, Any]:
    """A CSV row as the JSON object it stands for. An empty cell is unset; `qualifiers.date` is a key of a mapping."""
    document: dict[str, Any] = {}
    for name, cell in zip(header, row, strict=True):
        if cell == "":
            continue
        outer, dot, inner = name.partition(".")
        if dot:
            document.setdefault(outer, {})[inner] = cell
        else:
            document[name] = [part.strip() for part in cell.split(LIST_SEPARATOR)] if is_list(kind, name) else cell
    return document


def is_list(kind: type[Message], name: str) -> bool:
    """Whether a field is a tuple of strings (perhaps optional)."""
    annotation = kind.model_fields[name].annotation
    return any(get_origin(part) is tuple for part in (annotation, *get_args(annotation)))


def is_mapping(kind: type[Message], name: str) -> bool:
    """Whether `name`, a dotted column, is a key of one of the message's mappings."""
    outer, _, inner = name.partition(".")
    return bool(inner) and get_origin(kind.model_fields[outer].annotation) is dict
