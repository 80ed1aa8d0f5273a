"""JSON values one after the other, out of text of any size: an array's elements, objects over many lines, objects joined without commas,
and the list inside of one object, `{"data": [...]}`. `json` finds where each ends; an element that is broken is passed over alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from reading.blocks import Block, Elements
from reading.columns import KNOWN, usual
from reading.json_text import count_newlines, parse_many
from reading.lines import MAX_ROW
from reading.opening import some
from reading.refusal import Refuse, Skip

FIRST_KEY = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:', re.ASCII)
NEXT_OBJECT = re.compile(r"\{")
ROWS = frozenset(("prompt", "question", "instruction", "text", "messages", "conversations", "conversation", "context", "chosen", "subject"))
"""Columns that make an object a row, whatever lists it has."""
BYTES = "latin-1"
BLOCK = 1 << 16
LARGEST_BLOCK, FEW = 120_000, 20
"""As much is read at once where elements are so long that one block holds few: below what one may be without a look at its size."""
LIST_FROM = 1 << 20
"""Characters of an object from which on it is taken for what stands around its first list of objects, if a row has no such column."""
AFTER = b" \t\r\n,"
"""What may stand between two elements."""
BETWEEN = re.compile(rb"(?:[\s,]|\xef\xbb\xbf)*")
"""The same, and the byte order mark of a file that was joined to another."""
Text = tuple[int, bytes]
"""Of one value: the line it begins on, and its text."""


def list_within(value: Any) -> str | None:
    """The one key of an object that holds its rows, as in `{"version": 2, "data": [{...}, ...]}`; None where it is a row itself."""
    if not isinstance(value, dict):
        return None
    found = [key for key, part in value.items() if isinstance(part, list) and part and isinstance(part[0], dict)]
    if len(found) != 1 or ROWS & (value.keys() - {found[0]}):
        return None
    is_column = usual(found[0]) in KNOWN and not ROWS & value[found[0]][0].keys() - {"text"}
    return None if is_column else found[0]


class JsonValues:
    """The values in a text, with the line each begins on.

    Args:
        stream: UTF-8; what is not, is left to whoever parses the value.
        refuse: told of each value that is broken.
        line: on which the text begins.
    """

    def __init__(self, stream: IO[bytes], refuse: Refuse, line: int = 1) -> None:
        self._stream = stream
        self._refuse = refuse
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._data = b""
        self._decoded: str | None = None
        self._at = 0
        self._counted = 0
        self._line = line
        self._ended = False
        self._why = ""
        self._broken_at = 0
        self._pattern = NEXT_OBJECT
        self._opening = b""
        self._many_from = 0
        self._block = BLOCK

    def __iter__(self) -> Iterator[Text | Block]:
        """Every row: each object at the top, or each element of a list there, many at once where that can be."""
        while self._next() != "":
            if self._peek() == "[":
                self._at += 1
                yield from self._elements()
            elif self._peek() == "{":
                yield from self._object()
            else:
                yield from self._one()

    @property
    def _text(self) -> str:
        """A character for each byte, for who looks into a value: what JSON is made of stays what it is. The common element does without."""
        if self._decoded is None:
            self._decoded = self._data.decode(BYTES)
        return self._decoded

    def _hold(self, data: bytes) -> None:
        self._data, self._decoded = data, None

    def _elements(self) -> Iterator[Text | Block]:
        """Those of a list, from behind its bracket to behind its end."""
        while (first := self._next()) != "]":
            if first == "":
                self._refuse(self._here(), Skip.BAD_JSON, "the list is never closed: the file is cut short")
                return
            if found := self._many():
                yield found
                self._read_on()  # so that the last, whose end is not known yet, comes with the next ones
            else:
                yield from self._one()
        self._at += 1

    def _many(self) -> Block | None:
        """The elements from here up to the last in the text that is held that begins with the usual key: what parses as a list is one."""
        if self._at < self._many_from or self._pattern is NEXT_OBJECT:
            return None
        self._many_from = len(self._data)  # what cannot be parsed now is not tried again in this text
        data = self._data
        end = data.rfind(self._opening, self._at + 1)
        if end < 0:
            return None
        stop = end
        while data[stop - 1] in AFTER:
            stop -= 1
        raw = b"".join((b"[", memoryview(data)[self._at : stop], b"]"))
        values = parse_many(raw)
        if values is None:
            return None
        if len(values) < FEW:
            self._block = min(2 * self._block, LARGEST_BLOCK)
        found = Elements(values, raw, self._here())
        self._line += count_newlines(raw) + data.count(b"\n", stop, end)
        self._at = self._counted = end
        return found

    def _object(self) -> Iterator[Text | Block]:
        """One at the top: a row, or around the list of them. One too long to be a row can only be around a list."""
        found = self._value(LIST_FROM)
        if not found and len(self._data) - self._at > LIST_FROM and (key := self._broken_list()):
            yield from self._members(key)
            return
        found = found or self._value()
        key = list_within(found[0]) if found else None
        if found and key is None:
            yield self._taken(found[1])
        elif found or len(self._data) - self._at > MAX_ROW or (key := self._broken_list()):
            yield from self._members(key)
        else:
            yield from self._one()

    def _broken_list(self) -> str | None:
        """The key of the list of objects in an object that is broken or cut short: its rows are read as far as that."""
        at = self._at + 1
        try:
            while True:
                key, at = self._decode(self._text, self._blanks_from(at))
                at = self._blanks_from(self._blanks_from(at) + 1)  # past the colon
                if self._text[at] == "[" and self._text[self._blanks_from(at + 1)] == "{":
                    return key if isinstance(key, str) and usual(key) not in KNOWN else None
                at = self._blanks_from(self._decode(self._text, at)[1])
        except (ValueError, IndexError, RecursionError):
            return None

    def _members(self, wanted: str | None) -> Iterator[Text | Block]:
        """The elements of the list that stands under a key, or under any."""
        self._at += 1
        while (first := self._next()) not in ("}", ""):
            key = self._value() if first == '"' else None
            if key is None:
                break
            self._at = key[1]
            if self._next(":") == "[" and wanted in (None, key[0]):
                self._at += 1
                yield from self._elements()
            elif value := self._value():
                self._at = value[1]
            else:
                break
        if self._next() != "}":
            self._refuse(self._here(), Skip.BAD_JSON, "the object around the list is broken here, or never closed")
            self._to_next(self._at + 1)
        self._at += 1

    def _one(self) -> Iterator[Text]:
        """One value, where it is whole; else it is refused, and what looks like the next one is looked for."""
        found = self._value()
        if self._pattern is NEXT_OBJECT and (key := FIRST_KEY.match(self._text, self._at)):
            self._opening = key[0].encode(BYTES)
            self._pattern = re.compile(r"\{\s*" + re.escape(key[0][1:-1].strip()) + r"\s*:", re.ASCII)
        if found:
            yield self._taken(found[1])
            return
        line, why = self._here(), self._why
        reason = Skip.TOO_LARGE if len(self._data) - self._at > MAX_ROW else Skip.BAD_JSON
        self._refuse(line, reason, why if reason is Skip.BAD_JSON else f"longer than a row may be: at most {MAX_ROW} bytes are read")
        # One that begins with the same key may stand within what looks like a text, where a quote is missing.
        self._to_next(self._at + 1 if self._pattern is not NEXT_OBJECT else max(self._broken_at, self._at + 1))

    def _value(self, limit: int | None = None) -> tuple[Any, int] | None:
        """The value here and where it ends; None where it is broken, or longer than a limit, than a row may be where none is given."""
        while True:
            self._why = ""
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._broken_at, self._why = error.pos, f"not JSON: {error.msg}"
                may_go_on = error.pos >= len(self._data) - 10 or error.msg.startswith("Unterminated string")
                may_go_on = may_go_on and (error.pos > self._at or self._peek() in "-tfnNI")  # else no value begins here
            except RecursionError:
                self._broken_at, self._why, may_go_on = self._at + 1, "nested too deep to be read", False
            else:
                if end < len(self._data) or self._ended or isinstance(value, dict | list | str):
                    return value, end
                may_go_on = True
            if not may_go_on or len(self._data) - self._at > (limit or MAX_ROW):
                return None
            if not self._read_on():
                self._broken_at, self._why = len(self._data), f"cut short: {self._why or 'a number'}"
                return None

    def _taken(self, end: int) -> Text:
        line = self._here()
        raw = self._data[self._at : end]
        self._at = end
        return line, raw

    def _to_next(self, start: int) -> None:
        """Go to where the next value seems to begin, or to the end."""
        while True:
            if found := self._pattern.search(self._text, min(start, len(self._data))):
                self._at = found.start()
                return
            start = max(len(self._data) - 200, start)  # a key may stand across two blocks
            dropped = start - 1
            self._here(dropped)
            self._hold(self._data[dropped:])
            self._at, start, self._counted = 0, 1, 0
            if not self._read_on():
                self._at = len(self._data)
                return

    def _next(self, also: str = "") -> str:
        """Go past blanks and commas (and one of `also`) to the next character, and say which; empty at the end."""
        while True:
            self._at = self._blanks_from(self._at)
            if self._at < len(self._data):
                if also and self._peek() == also:
                    self._at, also = self._at + 1, ""
                    continue
                return self._peek()
            if not self._read_on():
                return ""

    def _blanks_from(self, at: int) -> int:
        blanks = BETWEEN.match(self._data, at)
        assert blanks  # it matches nothing, too
        return blanks.end()

    def _peek(self) -> str:
        return chr(self._data[self._at])

    def _here(self, at: int | None = None) -> int:
        """The line of a place in the text: newlines are counted once, as far as that."""
        at = self._at if at is None else at
        if self._data.find(b"\n", self._counted, at) >= 0:  # which costs little where there is none
            self._line += self._data.count(b"\n", self._counted, at)
        self._counted = max(self._counted, at)
        return self._line

    def _read_on(self) -> bool:
        """Drop what was given, and read more: as much again as is held, so that a long value is not looked at too often."""
        if self._ended:
            return False
        self._here()
        rest = self._data[self._at :]
        data = some(self._stream, max(self._block, len(rest)))
        self._ended = not data
        self._hold(rest + data)
        self._at = self._counted = self._many_from = 0
        return not self._ended
