"""A record batch that would decompress to more than the limit is told by its size, and read as one refused record; others are untouched."""

from __future__ import annotations

import aiokafka.record.memory_records
import kafka.record
import pytest
from kafka.record.default_records import DefaultRecordBatchBuilder

from schemas.base import parse_object
from schemas.errors import BadRecord, DeadLetterReason
from streams.kafka import decompression
from streams.kafka.decompression import defused

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch):
    monkeypatch.setattr(decompression, "LIMIT_BYTES", LIMIT)


def batch(codec: str, base: int, *values: bytes) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=CODECS[codec], is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=10**9,
    )  # fmt: skip
    for number, value in enumerate(values):
        builder.append(number, 1000 + number, b"k", value, [])
    made = bytearray(builder.build())
    made[:8] = base.to_bytes(8, "big")
    return bytes(made)


def read_by_kafka_python(fetched) -> list[tuple[int, bytes]]:
    records, found = kafka.record.MemoryRecords(fetched), []
    while (one := records.next_batch()) is not None:
        assert one.validate_crc()
        found += [(record.offset, record.value) for record in one]
    return found


def read_by_aiokafka(fetched) -> list[tuple[int, bytes]]:
    records, found = aiokafka.record.memory_records.MemoryRecords(bytes(fetched)), []
    while records.has_next():
        one = records.next_batch()
        assert one.validate_crc()
        found += [(record.offset, record.value) for record in one]
    return found


@pytest.mark.parametrize("read", [read_by_kafka_python, read_by_aiokafka])
@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_a_bomb_is_one_refused_record_and_its_neighbours_are_read(codec, read):
    before, after = batch(codec, 0, b"one", b"two"), batch("none", 5, b"six")
    bomb = batch(codec, 2, b" " * (LIMIT + 1), b"x", b"y")
    found = read(defused(before + bomb + after))
    assert [offset for offset, _ in found] == [0, 1, 2, 5]
    assert [value for _, value in found if not value.startswith(decompression.REFUSED)] == [b"one", b"two", b"six"]
    refused = found[2][1]
    assert refused.endswith(bomb), "the batch itself is kept, as it came"
    with pytest.raises(
        BadRecord, match=f"3 records at offsets 2 to 4, compressed to {len(bomb)} bytes, decompress to more than {LIMIT}"
    ) as bad:
        parse_object(refused, max_bytes=100)
    assert bad.value.reason is DeadLetterReason.TOO_LARGE


@pytest.mark.parametrize("codec", list(CODECS))
def test_what_decompresses_to_less_is_not_touched(codec):
    fetched = batch(codec, 0, b" " * (LIMIT - 1000)) + batch(codec, 1, b"next")
    assert defused(fetched) is fetched


def test_what_is_not_compressed_is_not_touched_however_large():
    fetched = batch("none", 0, b" " * (2 * LIMIT))
    assert defused(fetched) is fetched


@pytest.mark.parametrize("codec", [name for name in CODECS if name != "none"])
def test_broken_content_and_a_batch_cut_by_the_fetch_are_left_to_the_client(codec):
    whole = batch(codec, 0, bytes(range(256)) * 8000)
    broken = whole[:61] + bytes(len(whole) - 61)
    assert defused(broken) is broken
    cut = whole[:-10]
    assert defused(cut) is cut


def test_gzip_in_several_members_is_counted_whole():
    import gzip
    import struct

    half = gzip.compress(b" " * (LIMIT // 2 + 10))
    content = half + half
    head = bytearray(batch("gzip", 7, b" " * 1000)[:61])
    struct.pack_into(">i", head, 8, 61 - 12 + len(content))
    assert len(read_by_kafka_python(defused(bytes(head) + content))) == 1
