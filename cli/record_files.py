"""Messages out of files: JSONL or CSV, one message a line or row, every bad one named by file and line."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, get_args, get_origin

from schemas.base import MAX_BYTES, Message
from schemas.errors import BadRecord, DeadLetterReason, UserError

M = TypeVar("M", bound=Message)
LIST_SEPARATOR = "|"
"""Between the values of one CSV cell whose field is a list, such as `gold`."""
BOM = b"\xef\xbb\xbf"


@dataclass
class FileReader(Generic[M]):
    """Reads one file's messages; afterwards says what was passed over."""

    path: Path
    """`.csv` is CSV; anything else is JSONL. `-` is standard input."""
    kind: type[M]
    """What each line is."""
    skip_bad: bool | None = False
    """Pass over bad lines rather than raise. None: do not, and the command has no flag that says so."""
    check: Callable[[M], str | None] | None = None
    """Says why a well-formed message is yet a bad line; None where it is not."""
    change: Callable[[M], M] | None = None
    """What to make of a message that passed the check; raises BadRecord where it cannot be done."""
    bad: list[str] = field(default_factory=list)
    """Every bad line passed over: `file:line: why`."""
    ignored: Counter[str] = field(default_factory=Counter)
    """JSONL fields that the message does not have, and on how many lines."""

    def read(self, stream: IO[bytes]) -> Iterator[M]:
        """Every good message.

        Raises:
            UserError: the first bad line, unless bad lines are skipped; an unknown CSV column always.
        """
        is_csv = self.path.suffix.lower() == ".csv"
        for line, found in self._csv_rows(stream) if is_csv else self._json_lines(stream):
            try:
                message = self._message(found)
            except BadRecord as error:
                self._refuse(line, error.detail)
                continue
            yield message

    def _refuse(self, line: int, why: str) -> None:
        told = f"{self.path}:{line}: {why}"
        if not self.skip_bad:
            raise UserError(f"{told}; mend the line{'' if self.skip_bad is None else ', or pass --skip-bad'}")
        self.bad.append(told)

    def _message(self, found: bytes | dict[str, Any]) -> M:
        message = self.kind.decode(found if isinstance(found, bytes) else json.dumps(found).encode())
        if isinstance(found, bytes):
            self.ignored.update(json.loads(found).keys() - self.kind.model_fields.keys())
        if self.check is not None and (why := self.check(message)):
            raise BadRecord(DeadLetterReason.INVALID, why)
        return self.change(message) if self.change is not None else message

    def _json_lines(self, stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
        for number, line in enumerate(bounded_lines(stream), 1):
            text = line.removeprefix(BOM) if number == 1 else line
            if text.strip():
                yield number, text.strip()

    def _csv_rows(self, stream: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
        csv.field_size_limit(2 * MAX_BYTES)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        rows = csv.reader(text, strict=True)
        try:
            header = [name.strip() for name in next(rows, [])]
            self._check_columns(header)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    self._refuse(rows.line_num, f"{len(row)} cells, but the header has {len(header)}")
                else:
                    yield rows.line_num, row_to_document(header, row, self.kind)
        except UnicodeDecodeError as error:
            raise UserError(f"{self.path}: not UTF-8 near line {rows.line_num + 1} (byte {error.object[error.start]:#04x})") from None
        except csv.Error as error:
            raise UserError(f"{self.path}:{rows.line_num}: not CSV: {error}") from None
        finally:
            text.detach()  # the stream is the caller's to close

    def _check_columns(self, header: list[str]) -> None:
        if not header:
            raise UserError(f"{self.path}: empty; a CSV file starts with a line of column names")
        known = self.kind.model_fields
        unknown = [name for name in header if name.split(".")[0] not in known or ("." in name and not is_mapping(self.kind, name))]
        if unknown:
            raise UserError(f"{self.path}: unknown column {', '.join(map(repr, unknown))}; {self.kind.__name__} has {', '.join(known)}")
        if doubled := [name for name, count in Counter(header).items() if count > 1]:
            raise UserError(f"{self.path}: column {doubled[0]!r} stands twice")


def bounded_lines(stream: IO[bytes], limit: int = MAX_BYTES) -> Iterator[bytes]:
    """Lines of a file; of one longer than `limit` bytes only the start, a little over the limit, so that it is refused, not loaded."""
    while line := stream.readline(limit + 2):
        rest = line
        while len(rest) == limit + 2 and not rest.endswith(b"\n"):
            rest = stream.readline(limit + 2)
        yield line


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
