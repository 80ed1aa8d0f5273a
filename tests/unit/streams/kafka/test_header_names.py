"""A record whose headers' names are no text is read, by both clients, as are those before and behind it."""

from __future__ import annotations

from types import SimpleNamespace

import aiokafka.record.memory_records
import kafka.record
import pytest
from kafka.record.default_records import DefaultRecordBatchBuilder

from streams.kafka.header_names import tolerate_header_names

CODECS = {"none": 0, "gzip": 1, "zstd": 4}


class NoText(str):
    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        return b"\xffname\xfe"


def batch(codec: str, base: int, *headers: list[tuple[str, bytes | None]]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=CODECS[codec], is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=10**6,
    )  # fmt: skip
    for number, named in enumerate(headers):
        builder.append(number, 1000 + number, b"k%d" % number, b"v%d" % number, named)
    made = bytearray(builder.build())
    made[:8] = base.to_bytes(8, "big")
    return bytes(made)


def tolerant(records):
    module = SimpleNamespace(MemoryRecords=records)
    tolerate_header_names(module)
    tolerate_header_names(module)
    return module.MemoryRecords


@pytest.mark.parametrize(
    "records", [kafka.record.MemoryRecords, aiokafka.record.memory_records.MemoryRecords], ids=["kafka-python", "aiokafka"]
)
@pytest.mark.parametrize("codec", CODECS)
def test_it_is_read_as_are_those_before_and_behind_it(records, codec: str) -> None:
    fetched = batch(codec, 0, [], [("a", b"1")]) + batch(codec, 2, [("b", None)], [(NoText("x"), b"2"), ("c", b"3")], [("d", b"4")])
    reading, found = tolerant(records)(fetched), []
    while reading.has_next():
        one = reading.next_batch()
        assert one.validate_crc()
        assert one.next_offset in (2, 5)
        found += [(record.offset, record.timestamp, record.key, record.value, list(record.headers), record.checksum) for record in one]
    numbers = [(0, 0), (1, 1), (2, 0), (3, 1), (4, 2)]
    assert [entry[:4] for entry in found] == [(offset, 1000 + n, b"k%d" % n, b"v%d" % n) for offset, n in numbers]
    assert [entry[4] for entry in found] == [[], [("a", b"1")], [("b", None)], [("\\xffname\\xfe", b"2"), ("c", b"3")], [("d", b"4")]]


@pytest.mark.parametrize(
    "records", [kafka.record.MemoryRecords, aiokafka.record.memory_records.MemoryRecords], ids=["kafka-python", "aiokafka"]
)
def test_what_is_broken_otherwise_is_refused_as_ever(records) -> None:
    fetched = bytearray(batch("none", 0, [("a", b"1")]))
    fetched[61] = 0x7F
    with pytest.raises(Exception, match=r"(?i)record"):
        list(tolerant(records)(bytes(fetched)).next_batch())
