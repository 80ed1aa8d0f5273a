"""One JSON object out of its text: everything that JSON allows and we cannot use is refused by name, nothing is changed in silence.

The common row costs one pass of `orjson`, which refuses NaN, lone surrogates and bytes that are not UTF-8, and a few counts that say
whether more has to be looked at: a key that stands twice, which every parser passes over, or a NUL.
"""

from __future__ import annotations

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
    # Each key is followed by a colon; if more colons follow a quote than there are keys, or blanks stand before one, look closer.
    colons = raw.count(b'":')
    if colons != keys(value, raw.count(b"{") + raw.count(b"[")) or (raw.count(b":") != colons and has_loose_colon(raw)):
        refuse_doubled_keys(raw.decode())
    if b"\\u0000" in raw and holds_nul(value):
        raise Refused(Skip.NUL, "a NUL character (\\u0000) stands in a text, as broken exports write it")
    return value


def parse_many(joined: bytes, count: int) -> list[Any] | None:
    """The objects in many texts at once, which stand with commas between them; None where any needs a closer look, by `parse`."""
    try:
        values = orjson.loads(b"[%b]" % joined)
    except orjson.JSONDecodeError:
        return None
    if len(values) != count or set(map(type, values)) != {dict} or b"\\u0000" in joined:
        return None
    colons, opened = joined.count(b'":'), joined.count(b"{") + joined.count(b"[")
    found = sum(map(len, values)) if opened == count else _keys_of_rows(values, opened)
    return values if found == colons and (joined.count(b":") == colons or not has_loose_colon(joined)) else None


def _keys_of_rows(values: list[dict[str, Any]], opened: int) -> int:
    """How many keys there are in some objects and all within them, in whose text this many brackets open; quickly of turns alone."""
    count, seen = 0, len(values)
    try:
        for value in values:
            count += len(value)
            for part in value.values():
                if type(part) is list and part and type(part[0]) is dict:
                    seen += 1 + len(part)
                    count += sum(map(len, part))
    except TypeError:
        return _keys(values)
    return count if seen == opened else _keys(values)


def has_loose_colon(raw: bytes) -> bool:
    """Whether a colon, of a key or within a text, follows a blank."""
    return b" :" in raw or any(blank in raw and blank + b":" in raw for blank in (b"\t", b"\r", b"\n"))


def keys(value: Any, opened: int) -> int:
    """How many keys there are in all objects of a value, in whose text this many brackets open (those within strings counted)."""
    return _keys_of_rows([value], opened) if type(value) is dict else _keys(value)


def _keys(value: Any) -> int:
    count, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if type(one) is dict:
            count += len(one)
            waiting += one.values()
        elif type(one) is list:
            waiting += one
    return count


def spelled(raw: bytes | str) -> Any:
    """A value whose numbers are texts, spelled as the file spells them: 1.0, 1e-12 and 007 (as text) stay what they are."""
    raw = raw.rstrip(" \t\r\n,") if isinstance(raw, str) else raw
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
