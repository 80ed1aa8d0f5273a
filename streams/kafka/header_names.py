"""Records with header names that are not UTF-8: any client may send them, and neither of ours reads past one.

kafka-python and aiokafka decode the names of headers as they read; the first that is not UTF-8 raises, for every reader, at every start,
for as long as the record is kept. So what a batch's records raise for that is caught here, and the batch is read once more, such names
with escapes in place of what is no text. The layout of a record: https://kafka.apache.org/documentation/#record
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

LENGTH = struct.Struct(">qi")
"""Base offset, and the bytes behind these two, with which every batch begins."""


@dataclass(frozen=True)
class _Record:
    """What both clients ask of a record."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    size_in_bytes: int
    checksum: None = None

    def validate_crc(self) -> bool:
        """That of its batch was looked at."""
        return True


def tolerate_header_names(fetcher: ModuleType) -> None:
    """Have a client's fetcher module read batches with such records. Call it before `bound_decompression`; twice does no harm."""
    original: Callable[[Any], Any] = fetcher.MemoryRecords
    if getattr(original, "tolerant", False) or getattr(original, "bounded", False):
        return

    def tolerant(fetched: Any) -> Any:
        return _Records(original(fetched), fetched)

    tolerant.tolerant = True  # type: ignore[attr-defined]
    fetcher.MemoryRecords = tolerant  # type: ignore[attr-defined]


class _Records:
    """A client's `MemoryRecords`, whose batches can be read again."""

    def __init__(self, records: Any, fetched: Any) -> None:
        self._records = records
        self._fetched = fetched
        self._next = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> Any:
        """The next batch; None behind the last one."""
        batch = self._records.next_batch()
        self._next += 1
        return batch if batch is None else _Batch(batch, self._fetched, self._next - 1)


class _Batch:
    """A client's batch."""

    def __init__(self, batch: Any, fetched: Any, number: int) -> None:
        self._batch = batch
        self._fetched = fetched
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        done = 0
        try:
            for record in self._batch:
                yield record
                done += 1
        except Exception as error:
            if "UnicodeDecodeError" not in repr(error):  # kafka-python's own error has it in its text
                raise
        else:
            return
        for number, record in enumerate(_with_escapes(_batch_at(self._fetched, self._number))):
            if number >= done:
                yield record


def _batch_at(fetched: Any, number: int) -> bytes:
    """The bytes of a batch, by its number among those fetched."""
    start = 0
    for _ in range(number):
        start += LENGTH.size + LENGTH.unpack_from(fetched, start)[1]
    return bytes(fetched[start : start + LENGTH.size + LENGTH.unpack_from(fetched, start)[1]])


def _with_escapes(batch: bytes) -> Iterator[_Record]:
    from kafka.record.default_records import DefaultRecordBatch

    parsed = DefaultRecordBatch(batch)
    parsed._maybe_uncompress()
    parsed._buffer = _Text(bytes(parsed._buffer))
    for one in parsed:
        yield _Record(one.offset, one.timestamp, one.timestamp_type, one.key, one.value, one.headers, one.size_in_bytes)


class _Text(bytes):
    """Bytes of which every part decodes."""

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        return _Text(part) if isinstance(part, bytes) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:  # noqa: ARG002 - the reader's own name
        """As text, with escapes for what is none."""
        return super().decode(encoding, "backslashreplace")
