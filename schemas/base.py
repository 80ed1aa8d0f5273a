"""The wire format: UTF-8 JSON of pydantic models with a `schema_version`, bounded before it is parsed.

Readers ignore fields they do not know (a minor version may add some) and refuse a major version they do not know.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.envelopes import JSON_CONVERTER, bytes_named, frame_content, frame_named, json_hint, looks_for, unwrap
from schemas.errors import BadRecord, DeadLetterReason

MAX_BYTES = 1_000_000
"""Largest value read, in bytes: Kafka's own default for a message."""
MAX_DEPTH = 48
"""Deepest nesting read. The deepest of ours is a loss, which holds its sample, whose tools hold JSON Schemas of their parameters. A tool
may be 40 deep: 12 levels of objects in arrays, each of which takes `items`, `properties` and the property's name."""

MAX_WRAPPED = 3
"""Most envelopes around a message, and most JSON strings around its text."""
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""What JSON can write and UTF-8 cannot; Python joins the two halves of a pair."""
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string of a JSON text, or what begins one and never ends."""
BRACKET = re.compile(r"[\[\]{}]")
VERSION = r"^[0-9]{1,9}\.[0-9]{1,9}$"
"""What a `schema_version` may be."""
MAJOR_VERSION = re.compile("[0-9]{1,9}")
"""The part of a `schema_version` before its dot. What Python calls a digit, such as a superscript, need not be a number."""
REFUSED = b"\x00refused: "
"""How a value begins that stands for records which could not be decompressed; up to the line's end it says why."""


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


PARSER = json.JSONDecoder(parse_constant=_no_number)
"""Reads JSON alone, where Python's own reader takes NaN and Infinity too."""


class Part(BaseModel):
    """Base of what stands within a message. Frozen, as the message is: a fact about the past."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True, str_strip_whitespace=False, allow_inf_nan=False)


class Message(Part):
    """Base of everything on the log that has a record of its own."""

    MAJOR: ClassVar[int] = 1

    schema_version: str = Field(default="1.0", pattern=VERSION)
    """`major.minor`. A new optional field raises minor; anything a reader must know raises major."""

    def encode(self) -> bytes:
        """The value for Kafka: UTF-8 JSON, unset optional fields left out."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Self:
        """Parse one value; out of its envelope, where another tool put it into one (`envelopes`). A valid message is never unwrapped.

        Raises:
            BadRecord: with the reason from the fixed list; never another exception, whatever the bytes.
        """
        content: dict[str, Any] | bytes | None = value
        names: list[str] = []
        try:
            while True:
                document = content if isinstance(content, dict) else parse_object(content, max_bytes=max_bytes)
                try:
                    return cls.from_document(document)
                except BadRecord as bad:
                    wrapped = unwrap(document) if len(names) < MAX_WRAPPED else None
                    if wrapped is None:
                        raise cls._explained(bad, document) from None
                names.append(wrapped.name)
                content = wrapped.content
        except BadRecord as bad:
            raise _within(names, bad) from None

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The message that a JSON object is.

        Raises:
            BadRecord: unknown_version or invalid.
        """
        version = str(document.get("schema_version", "1.0"))
        major = version.split(".", 1)[0]
        if MAJOR_VERSION.fullmatch(major) and int(major) != cls.MAJOR:
            raise BadRecord(DeadLetterReason.UNKNOWN_VERSION, f"schema_version {version[:20]!r}; this reader knows major {cls.MAJOR}")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or cls.__name__
            raise BadRecord(DeadLetterReason.INVALID, f"{where}: {first['msg'].removeprefix('Value error, ')}") from None

    @classmethod
    def _explained(cls, bad: BadRecord, document: dict[str, Any]) -> BadRecord:
        """What is wrong with an object, and where a message stands within it, in case it is wrapped in a way that we do not know."""
        path = None if cls.model_fields.keys() & document.keys() else looks_for(document, frozenset(cls.model_fields))
        if path is None or bad.reason is not DeadLetterReason.INVALID:
            return bad
        return BadRecord(bad.reason, f"{bad.detail}; what stands under `{path}` looks like a {cls.__name__}: send that object itself")


def _within(names: list[str], bad: BadRecord) -> BadRecord:
    """The same, and in whose envelopes it was found."""
    return BadRecord(bad.reason, f"in {' in '.join(reversed(names))}: {bad.detail}") if names else bad


def parse_object(value: bytes | None, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Bytes to a JSON object, with size and nesting bounded before the parser sees them.

    A byte order mark before it, a schema registry's frame around it and a JSON string that holds it are taken off.

    Raises:
        BadRecord: empty, too_large, too_deep, bad_encoding or bad_json; names what the value is, where that can be told.
    """
    if value is None or not value.strip():
        raise BadRecord(DeadLetterReason.EMPTY, "the record has no value")
    if value.startswith(REFUSED):
        raise BadRecord(DeadLetterReason.TOO_LARGE, value[len(REFUSED) :].split(b"\n", 1)[0][:500].decode("utf-8", "backslashreplace"))
    if len(value) > max_bytes:
        raise BadRecord(DeadLetterReason.TOO_LARGE, f"{len(value)} bytes; at most {max_bytes} are read")
    content = frame_content(value)
    if content is None:
        return _object_in(_text(value))
    try:
        return _object_in(_text(content))
    except BadRecord:
        raise BadRecord(DeadLetterReason.BAD_JSON, frame_named(value)) from None


def _text(value: bytes) -> str:
    try:
        return value.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        name = bytes_named(value)
        raise BadRecord(DeadLetterReason.BAD_ENCODING, name or f"not UTF-8 at byte {error.start}; UTF-8 JSON is wanted") from None


def _object_in(text: str, strings: int = 0) -> dict[str, Any]:
    """The object that a JSON text says, or a JSON string in it."""
    document = _parsed(text)
    if isinstance(document, str):
        if strings == MAX_WRAPPED or not document.lstrip().startswith(("{", '"')):
            raise BadRecord(DeadLetterReason.BAD_JSON, f"a JSON string ({document[:40]!r}), where an object is wanted: {JSON_CONVERTER}")
        return _object_in(document, strings + 1)
    if not isinstance(document, dict):
        several = f" of {len(document)}: one record is one message" if isinstance(document, list) else ""
        raise BadRecord(DeadLetterReason.BAD_JSON, f"a JSON object is wanted, this is a {type(document).__name__}{several}")
    if "\\u" in text and (lone := LONE_SURROGATE.search(json.dumps(document, ensure_ascii=False))):
        raise BadRecord(DeadLetterReason.BAD_ENCODING, f"half of a surrogate pair, \\u{ord(lone[0]):04x}, stands alone: it is no character")
    return document


def _parsed(text: str) -> Any:
    if is_nested_deeper(text, MAX_DEPTH):
        raise BadRecord(DeadLetterReason.TOO_DEEP, f"nested more than {MAX_DEPTH} deep")
    try:
        return PARSER.decode(text)
    except ValueError as error:
        raise BadRecord(DeadLetterReason.BAD_JSON, f"{error}{json_hint(text)}") from None


def is_nested_deeper(text: str, limit: int) -> bool:
    """Whether brackets of a JSON text, strings skipped, nest deeper than a limit."""
    if text.count("{") + text.count("[") <= limit:
        return False  # fewer cannot nest too deep: the walk through the text is left out
    depth = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limit:
            return True
    return False


def content_id(*parts: str | None) -> str:
    """A stable id of some content: the first 16 hex digits of SHA-256 over the parts, kept apart by a unit separator."""
    joined = "\x1f".join(["" if part is None else part for part in parts])
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]
