"""Rows of Parquet and Arrow files (file, stream, Feather), a batch at a time, as plain values; declared labels by their names."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from reading.formats import Format
from schemas.errors import UserError

BATCH = 1000


def columnar_rows(path: Path, stream: IO[bytes], kind: Format) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with its number, from 1.

    Raises:
        UserError: the file is torn, or of a version that pyarrow does not read.
    """
    import pyarrow as pa

    try:
        number = 0
        for batch in _batches(stream, kind):
            labels = declared_labels(batch.schema.metadata)
            names = batch.schema.names
            columns = [column.to_pylist() for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                row = dict(zip(names, map(plain, values), strict=True))
                yield number, named_labels(row, labels) if labels else row
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: {kind.value} that cannot be read: {' '.join(str(error).split())[:200]}") from None


def _batches(stream: IO[bytes], kind: Format) -> Iterator[Any]:
    import pyarrow as pa

    if kind is Format.PARQUET:
        import pyarrow.parquet as pq

        yield from pq.ParquetFile(stream).iter_batches(BATCH)
        return
    first = stream.read(4)
    stream.seek(0)
    if first == b"\xff\xff\xff\xff":
        yield from _pieces(pa.ipc.open_stream(stream))
    else:
        reader = pa.ipc.open_file(stream)
        yield from _pieces(reader.get_batch(place) for place in range(reader.num_record_batches))


def _pieces(batches: Any) -> Iterator[Any]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield batch.slice(start, BATCH)


def declared_labels(metadata: dict[bytes, bytes] | None) -> dict[str, list[str]]:
    """Column -> names of its labels, as `datasets` declares them in a schema's metadata (ClassLabel)."""
    try:
        return label_names(json.loads((metadata or {})[b"huggingface"])["info"]["features"])
    except (KeyError, ValueError, TypeError):
        return {}


def label_names(features: Any) -> dict[str, list[str]]:
    """Column -> names of its labels, of features as `datasets` has them, in memory or as JSON."""
    found = {}
    for name, about in (features or {}).items():
        names = about.get("names") if isinstance(about, dict) else getattr(about, "names", None)
        if isinstance(names, list) and names:
            found[name] = list(map(str, names))
    return found


def named_labels(row: dict[str, Any], labels: dict[str, list[str]]) -> dict[str, Any]:
    """A row with its labels by name, and, for the column `label`, all names there are."""
    for column, names in labels.items():
        value = row.get(column)
        if isinstance(value, str) and value not in names and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            row[column] = names[value]
            if column == "label":
                row.setdefault("label_set", names)
    return row


def plain(value: Any) -> Any:
    """A value as JSON has it: dates, decimals and the like as text. Bytes that are no text stay what they are."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [tuple_or_plain(part) for part in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return str(value)


def tuple_or_plain(part: Any) -> Any:
    """An element of a list; one of a map is a pair, which becomes a list."""
    return [plain(one) for one in part] if isinstance(part, tuple) else plain(part)
