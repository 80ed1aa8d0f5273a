"""One JSON object out of its text: everything that JSON allows and we cannot use is refused by name, nothing is changed in silence.

The common row costs one pass of `orjson`, which refuses NaN, lone surrogates and bytes that are not UTF-8, and a count of its quotes: where
a key stands twice, every parser passes over one, and gives fewer texts than are written. Many rows are parsed and counted at once.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import orjson

from reading.lines import MAX_ROW
from reading.refusal import Refused, Skip

BOM = b"\xef\xbb\xbf"
LONE_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
SHORT = 4000
"""Bytes below which a text is searched sooner than compared as an array."""
RARE = 200
"""Bytes a quote from which on quotes are rare."""
NOT_NUMBERS = re.compile(r"(?<![\w.\"])-?(NaN|Infinity|nan|inf)(?![\w\"])")


def parse(raw: bytes) -> Any:
    """One JSON value; an object is what its reader wants, but that is the reader's to say.

    Raises:
        Refused: too_large, bad_encoding, bad_json, doubled_key, nul.
    """
    if len(raw) > MAX_ROW:
        raise Refused(Skip.TOO_LARGE, f"longer than a row may be: at most {MAX_ROW} bytes are read")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return _explained(raw, error)
    if 2 * count_strings([value]) != count_quotes(raw):
        refuse_doubled_keys(raw.decode())
    if b"\\u0000" in raw and holds_nul(value):
        raise Refused(Skip.NUL, "a NUL character (\\u0000) stands in a text, as broken exports write it")
    return value


def parse_many(raw: bytes) -> list[Any] | None:
    """The objects of an array; None where any needs a closer look, by `parse`."""
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if set(map(type, values)) != {dict} or (b"\\" in raw and b"\\u0000" in raw):
        return None
    expected = 2 * count_strings(values)
    if expected * RARE < len(raw) and b"\\" not in raw:
        return values if _has_quotes(raw, expected) else None
    return values if expected == count_quotes(raw) else None


def count_strings(values: list[Any]) -> int:
    """How many texts there are in some values and within them, keys and others."""
    count, level = 0, values
    kinds = list(map(type, level))
    while kinds:
        count += kinds.count(str)
        parts: list[Any] = []
        if objects := kinds.count(dict):
            found = level if objects == len(kinds) else [one for one in level if type(one) is dict]
            count += sum(map(len, found))
            parts += map(dict.values, found)
        if lists := kinds.count(list):
            parts += level if lists == len(kinds) else [one for one in level if type(one) is list]
        kinds = list(map(type, itertools.chain.from_iterable(parts)))
        level = list(itertools.chain.from_iterable(parts)) if dict in kinds or list in kinds else []
    return count


def count_quotes(raw: bytes) -> int:
    """How many quotes begin or end a text in JSON: those that no backslash makes a part of one."""
    if escapes := b"\\" in raw:
        raw = raw.replace(b"\\\\", b"")  # those left make a quote behind them a part of a text
    if len(raw) < SHORT:
        return raw.count(b'"') - raw.count(b'\\"')
    import numpy as np  # what reads small files alone does without

    data = np.frombuffer(raw, np.uint8)
    quotes = data == ord('"')
    within = np.count_nonzero(quotes[1:] & (data[:-1] == ord("\\"))) if escapes else 0
    return int(np.count_nonzero(quotes) - within)


def _has_quotes(raw: bytes, expected: int) -> bool:
    """Whether so many quotes stand in a text, each searched for: where they are rare, less work than a look at every byte."""
    at = -1
    for _ in range(expected):
        at = raw.find(b'"', at + 1)
        if at < 0:
            return False
    return raw.find(b'"', at + 1) < 0


def count_newlines(raw: bytes) -> int:
    """How many lines end in a text."""
    if len(raw) < SHORT:
        return raw.count(b"\n")
    if b"\n" not in raw:  # which costs little
        return 0
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == ord("\n")))


def spelled(raw: bytes) -> Any:
    """A value whose numbers are texts, spelled as the file spells them: 1.0, 1e-12 and 007 (as text) stay what they are."""
    return json.loads(raw, parse_int=str, parse_float=str)


def refuse_doubled_keys(text: str) -> None:
    """Raises Refused for an object one key of which stands twice."""

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Refused(Skip.DOUBLED_KEY, f"the key {key[:50]!r} stands twice; which is meant?")
            seen.add(key)

    json.loads(text, object_pairs_hook=look)


def holds_nul(value: Any) -> bool:
    """Whether a NUL stands in any text of a value."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(holds_nul(key) or holds_nul(part) for key, part in value.items())
    return isinstance(value, list) and any(map(holds_nul, value))


def _explained(raw: bytes, error: orjson.JSONDecodeError) -> Any:
    """What is wrong with a text that orjson refused, in words that say what to do; the value, where only a byte order mark was."""
    if raw.startswith(BOM):  # of a file that was joined to another
        return parse(raw.removeprefix(BOM))
    try:
        text = raw.decode()
    except UnicodeDecodeError as wrong:
        raise Refused(Skip.BAD_ENCODING, f"not UTF-8 at byte {wrong.start} ({raw[wrong.start]:#04x})") from None
    if "\0" in text:
        raise Refused(Skip.NUL, "a NUL byte stands in it: broken, or UTF-16 named otherwise")
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as wrong:
        raise Refused(Skip.BAD_JSON, _in_words(text, wrong)) from None
    if lone := LONE_SURROGATE.search(text):
        raise Refused(Skip.BAD_ENCODING, f"half of a surrogate pair, {lone[0]}, stands alone: it is no character")
    if found := NOT_NUMBERS.search(text):
        raise Refused(Skip.BAD_JSON, f"{found[0]} is no JSON; write null, or the number")
    if isinstance(value, float):
        raise Refused(Skip.BAD_JSON, "a number alone is no row")
    raise Refused(Skip.BAD_JSON, f"not JSON: {error}")


def _in_words(text: str, error: Exception) -> str:
    start = text.lstrip()
    if start.startswith(("{'", "['")):
        return "Python's own notation, not JSON: write it with json.dumps"
    if isinstance(error, json.JSONDecodeError):
        if error.msg == "Extra data":
            return f"more stands after the object: {text[error.pos : error.pos + 20]!r}"
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            return f"cut short: {error.msg} at character {error.pos}"
        if found := NOT_NUMBERS.match(text, error.pos):
            return f"{found[0]} is no JSON; write null, or the number"
    return f"not JSON: {error}"
