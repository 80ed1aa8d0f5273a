"""The wire format: UTF-8 JSON of pydantic models with a `schema_version`, bounded before it is parsed.

Readers ignore fields they do not know (a minor version may add some) and refuse a major version they do not know.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import BadRecord, DeadLetterReason

MAX_BYTES = 1_000_000
"""Largest value read, in bytes: Kafka's own default for a message."""
MAX_DEPTH = 48
"""Deepest nesting read. The deepest of ours is a loss, which holds its sample, whose tools hold JSON Schemas of their parameters. A tool
may be 40 deep: 12 levels of objects in arrays, each of which takes `items`, `properties` and the property's name."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""What JSON can write and UTF-8 cannot; Python joins the two halves of a pair."""
STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string of a JSON text, or what begins one and never ends."""
BRACKET = re.compile(r"[\[\]{}]")
REFUSED = b"\x00refused: "
"""How a value begins that stands for records which could not be decompressed; up to the line's end it says why."""


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


PARSER = json.JSONDecoder(parse_constant=_no_number)
"""Reads JSON alone, where Python's own reader takes NaN and Infinity too."""


class Part(BaseModel):
    """Base of what stands within a message. Frozen, as the message is: a fact about the past."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True, str_strip_whitespace=False)


class Message(Part):
    """Base of everything on the log that has a record of its own."""

    MAJOR: ClassVar[int] = 1

    schema_version: str = Field(default="1.0", pattern=r"^\d+\.\d+$")
    """`major.minor`. A new optional field raises minor; anything a reader must know raises major."""

    def encode(self) -> bytes:
        """The value for Kafka: UTF-8 JSON, unset optional fields left out."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def decode(cls, value: bytes | None, *, max_bytes: int = MAX_BYTES) -> Self:
        """Parse one value.

        Raises:
            BadRecord: with the reason from the fixed list; never another exception, whatever the bytes.
        """
        document = parse_object(value, max_bytes=max_bytes)
        version = str(document.get("schema_version", "1.0"))
        major = version.split(".", 1)[0]
        if major.isdigit() and int(major) != cls.MAJOR:
            raise BadRecord(DeadLetterReason.UNKNOWN_VERSION, f"schema_version {version[:20]!r}; this reader knows major {cls.MAJOR}")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or cls.__name__
            raise BadRecord(DeadLetterReason.INVALID, f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def parse_object(value: bytes | None, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Bytes to a JSON object, with size and nesting bounded before the parser sees them.

    Raises:
        BadRecord: empty, too_large, too_deep, bad_encoding or bad_json.
    """
    if value is None or not value.strip():
        raise BadRecord(DeadLetterReason.EMPTY, "the record has no value")
    if value.startswith(REFUSED):
        raise BadRecord(DeadLetterReason.TOO_LARGE, value[len(REFUSED) :].split(b"\n", 1)[0][:500].decode("utf-8", "backslashreplace"))
    if len(value) > max_bytes:
        raise BadRecord(DeadLetterReason.TOO_LARGE, f"{len(value)} bytes; at most {max_bytes} are read")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(DeadLetterReason.BAD_ENCODING, f"not UTF-8 at byte {error.start}") from None
    opened = text.count("{") + text.count("[")  # fewer cannot nest too deep: the walk through the text is left out
    if opened > MAX_DEPTH and (depth := nesting(text)) > MAX_DEPTH:
        raise BadRecord(DeadLetterReason.TOO_DEEP, f"nested {depth} deep; at most {MAX_DEPTH} are read")
    try:
        document = PARSER.decode(text)
    except ValueError as error:
        raise BadRecord(DeadLetterReason.BAD_JSON, str(error)) from None
    if not isinstance(document, dict):
        raise BadRecord(DeadLetterReason.BAD_JSON, f"a JSON object is wanted, this is a {type(document).__name__}")
    if "\\u" in text and (lone := LONE_SURROGATE.search(json.dumps(document, ensure_ascii=False))):
        raise BadRecord(DeadLetterReason.BAD_ENCODING, f"half of a surrogate pair, \\u{ord(lone[0]):04x}, stands alone: it is no character")
    return document


def nesting(text: str) -> int:
    """How deep brackets nest in a JSON text, strings skipped; stops counting past MAX_DEPTH."""
    depth = deepest = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        else:
            depth -= 1
    return deepest


def content_id(*parts: str | None) -> str:
    """A stable id of some content: the first 16 hex digits of SHA-256 over the parts, kept apart by a unit separator."""
    joined = "\x1f".join("" if part is None else part for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()[:16]
