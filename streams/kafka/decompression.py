"""How much memory a compressed record batch may take: a bomb is recognised by its size, dead-lettered, and never decompressed.

A batch of a few kilobytes can decompress to gigabytes, and both clients (kafka-python, and aiokafka under Faust) decompress a batch
whole, before anybody sees a record. So what was fetched is looked through first (`defused`): a batch that would decompress to more than
`LIMIT_BYTES` is replaced, at the same offsets, by one plain record whose value says so, with the compressed batch behind it. A reader
refuses that value (`schemas.base.refused`), and it goes to the dead letters as `too_large`.

The layout of a batch is Kafka's message format 2: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from schemas.base import REFUSED

LIMIT_BYTES = 64_000_000
"""Most bytes that a batch may decompress to: fifteen times the largest compressed batch that our topics take."""
PIECE_BYTES = 1 << 20
"""How much is decompressed at a time while the size is taken."""
HEADER = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, two timestamps, producer, its epoch, sequence, count."""
AFTER_LENGTH, AFTER_CRC = 12, 21
MAGIC = 2
CODEC_BITS = 0x07
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
MOST_BY_BYTE = {GZIP: 1040, SNAPPY: 70, LZ4: 260}
"""No byte of these can decompress to more bytes than this; zstd knows no such bound."""
XERIAL = b"\x82SNAPPY\x00"
XERIAL_HEADER = 16


def bound_decompression(fetcher: ModuleType) -> None:
    """Have a client's fetcher module look batches through before it decompresses them. Once is enough; twice does no harm."""
    original: Callable[[Any], Any] = fetcher.MemoryRecords
    if getattr(original, "bounded", False):
        return

    def bounded(fetched: Any) -> Any:
        return original(defused(fetched) if fetched else fetched)

    bounded.bounded = True  # type: ignore[attr-defined]
    fetcher.MemoryRecords = bounded  # type: ignore[attr-defined]


def defused(fetched: bytes | memoryview) -> bytes | memoryview:
    """Fetched batches as they are, or with bombs replaced. Looks at headers alone where the size cannot be dangerous."""
    bombs = [(start, end) for start, end in _batches(fetched) if _is_bomb(memoryview(fetched)[start:end])]
    if not bombs:
        return fetched
    parts, done = [], 0
    for start, end in bombs:
        parts += [bytes(fetched[done:start]), _replacement(bytes(fetched[start:end]))]
        done = end
    return b"".join([*parts, bytes(fetched[done:])])


def _batches(fetched: bytes | memoryview) -> Iterator[tuple[int, int]]:
    """Where each whole batch of the present format begins and ends; a fetch may end in the middle of one."""
    start = 0
    while start + HEADER.size <= len(fetched):
        _, length, _, magic, *_ = HEADER.unpack_from(fetched, start)
        end = start + AFTER_LENGTH + length
        if end > len(fetched) or length < HEADER.size - AFTER_LENGTH:
            return
        if magic == MAGIC:
            yield start, end
        start = end


def _is_bomb(batch: memoryview) -> bool:
    codec = HEADER.unpack_from(batch)[5] & CODEC_BITS
    content = batch[HEADER.size :]
    if codec not in SIZES or len(content) * MOST_BY_BYTE.get(codec, LIMIT_BYTES) <= LIMIT_BYTES:
        return False
    try:
        total = 0
        for piece in SIZES[codec](content):
            total += piece
            if total > LIMIT_BYTES:
                return True
    except Exception:  # noqa: BLE001 - broken content is for the client to refuse, as it always does
        return False
    return False


def _gzip_sizes(content: memoryview) -> Iterator[int]:
    rest: bytes | memoryview = content
    while rest:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not member.eof:
            piece = member.decompress(rest, PIECE_BYTES)
            rest = member.unconsumed_tail
            yield len(piece)
            if not piece and not rest:
                return
        rest = member.unused_data


def _lz4_sizes(content: memoryview) -> Iterator[int]:
    import lz4.frame

    rest: bytes | None = bytes(content)
    while rest:
        frame = lz4.frame.LZ4FrameDecompressor()
        while not frame.eof:
            piece = frame.decompress(rest or b"", max_length=PIECE_BYTES)
            rest = b""
            yield len(piece)
            if not piece and frame.needs_input:
                return
        rest = frame.unused_data


def _zstd_sizes(content: memoryview) -> Iterator[int]:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(bytes(content), read_across_frames=True) as reader:
        while piece := reader.read(PIECE_BYTES):
            yield len(piece)


def _snappy_sizes(content: memoryview) -> Iterator[int]:
    """By what each block's preamble says; a block that lies about it is refused by the decoder before it takes more."""
    if bytes(content[: len(XERIAL)]) != XERIAL:
        yield _varint(content)
        return
    start = XERIAL_HEADER
    while start + 4 <= len(content):
        (size,) = struct.unpack_from(">i", content, start)
        yield _varint(content[start + 4 : start + 4 + size])
        start += 4 + max(size, 0)


SIZES: dict[int, Callable[[memoryview], Iterator[int]]] = {GZIP: _gzip_sizes, SNAPPY: _snappy_sizes, LZ4: _lz4_sizes, ZSTD: _zstd_sizes}
"""By codec: the sizes of the pieces that content decompresses to, one at a time."""


def _varint(content: memoryview) -> int:
    value = shift = 0
    for byte in content[:5]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value


def _replacement(bomb: bytes) -> bytes:
    """One plain record at the bomb's first offset, in a batch that reaches to its last one, with the bomb behind its explanation."""
    from crc32c import crc32c

    base, _, epoch, magic, _, attributes, last, first_time, last_time, producer, producer_epoch, sequence, count = HEADER.unpack_from(bomb)
    told = f"{count} records at offsets {base} to {base + last}, compressed to {len(bomb)} bytes, decompress to more than {LIMIT_BYTES}"
    value = REFUSED + told.encode() + b"\n" + bomb
    # attributes, timestamp delta, offset delta, no key (-1), value, no headers; each number as a zigzag varint
    record = b"\x00\x00\x00" + _zigzag(-1) + _zigzag(len(value)) + value + _zigzag(0)
    body = _zigzag(len(record)) + record
    plain = attributes & ~CODEC_BITS
    header = HEADER.pack(base, 0, epoch, magic, 0, plain, last, first_time, last_time, producer, producer_epoch, sequence, 1)
    checked = header[AFTER_CRC:] + body
    front = struct.pack(">qiibI", base, len(header) - AFTER_LENGTH + len(body), epoch, magic, crc32c(checked))
    return front + checked


def _zigzag(number: int) -> bytes:
    """A signed number as Kafka writes it in a record."""
    left = (number << 1) ^ (number >> 63)
    out = bytearray()
    while left > 0x7F:
        out.append((left & 0x7F) | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
