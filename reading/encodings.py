"""Whatever a file is written in becomes UTF-8. UTF-8, and what a byte order mark says, is read; anything else has to be named."""

from __future__ import annotations

import codecs
import io
from typing import IO, Any

from reading.opening import ByteReader, Source, some
from schemas.errors import UserError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
LOOKED_AT = 1 << 16
ENOUGH_TO_GUESS = 200
"""Bytes; of fewer, a guess is as good as none: most such files are of Windows."""
UNREADABLE = "pelton.unreadable"
"""Error handler: what an encoding does not have becomes half of a surrogate pair, which no row may hold: the row is refused by line."""

codecs.register_error(UNREADABLE, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


def as_utf8(source: Source, encoding: str | None = None) -> IO[bytes]:
    """The text of a file as UTF-8 without a byte order mark. Bytes that are none are left in it, for the row they stand in to be refused.

    Args:
        source: an opened text file.
        encoding: what the file is written in, by Python's name; None: UTF-8, unless a byte order mark says another.

    Raises:
        UserError: the encoding is unknown, or the file looks like UTF-16 and has no mark.
    """
    marked = next(((mark, name) for mark, name in MARKS if source.head.startswith(mark)), None)
    name = codec_of(encoding) if encoding else (marked[1] if marked else "utf-8")
    if marked and (not encoding or name.startswith(marked[1][:6])):  # `--encoding utf-16` over a mark of UTF-16: the mark says the order
        name = marked[1]
        source.stream.read(len(marked[0]))
    if name == "utf-8":
        if not marked and _looks_wide(source.head):
            raise UserError(f"{source.path}: looks like UTF-16 without a byte order mark; name it with --encoding utf-16-le, or utf-16-be")
        return source.stream
    return io.BufferedReader(_Recoded(source.stream, name), 1 << 18)


def codec_of(encoding: str) -> str:
    """Python's own name of an encoding.

    Raises:
        UserError: there is no such text encoding.
    """
    try:
        found = codecs.lookup(encoding)
    except LookupError:
        raise UserError(
            f"--encoding {encoding}: no such encoding; utf-8, utf-16-le, cp1252, latin-1, shift_jis and gb18030 are some"
        ) from None
    try:
        "".encode(found.name)
    except LookupError:
        raise UserError(f"--encoding {encoding}: not an encoding of text") from None
    return found.name


def remedy(data: bytes, encoding: str | None) -> str:
    """What to do about text that cannot be read: which encoding it may be in, as `charset-normalizer` sees it."""
    if encoding:
        return f"it is not {encoding}"
    from charset_normalizer import from_bytes

    best = from_bytes(data[:LOOKED_AT]).best() if len(data) >= ENOUGH_TO_GUESS else None
    likely = best.encoding if best and best.encoding not in ("ascii", "utf_8") else "cp1252"
    return f"name the file's encoding, --encoding {likely} perhaps"


def _looks_wide(head: bytes) -> bool:
    """Whether every other byte of the beginning is zero, as in UTF-16 of Latin text."""
    first = head[:200]
    return len(first) >= 4 and min(first[::2].count(0), first[1::2].count(0)) == 0 and first.count(0) * 3 > len(first)


class _Recoded(ByteReader):
    """A text in some encoding, as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder: Any = codecs.getincrementaldecoder(encoding)(UNREADABLE)
        self._ready = b""

    def read_some(self, size: int) -> bytes:
        while not self._ready:
            block = some(self._stream, 1 << 16)
            self._ready = self._decoder.decode(block, final=not block).encode("utf-8", "surrogatepass")
            if not block:
                break
        data, self._ready = self._ready[:size], self._ready[size:]
        return data
