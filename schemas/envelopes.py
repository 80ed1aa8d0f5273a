"""What other tools put around a message, and what they send that is none: unwrapped where it can mean one thing only, else named.

- Kafka Connect's JsonConverter, with schemas on (its default): `{"schema": …, "payload": …}`.
- Debezium's change events: `{"before": …, "after": …, "op": "c"}`; the row as it is after a create, an update or a snapshot's read.
- CloudEvents in structured mode: `{"specversion": …, "type": …, "source": …, "data": …}`, or `data_base64`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.errors import BadRecord, DeadLetterReason

JSON_CONVERTER = "value.converter=org.apache.kafka.connect.json.JsonConverter and value.converter.schemas.enable=false"
"""What to set in Kafka Connect, so that plain JSON comes."""
KNOWN_BYTES = {
    b"Obj\x01": "an Avro file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "gzip: let the producer compress (compression.type), and send the JSON itself as the value",
    b"\x28\xb5\x2f\xfd": "zstd: let the producer compress (compression.type), and send the JSON itself as the value",
    b"PK\x03\x04": "a zip file",
    b"\xac\xed\x00\x05": "an object that Java serialised",
    b"\xff\xfe": "UTF-16, or no text at all; UTF-8 is wanted",
    b"\xfe\xff": "UTF-16, or no text at all; UTF-8 is wanted",
    b"\x80\x02": "a pickle of Python's: such are never read",
    b"\x80\x03": "a pickle of Python's: such are never read",
    b"\x80\x04": "a pickle of Python's: such are never read",
    b"\x80\x05": "a pickle of Python's: such are never read",
}
"""How values begin that are no JSON."""
FRAME_BYTES = 5
"""Of a schema registry's frame before its content: a zero, and the schema's id in four bytes."""
SCHEMA_HEADER = "__value_schema_id"
"""Where Confluent's serializers put the schema's id when they put it in a header."""
NO_JSON = (DeadLetterReason.BAD_JSON, DeadLetterReason.BAD_ENCODING)
CREATED = frozenset("cur")
"""Debezium's operations after which there is a row: create, update, read by a snapshot."""
OTHER_OPERATIONS = {"d": "a delete", "t": "a truncation", "m": "a message"}
"""Those after which there is none."""
MOST_NESTED = 4
"""How deep a sample is looked for in an object that is wrapped in an unknown way."""


class Wrapped(NamedTuple):
    """What an envelope holds."""

    name: str
    """Whose envelope it is."""
    content: dict[str, Any] | bytes
    """The object within, or its JSON text."""


def frame_content(value: bytes) -> bytes | None:
    """What stands in a schema registry's frame, where a value is one (a zero, four bytes of the schema's id, the content)."""
    return value[FRAME_BYTES:] if value[:1] == b"\x00" and len(value) > FRAME_BYTES else None


def frame_named(value: bytes) -> str:
    """What a schema registry's frame is whose content is not JSON, and what to set."""
    number = int.from_bytes(value[1:FRAME_BYTES])
    return f"a schema registry's frame (schema {number}) of Avro or Protobuf: send JSON without a schema registry ({JSON_CONVERTER})"


def with_serializer(bad: BadRecord, headers: Iterable[tuple[str, bytes]]) -> BadRecord:
    """The same of a record that has its schema's id in a header, not in a frame: what wrote it, and what to set.."""
    if bad.reason not in NO_JSON or SCHEMA_HEADER not in {name for name, _ in headers}:
        return bad
    return BadRecord(bad.reason, f"{bad.detail}; by its header {SCHEMA_HEADER} it is of a schema registry's serializer: {JSON_CONVERTER}")


def bytes_named(value: bytes) -> str | None:
    """What a value is that begins as another format does; None where it may be JSON."""
    return next((name for start, name in KNOWN_BYTES.items() if value.startswith(start)), None)


def json_hint(text: str) -> str:
    """What to do about a text that is not JSON, where that can be told; else empty."""
    start = text.lstrip()[:1]
    if text.lstrip().startswith(("{'", "['", "'")):
        return "; single quotes: a Python object that was printed (send json.dumps of it)"
    if any(char < "\t" for char in text[:200]):
        return "; binary data, such as Avro or Protobuf: send JSON"
    if start == "<":
        return "; XML or HTML: send a JSON object"
    if start and start not in '{["-0123456789tfnNI':
        return f'; text ({text.strip()[:40]!r}) and no JSON: send a JSON object, such as {{"text": …}}'
    return ""


def unwrap(document: dict[str, Any]) -> Wrapped | None:
    """The message in an envelope that we know; None where this is none.

    Raises:
        BadRecord: an envelope without a message; says what it is and what to set.
    """
    if document.keys() == {"schema", "payload"}:
        return _within("Kafka Connect's envelope", document["payload"], "a removed row, or a null that was sent")
    if "op" in document and ("after" in document or "before" in document):
        return _row(document)
    if {"specversion", "type", "source"} <= document.keys():
        return _event(document)
    return None


def _row(document: dict[str, Any]) -> Wrapped:
    operation = str(document["op"])
    if operation not in CREATED:
        what = OTHER_OPERATIONS.get(operation, f"of operation {operation[:20]!r}")
        way = "ExtractNewRecordState with delete.tombstone.handling.mode=drop leaves such events out"
        raise BadRecord(DeadLetterReason.UNTRAINABLE, f"a change event of Debezium's, {what}: there is no row to use; {way}")
    return _within("Debezium's change event", document.get("after"), "no row after the change")


def _event(document: dict[str, Any]) -> Wrapped:
    name = "a CloudEvents event"
    encoded = document.get("data_base64")
    if encoded is None:
        return _within(name, document.get("data"), "no `data`")
    try:
        return Wrapped(name, base64.b64decode(encoded, validate=True))
    except (TypeError, ValueError, binascii.Error):
        raise BadRecord(DeadLetterReason.INVALID, f"{name} whose `data_base64` is not base64") from None


def _within(name: str, content: object, without: str) -> Wrapped:
    if isinstance(content, dict):
        return Wrapped(name, content)
    if isinstance(content, str) and content.strip():
        return Wrapped(name, content.encode("utf-8", "surrogatepass"))
    if content is None or content == "":
        raise BadRecord(DeadLetterReason.EMPTY, f"{name} with nothing in it: {without}")
    raise BadRecord(DeadLetterReason.INVALID, f"{name} around {str(content)[:20]!r}, where an object is wanted")


def looks_for(document: dict[str, Any], fields: frozenset[str]) -> str | None:
    """The dotted path of an object within that has any of these fields; None where there is none."""
    return next((path for path, found in _objects(document, "", MOST_NESTED) if fields & found.keys()), None)


def _objects(document: dict[str, Any], path: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in document.items():
        if isinstance(value, dict) and depth:
            yield f"{path}{name}", value
            yield from _objects(value, f"{path}{name}.", depth - 1)
