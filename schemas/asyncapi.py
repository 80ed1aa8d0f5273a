"""The AsyncAPI 3.0 document: servers, channels, operations and messages of the log, whole in itself, for generators and registries.

Every schema stands under `components`, by the name of its model, so that code generated from the document has the same names.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from schemas.dead_letter import HEADER_PREFIX, REPLAY_HEADER, DeadLetter
from schemas.errors import DeadLetterReason
from schemas.fact import Fact
from schemas.topics import PRODUCER_HEADER, Topic, Topics

VERSION = "1.1.0"
"""Of the document: minor with new channels, operations or optional fields; major with what a reader must know."""
KAFKA_BINDING = "0.5.0"
JSON = "application/json"
OUTSIDERS = frozenset({"producers", "any inference server", "rollout workers", "ops"})
"""Who writes or reads beside Pelton's own nodes, as the catalogue of topics names them."""
Document = dict[str, Any]


def document() -> Document:
    """The whole description of all topics under the default prefix, with the settings that Pelton makes them with."""
    topics = list(Topics())
    return {
        "asyncapi": "3.0.0",
        "id": "urn:pelton",
        "info": {
            "title": "Pelton",
            "version": VERSION,
            "description": "The log of a continuous trainer. Operations are Pelton's: what it receives, others may send.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": "training"}, {"name": "kafka"}],
        },
        "defaultContentType": JSON,
        "servers": servers(),
        "channels": {channel_id(topic): channel(topic) for topic in topics},
        "operations": {name: made for topic in topics for name, made in operations(topic).items()},
        "components": {"messages": messages(topics), "schemas": schemas(topics)},
    }


def servers() -> dict[str, Document]:
    """Where the broker is: plainly, or over TLS."""
    variables = {
        "host": {"default": "127.0.0.1", "description": "The broker's address (`KAFKA_BOOTSTRAP_SERVERS`)."},
        "port": {"default": "9092", "description": "The broker's port."},
    }
    plain = {
        "host": "{host}:{port}",
        "protocol": "kafka",
        "variables": variables,
        "description": "An Apache Kafka broker; Pelton starts one where none is named.",
    }
    return {
        "broker": plain,
        "brokerOverTls": {**plain, "protocol": "kafka-secure", "description": "The same with TLS, and SASL if it asks for it."},
    }


def channel_id(topic: Topic) -> str:
    """`pelton.curriculum.sft.0` -> `curriculumSft0`: an identifier, as generators want one."""
    first, *rest = re.split(r"[.-]", topic.name.removeprefix(Topics().prefix))
    return first + "".join(part.capitalize() for part in rest)


def channel(topic: Topic) -> Document:
    """One topic: its name, what may lie on it, how it is made."""
    config = topic.config()
    settings = {
        "cleanup.policy": config["cleanup.policy"].split(","),
        "retention.ms": int(config["retention.ms"]),
        "max.message.bytes": int(config["max.message.bytes"]),
    }
    kafka = {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": settings, "bindingVersion": KAFKA_BINDING}
    return {
        "address": topic.name,
        "description": f"Key: {topic.key}. Written by {topic.written_by}; read by {topic.read_by}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in message_names(topic)},
        "bindings": {"kafka": kafka},
    }


def message_names(topic: Topic) -> list[str]:
    """What lies on a topic; one that is compacted by key may hold removals."""
    return [topic.value.__name__, "FactRemoval"] if topic.value is Fact else [topic.value.__name__]


def operations(topic: Topic) -> dict[str, Document]:
    """What Pelton sends to and receives from a topic."""
    name = channel_id(topic)
    found = {}
    for action, who in (("send", topic.written_by), ("receive", topic.read_by)):
        if nodes := [node for node in who.split(", ") if node not in OUTSIDERS]:
            found[action + name[0].upper() + name[1:]] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": f"By {', '.join('every node' if node == 'all' else node for node in nodes)}.",
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in message_names(topic)],
            }
    return found


def messages(topics: list[Topic]) -> dict[str, Document]:
    """Key, headers and value of everything that may lie on the log."""
    found: dict[str, Document] = {}
    for topic in topics:
        name = topic.value.__name__
        what = {"name": name, "title": name, "summary": first_line(topic.value.__doc__), "bindings": key_binding(topic.key)}
        found[name] = {**what, "contentType": JSON, "payload": {"$ref": f"#/components/schemas/{name}"}}
    found["Sample"]["headers"] = {"$ref": "#/components/schemas/SampleHeaders"}
    removal = {"name": "FactRemoval", "title": "FactRemoval", "summary": "A record without a value: it removes the fact of its key."}
    found["FactRemoval"] = {**removal, "bindings": key_binding("fact key"), "payload": {"$ref": "#/components/schemas/NoValue"}}
    found["DeadLetter"] |= {
        "summary": "A record that could not be used: its own key and value, byte for byte, with headers that say why.",
        "contentType": "application/octet-stream",
        "headers": {"$ref": "#/components/schemas/DeadLetterHeaders"},
        "payload": {"$ref": "#/components/schemas/OriginalValue"},
    }
    return found


def key_binding(key: str) -> Document:
    """The record's key, which is UTF-8 text; a dead letter's is its original's, which may be missing."""
    return {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": KAFKA_BINDING}}


def schemas(topics: list[Topic]) -> dict[str, Document]:
    """Of every model on the wire, and of what is in headers."""
    models = sorted({topic.value for topic in topics} - {DeadLetter}, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}", schema_generator=GenerateJsonSchema
    )
    return {
        **without_constants(found["$defs"]),
        "DeadLetterHeaders": dead_letter_headers(),
        "SampleHeaders": {
            "type": "object",
            "description": "Headers of a producer's own are kept, and not read.",
            "properties": {
                PRODUCER_HEADER: text(
                    "Who sends, so that what it sends can be told from what others send; at most 100 characters are read."
                ),
                REPLAY_HEADER: text("Topic, partition and offset of the dead letter that was sent again."),
            },
        },
        "NoValue": {"type": "null"},
        "OriginalValue": {
            "description": "The original's value: any bytes, often no JSON; empty where it had none, or cut if it was too large."
        },
    }


def without_constants(part: Any) -> Any:
    """The same schemas with a choice of one in place of a constant: Modelina's classes of a constant with a default are no Python."""
    if isinstance(part, list):
        return [without_constants(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {"enum" if name == "const" else name: [value] if name == "const" else without_constants(value) for name, value in part.items()}


def dead_letter_headers() -> Document:
    """Every header of ours on a dead letter. A Kafka header is bytes; ours are UTF-8 text, numbers too."""
    fields = DeadLetter.model_fields
    headers = {HEADER_PREFIX + name: text(field.description or "") for name, field in fields.items()}
    headers[HEADER_PREFIX + "reason"]["enum"] = [reason.value for reason in DeadLetterReason]
    for name in ("partition", "offset", "truncated_from"):
        headers[HEADER_PREFIX + name]["pattern"] = "^[0-9]+$"
    headers[HEADER_PREFIX + "was_null"]["enum"] = ["True"]
    required = [HEADER_PREFIX + name for name, field in fields.items() if field.is_required()]
    return {"type": "object", "description": "Beside these stand the original's headers.", "properties": headers, "required": required}


def text(description: str) -> Document:
    """A string's schema."""
    return {"type": "string", "description": description}


def first_line(docstring: str | None) -> str:
    """What a model's docstring begins with."""
    return (docstring or "").strip().splitlines()[0]
