"""What other tools send: unwrapped where it can mean one thing only, else named with what to set."""

import base64
import contextlib
import gzip
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import MAX_DEPTH
from schemas.envelopes import SCHEMA_HEADER, with_serializer
from schemas.errors import BadRecord, DeadLetterReason
from schemas.fact import Fact
from schemas.sample import Sample

SAMPLE = {"prompt": "q?", "answer": "a."}
TEXT = json.dumps(SAMPLE)
CONNECT = {"schema": {"type": "struct", "fields": [{"field": "prompt", "type": "string"}]}, "payload": SAMPLE}
ROW = {"before": None, "after": SAMPLE, "source": {"table": "t", "db": "d"}, "op": "c", "ts_ms": 1}
EVENT = {"specversion": "1.0", "type": "sample.made", "source": "/app", "id": "e1", "datacontenttype": "application/json"}
SCHEMA_OF_ROW = {"type": "struct", "name": "server.d.t.Envelope"}


def read(document: object) -> Sample:
    return Sample.decode(document if isinstance(document, bytes) else json.dumps(document).encode())


def refused(document: object) -> tuple[DeadLetterReason, str]:
    with pytest.raises(BadRecord) as caught:
        read(document)
    return caught.value.reason, caught.value.detail


@pytest.mark.parametrize(
    "document",
    [
        CONNECT,
        {"schema": {"type": "string"}, "payload": TEXT},
        ROW,
        {**ROW, "op": "u", "before": {"prompt": "old", "answer": "old"}},
        {**ROW, "op": "r"},
        {**ROW, "after": TEXT},
        {"schema": SCHEMA_OF_ROW, "payload": ROW},
        {**EVENT, "data": SAMPLE},
        {**EVENT, "data": TEXT},
        {**EVENT, "data_base64": base64.b64encode(TEXT.encode()).decode()},
        {**EVENT, "data": ROW},
        TEXT,
        json.dumps(TEXT),
        {"schema": {"type": "string"}, "payload": json.dumps(TEXT)},
        b"\xef\xbb\xbf" + TEXT.encode(),
        b"\x00\x00\x00\x00\x07" + TEXT.encode(),
        {**EVENT, "data_base64": base64.b64encode(b"\xef\xbb\xbf" + TEXT.encode()).decode()},
    ],
)
def test_a_sample_in_another_tool_s_envelope_is_the_sample(document):
    assert read(document) == Sample(**SAMPLE)
    assert read(document).sample_id == Sample(**SAMPLE).sample_id


def test_an_object_that_is_a_sample_itself_is_not_unwrapped():
    assert read({**ROW, "text": "the row"}).text == "the row"
    assert read({**EVENT, "text": "the event", "data": SAMPLE}).text == "the event"


def test_a_fact_is_unwrapped_too():
    fact = {"subject": "France", "predicate": "capital", "object": "Paris"}
    assert Fact.decode(json.dumps({"schema": {}, "payload": fact}).encode()) == Fact(**fact)
    assert Fact.decode(json.dumps({**EVENT, "subject": "facts", "data": fact}).encode()) == Fact(**fact)


@pytest.mark.parametrize(
    ("document", "reason", "named"),
    [
        (b"\x00\x00\x00\x00\x07\x0aq?\x04a.", "bad_json", ["schema registry's frame (schema 7)", "JsonConverter", "schemas.enable=false"]),
        (b"\x00\x00\x00\x00\x07\x00\xff\xfe", "bad_json", ["schema registry's frame"]),
        (b"\x00\x00\x00\x00\x07{not json", "bad_json", ["schema registry's frame"]),
        (b"Obj\x01\x04\x14avro.codec\xff", "bad_encoding", ["an Avro file"]),
        (gzip.compress(TEXT.encode(), mtime=0), "bad_encoding", ["gzip", "compression.type"]),
        (pickle.dumps(SAMPLE), "bad_encoding", ["pickle"]),
        (TEXT.encode("utf-16"), "bad_encoding", ["UTF-16"]),
        (str(SAMPLE).encode(), "bad_json", ["single quotes", "json.dumps"]),
        (b"\x0aq?\x02\x04a.", "bad_json", ["binary data, such as Avro or Protobuf"]),
        (b"\x08q?\xfe", "bad_encoding", ["not UTF-8 at byte 3; UTF-8 JSON is wanted"]),
        (b"<sample/>", "bad_json", ["XML"]),
        (b"once upon a time", "bad_json", ["text ('once upon a time')", "send a JSON object"]),
        ("only a string", "bad_json", ["a JSON string ('only a string')", "JsonConverter"]),
        ([SAMPLE, SAMPLE], "bad_json", ["a JSON object is wanted", "list of 2: one record is one message"]),
        ({**ROW, "op": "d", "after": None}, "untrainable", ["Debezium", "a delete", "ExtractNewRecordState"]),
        ({**ROW, "op": "t", "after": None}, "untrainable", ["a truncation"]),
        ({"schema": SCHEMA_OF_ROW, "payload": {**ROW, "op": "d"}}, "untrainable", ["in Kafka Connect's envelope", "a delete"]),
        ({**SAMPLE, "__deleted": "true"}, "untrainable", ["deleted"]),
        ({"schema": None, "payload": None}, "empty", ["Kafka Connect's envelope", "nothing in it"]),
        ({"schema": {"type": "int32"}, "payload": 5}, "invalid", ["Kafka Connect's envelope around '5'"]),
        ({"schema": {}, "payload": {"title": "x"}}, "invalid", ["in Kafka Connect's envelope: nothing to train on"]),
        ({"schema": {}, "payload": {"prompt": 5}}, "invalid", ["in Kafka Connect's envelope: prompt:"]),
        ({"schema": {"type": "string"}, "payload": "a line of a file"}, "bad_json", ["in Kafka Connect's envelope", "a line of a file"]),
        (EVENT, "empty", ["a CloudEvents event", "no `data`"]),
        ({**EVENT, "data_base64": "?"}, "invalid", ["`data_base64` is not base64"]),
        ({"records": {"value": SAMPLE}}, "invalid", ["`records.value` looks like a Sample"]),
        ({"promt": "q?"}, "invalid", ["`promt` is no field of a sample: did you mean `prompt`?"]),
    ],
)
def test_what_cannot_be_unwrapped_is_named(document, reason, named):
    found, detail = refused(document)
    assert found == reason
    assert [part for part in named if part not in detail] == []


def test_envelopes_without_end_are_refused():
    document: object = SAMPLE
    for _ in range(5):
        document = {"schema": {}, "payload": document}
    assert refused(document)[0] is DeadLetterReason.INVALID
    text: object = SAMPLE
    for _ in range(6):
        text = json.dumps(text)
    assert refused(text)[0] is DeadLetterReason.BAD_JSON


def test_what_is_nested_without_bound_within_a_string_is_refused_too():
    assert refused({"schema": {}, "payload": '{"text": ' + "[" * (MAX_DEPTH + 1)})[0] is DeadLetterReason.TOO_DEEP
    assert refused(json.dumps('{"text": "\\ud83d"}').encode())[0] is DeadLetterReason.BAD_ENCODING


NAMES = st.sampled_from(["schema", "payload", "op", "before", "after", "specversion", "type", "source", "data", "data_base64", "messages"])
MORE_NAMES = st.sampled_from(["role", "content", "tools", "tool_calls", "function", "arguments", "name", "text", "gold", "x"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["c", "d", "user", "{}", "[]", TEXT])
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | MORE_NAMES, inner, max_size=6), max_leaves=12
)


@given(DOCUMENTS)
def test_no_document_in_any_wrapping_makes_a_reader_raise_anything_else(document):
    with contextlib.suppress(BadRecord):
        sample = Sample.decode(json.dumps(document).encode())
        assert Sample.decode(sample.encode()).model_dump() == sample.model_dump()


def test_a_schema_registrys_id_in_a_header_is_named_where_the_value_is_no_json_and_harms_nothing_where_it_is():
    headers = [("a", b""), (SCHEMA_HEADER, b"\x01" + bytes(16))]
    with pytest.raises(BadRecord) as raised:
        Sample.decode(b"\x02\x10\xff\xfe")
    told = with_serializer(raised.value, headers)
    assert told.reason is raised.value.reason
    assert "its header __value_schema_id" in told.detail
    assert "JsonConverter" in told.detail
    assert with_serializer(raised.value, [("a", b"")]) is raised.value
    other = BadRecord(DeadLetterReason.EMPTY, "nothing")
    assert with_serializer(other, headers) is other
