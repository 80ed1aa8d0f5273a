"""Lines of a text, whatever ends them: Unix, Windows, old Mac. A line separator inside a string (U+2028) ends none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import IO

from reading.opening import blocks

BLOCK = 1 << 16
"""Bytes read at once: what is made of them stays in the processor's cache."""
MAX_ROW = 16_000_000
"""Largest row read, in bytes. What is sent of it is bounded by `schemas.base.MAX_BYTES`."""


def bounded_lines(stream: IO[bytes], limit: int = MAX_ROW) -> Iterator[bytes]:
    """Lines without their ends; of one longer than `limit` bytes only the start, a little over the limit: it is refused, not loaded."""
    return itertools.chain.from_iterable(line_blocks(stream, limit))


def line_blocks(stream: IO[bytes], limit: int = MAX_ROW) -> Iterator[list[bytes]]:
    """The same lines, those together that one reading of the stream gave: who waits at a pipe gets them as they come."""
    held, ended_by_return = b"", False
    for block in blocks(stream, BLOCK):
        if ended_by_return or b"\r" in block:
            ended_by_return, block = block.endswith(b"\r"), _unix(block, ended_by_return)
        if len(held) > limit:
            start = block.find(b"\n")
            if start < 0:
                continue
            block = block[start:]
        parts = (held + block).split(b"\n")
        held = parts.pop()[: limit + 2]
        yield [line if len(line) <= limit else line[: limit + 2] for line in parts]
    if held:
        yield [held]


def _unix(block: bytes, after_return: bool) -> bytes:
    """A block whose line ends are all newlines; the newline of a Windows end whose return stood in the block before is left out."""
    if after_return and block.startswith(b"\n"):
        block = block[1:]
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
