"""What is published, JSON Schemas and the AsyncAPI document, is true of what lies on the log. (`tests/clients` tries others' tools.)"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas import export
from schemas.base import Message
from schemas.dead_letter import DeadLetter
from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Task
from schemas.topics import Topics
from schemas.trainable import NEEDS
from streams.curriculum.task_detector import content_of, detect_task
from tests.models.messages import EXAMPLES

DOCUMENTS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in export.FOLDER.glob("*.json")}
ASYNCAPI = DOCUMENTS["asyncapi.json"]
SCHEMAS = {name: schema for name, schema in DOCUMENTS.items() if name != "asyncapi.json"}
LETTER = DeadLetter(
    topic="pelton.samples",
    partition=1,
    offset=42,
    stage="curriculum",
    reason=DeadLetterReason.BAD_JSON,
    error="…",
    run_id="r",
    source="atlas",
    truncated_from=9_000_000,
    was_null=True,
)


def refs(part: Any) -> list[str]:
    """Every `$ref` in a document."""
    if isinstance(part, list):
        return [ref for item in part for ref in refs(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [ref for item in part.values() for ref in refs(item)]


def found_at(document: Any, ref: str) -> Any:
    """What a reference within a document leads to; KeyError where it leads nowhere."""
    for step in ref.removeprefix("#/").split("/"):
        document = document[step]
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_says_its_dialect_and_its_own_name(name: str):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMAS[name]["$id"] == f"urn:pelton:schemas:{name.removesuffix('.json')}:1"


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_what_we_send_is_valid_by_the_schema_of_its_kind(message: Message):
    name = "".join("_" + char.lower() if char.isupper() else char for char in type(message).__name__).lstrip("_")
    Draft202012Validator(SCHEMAS[f"{name}.json"]).validate(json.loads(message.encode()))


def test_every_kind_of_message_has_an_example():
    assert {type(message) for message in EXAMPLES} == {topic.value for topic in Topics()} - {DeadLetter}


def test_the_asyncapi_document_refers_to_nothing_outside_it_and_to_what_is_there():
    found = refs(ASYNCAPI)
    assert found
    for ref in found:
        assert found_at(ASYNCAPI, ref)


def test_every_topic_is_a_channel_with_the_settings_that_it_is_made_with():
    channels = {channel["address"]: channel for channel in ASYNCAPI["channels"].values()}
    assert set(channels) == {topic.name for topic in Topics()}
    for topic in Topics():
        kafka = channels[topic.name]["bindings"]["kafka"]
        assert (kafka["topic"], kafka["partitions"]) == (topic.name, topic.partitions)
        settings = kafka["topicConfiguration"]
        assert {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in settings.items()} == topic.config()
        assert isinstance(settings["retention.ms"], int)


def test_an_identifier_of_the_document_is_one_in_a_programming_language():
    names = [*ASYNCAPI["channels"], *ASYNCAPI["operations"], *ASYNCAPI["components"]["messages"], *ASYNCAPI["components"]["schemas"]]
    assert [name for name in names if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name)] == []


def test_an_outsider_sees_what_pelton_takes_and_what_it_gives():
    actions = {(operation["action"], operation["channel"]["$ref"].split("/")[-1]) for operation in ASYNCAPI["operations"].values()}
    assert {("receive", "samples"), ("receive", "facts"), ("receive", "outputs"), ("send", "models"), ("send", "deadLetters")} <= actions
    assert not {("send", "facts"), ("receive", "models"), ("receive", "deadLetters")} & actions


def test_every_message_has_a_key_and_all_but_removals_and_dead_letters_a_json_value():
    for name, message in ASYNCAPI["components"]["messages"].items():
        assert message["bindings"]["kafka"]["key"]["type"] == "string"
        assert message.get("contentType", ASYNCAPI["defaultContentType"]) == "application/json" or name == "DeadLetter"


def test_a_dead_letter_is_any_bytes_with_headers_as_they_are_declared():
    letter = ASYNCAPI["components"]["messages"]["DeadLetter"]
    assert "type" not in found_at(ASYNCAPI, letter["payload"]["$ref"])
    headers = Draft202012Validator(found_at(ASYNCAPI, letter["headers"]["$ref"]))
    full = {name: value.decode() for name, value in LETTER.headers()}
    headers.validate(full)
    assert set(full) | {"pelton.sample_id"} == set(headers.schema["properties"])
    least = {name: value.decode() for name, value in LETTER.model_copy(update={"run_id": None, "was_null": None}).headers()}
    headers.validate(least)
    assert not headers.is_valid({name: value for name, value in least.items() if name != "pelton.offset"})
    assert not headers.is_valid(full | {"pelton.reason": "ugly"})


def test_what_removes_a_fact_has_no_value():
    removal = ASYNCAPI["components"]["messages"]["FactRemoval"]
    assert Draft202012Validator(found_at(ASYNCAPI, removal["payload"]["$ref"])).is_valid(None)
    assert "FactRemoval" in ASYNCAPI["channels"]["facts"]["messages"]


ASSISTANT = {"role": "assistant", "content": "Lima."}
USER = {"role": "user", "content": "Capital of Peru?"}
SAMPLE = Draft202012Validator(SCHEMAS["sample.json"])
VALUES: dict[str, list[Any]] = {
    **{name: [None, "", " ", name] for name in ("prompt", "text", "answer", "label", "chosen", "rejected")},
    "task": [None, *Task],
    "messages": [
        None,
        [],
        [USER],
        [USER, ASSISTANT],
        [USER, {**ASSISTANT, "weight": 0}],
        [USER, {**ASSISTANT, "weight": 0}, USER, ASSISTANT],
    ],
    "chosen_messages": [None, [], [ASSISTANT]],
    "rejected_messages": [[], [USER | {"role": "assistant"}]],
    "gold": [None, [], ["Lima"]],
}
BEYOND_A_SCHEMA = ("are both set", "needs the turns before the answer", "turn of the assistant has weight 0")
"""What makes a sample untrainable that only its reader sees, by what it says."""


@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}))
@settings(max_examples=400)
def test_the_schema_of_samples_takes_what_can_be_trained_and_refuses_what_lacks_something(document: dict[str, Any]):
    why = ""
    try:
        sample = Sample.decode(json.dumps(document).encode())
        content_of(sample, detect_task(sample))
    except BadRecord as error:
        why = str(error)
    assert SAMPLE.is_valid(document) is not bool(why) or any(words in why for words in BEYOND_A_SCHEMA)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schema": {"type": "string"}, "payload": "text"},
        {"specversion": "1.0", "data": {"text": "x"}},
        {"promt": "Capital of Peru?", "answer": "Lima."},
        {"prompt": "Capital of Peru?", "anwser": "Lima."},
        {"prompt": "Capital of Peru?", "completion": "Lima."},
        {"answer": "Lima."},
        {"text": " "},
        {"text": "x", "sample_id": 7},
        {"task": "summarise", "text": "x"},
        {"messages": [USER]},
        {"messages": [USER, {**ASSISTANT, "weight": 0}]},
        {"messages": [{"role": "robot", "content": "x"}]},
        {"messages": [USER, {"role": "assistant", "content": [{"type": "image_url", "image_url": {}}]}]},
    ],
    ids=json.dumps,
)
def test_the_schema_of_samples_refuses(document: dict[str, Any]):
    assert not SAMPLE.is_valid(document)


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "user", "content": [{"type": "text", "text": "Capital of Peru?"}]},
        {"role": "assistant", "content": "Lima.", "weight": 1, "name": "guide"},
    ],
    ids=json.dumps,
)
def test_the_schema_takes_turns_as_openais_interface_has_them(turn: dict[str, Any]):
    document = {"messages": [USER, turn, ASSISTANT]}
    SAMPLE.validate(document)
    assert len(Sample.decode(json.dumps(document).encode()).messages or ()) == 3


def test_the_schema_knows_every_task():
    assert set(NEEDS) == {task.value for task in Task}
