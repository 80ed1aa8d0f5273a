"""Opening: the bytes of a file or of standard input, unpacked. What packed them is found by the first bytes, never by the name alone."""

from __future__ import annotations

import contextlib
import io
import lzma
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from schemas.errors import UserError

PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4", b"\xfd7zXZ\x00": "xz"}
"""First bytes -> what packed the file."""
PACKED_SUFFIXES = frozenset({".gz", ".zst", ".zstd", ".bz2", ".lz4", ".xz"})
HEAD = 1 << 18
"""Bytes that are looked at to find out what a file is."""
BOMB_FROM = 1 << 28
"""Unpacked bytes from which on the ratio is watched: below it even a bomb does no harm, since nothing is held."""
BOMB_RATIO = 2000
"""Unpacked bytes for each packed one, beyond which a file is a decompression bomb. gzip ends at 1032; real data at some 100."""
PIECE = 1 << 12
"""Bytes unpacked at once: of a file that is torn, at most as many before the tear are lost."""

Progress = Callable[[int], None]
"""Told of each number of bytes read from the disk."""


@dataclass
class Source:
    """An opened file."""

    path: Path
    """`-` is standard input."""
    stream: IO[bytes]
    """Unpacked, from the first byte."""
    head: bytes
    """The first bytes of it, at most HEAD, without moving it."""
    is_packed: bool = False

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[IO[bytes]]:
        """The same bytes as a file that can be searched, as column formats want; a packed one is unpacked to a temporary file."""
        if not self.is_packed and str(self.path) != "-":
            with self.path.open("rb") as stream:
                yield stream
            return
        with tempfile.TemporaryFile() as file:
            for block in blocks(self.stream):
                file.write(block)
            file.seek(0)
            yield file


@contextlib.contextmanager
def opened(path: Path, progress: Progress | None = None) -> Iterator[Source]:
    """A file, unpacked; `-` is standard input.

    Raises:
        UserError: it cannot be opened. (What is torn inside raises OSError when it is read.)
    """
    with contextlib.ExitStack() as stack:
        try:
            raw: IO[bytes] = sys.stdin.buffer if str(path) == "-" else stack.enter_context(path.open("rb"))
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
        counted = _Counted(raw, progress)
        first = read_fully(counted, max(map(len, PACKED)))
        whole: Any = io.BufferedReader(Joined(first, counted), HEAD)
        packed = next((kind for magic, kind in PACKED.items() if first.startswith(magic)), None)
        if packed:
            whole = stack.enter_context(io.BufferedReader(_Unpacked(path, packed, whole, counted), HEAD))
        head, rest = looked_at(whole)
        if packed and any(head.startswith(magic) for magic in PACKED):
            raise UserError(f"{path}: packed twice; unpack it once")
        yield Source(path, io.BufferedReader(Joined(head, rest), HEAD), head, bool(packed))


def blocks(stream: IO[bytes], size: int = HEAD) -> Iterator[bytes]:
    """All that is left in a stream, piece by piece: what stands before a tear comes before its error."""
    while block := some(stream, size):
        yield block


def some(stream: Any, size: int) -> bytes:
    """What one reading gives, at most this many bytes; none at the end. (A stream's `read` would lose what stands before an error.)"""
    return bytes(stream.read1(size))


def read_fully(stream: Any, size: int) -> bytes:
    """This many bytes, or all there are: a pipe may give fewer at once."""
    parts, wanted = [], size
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def looked_at(whole: Any) -> tuple[bytes, Any]:
    """The first bytes, and what gives the rest: where they end in an error, that comes after them."""
    parts: list[bytes] = []
    try:
        while sum(map(len, parts)) < HEAD and (part := whole.read1(HEAD)):
            parts.append(part)
    except OSError as error:
        return b"".join(parts), _Broken(error)
    return b"".join(parts), whole


class _Broken:
    """A stream of which nothing more can be read."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def read(self, size: int) -> bytes:  # noqa: ARG002 - of any size
        raise self._error


class ByteReader(io.RawIOBase):
    """A raw stream out of a `read(size)`."""

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or a part of it."""
        data = self.read_some(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    @abstractmethod
    def read_some(self, size: int) -> bytes:
        """At most this many bytes; none at the end."""


class _Counted:
    """Says how much was read of a file."""

    def __init__(self, raw: IO[bytes], progress: Progress | None) -> None:
        self._raw = raw
        self._progress = progress
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self._raw.read(size)
        self.count += len(data)
        if self._progress is not None and data:
            self._progress(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        count = int(self._raw.readinto(buffer))  # type: ignore[attr-defined]
        self.count += count
        if self._progress is not None and count:
            self._progress(count)
        return count


class Joined(ByteReader):
    """What was read ahead, and then the rest."""

    def __init__(self, head: bytes, rest: Any) -> None:
        self._head = head
        self._at = 0
        self._rest = rest
        self._fill = getattr(rest, "readinto", None)

    def readinto(self, buffer: Any) -> int:
        """As any; the rest fills the buffer itself, where it can."""
        if self._at < len(self._head) or self._fill is None:
            return super().readinto(buffer)
        self._head = b""
        return int(self._fill(buffer))

    def read_some(self, size: int) -> bytes:
        """First of what was read ahead."""
        if self._at < len(self._head):
            data = self._head[self._at : self._at + size]
            self._at += len(data)
            return data
        self._head = b""
        return bytes(self._rest.read(size))


class _Unpacked(ByteReader):
    """What was packed: gzip, bz2, zstd and lz4 by pyarrow, which goes on over joined parts and says when one ends early; xz by Python."""

    def __init__(self, path: Path, kind: str, packed: Any, counted: _Counted) -> None:
        self._path = path
        self._counted = counted
        self._given = 0
        if kind == "xz":
            self._stream: Any = lzma.LZMAFile(packed)  # noqa: SIM115 - it is read until the file is closed
        else:
            import pyarrow

            self._stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(packed, mode="r"), kind)

    def read_some(self, size: int) -> bytes:
        try:
            data = bytes(self._stream.read(min(size, PIECE)))
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise OSError(f"what is packed in it cannot be unpacked after {self._given} bytes: {error}") from None
        self._given += len(data)
        if self._given > BOMB_FROM and self._given > BOMB_RATIO * self._counted.count:
            raise OSError(f"it unpacks to more than {BOMB_RATIO} times its size, as a decompression bomb does; unpack it yourself")
        return data
