"""What is on the wire stays readable: schemas are current, readers are lenient where they may be, and no bytes make them raise."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import export
from schemas.base import MAX_BYTES, MAX_DEPTH, Message
from schemas.dead_letter import DeadLetter
from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample
from schemas.topics import Topics

MESSAGES = sorted({topic.value for topic in Topics()}, key=lambda kind: kind.__name__)


def test_the_checked_in_schemas_say_what_the_code_says():
    assert export.stale() == [], "run: make schemas"


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_field_of_every_message_is_documented(kind: type[Message]):
    undocumented = [name for name, field in kind.model_fields.items() if not field.description]
    assert undocumented == []


def test_a_field_that_a_reader_does_not_know_is_ignored():
    assert Sample.decode(b'{"sample_id": "a", "text": "b", "mood": "fine"}').sample_id == "a"


def test_a_minor_version_is_read_and_a_major_one_is_dead_lettered():
    assert Sample.decode(b'{"schema_version": "1.9", "text": "b"}').text == "b"
    with pytest.raises(BadRecord) as bad:
        Sample.decode(b'{"schema_version": "2.0", "text": "b"}')
    assert bad.value.reason is DeadLetterReason.UNKNOWN_VERSION


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, DeadLetterReason.EMPTY),
        (b" ", DeadLetterReason.EMPTY),
        (b"\xff\xfe{}", DeadLetterReason.BAD_ENCODING),
        (rb'{"text": "a \ud83d alone"}', DeadLetterReason.BAD_ENCODING),
        (b"{", DeadLetterReason.BAD_JSON),
        (b"[1]", DeadLetterReason.BAD_JSON),
        (b"{" * 100_000, DeadLetterReason.TOO_DEEP),
        (b'"' + b"x" * MAX_BYTES + b'"', DeadLetterReason.TOO_LARGE),
        (b'{"generation": "many"}', DeadLetterReason.INVALID),
        (b'{"text": 5}', DeadLetterReason.INVALID),
    ],
)
def test_what_cannot_be_read_has_its_reason_from_the_fixed_list(value, reason):
    with pytest.raises(BadRecord) as bad:
        Sample.decode(value)
    assert bad.value.reason is reason


def test_an_escaped_pair_is_one_character():
    assert Sample.decode(rb'{"text": "a \ud83d\ude00"}').text == "a \U0001f600"


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise_anything_else(value):
    with contextlib.suppress(BadRecord):
        assert Sample.decode(value).sample_id


@given(st.text(min_size=1, max_size=50), st.text(max_size=50))
def test_a_repeated_send_is_one_sample(prompt, answer):
    one, two = Sample(prompt=prompt, answer=answer), Sample(prompt=prompt, answer=answer)
    assert one.sample_id == two.sample_id
    assert Sample.decode(one.encode()) == one


def test_brackets_in_a_string_do_not_count_as_nesting():
    text = "[" * (MAX_DEPTH + 5)
    assert Sample.decode(json.dumps({"text": text}).encode()).text == text


def test_a_dead_letter_survives_its_headers():
    letter = DeadLetter(
        topic="samples", partition=1, offset=2, stage="curriculum", reason=DeadLetterReason.BAD_JSON, error="Expecting ','", sample_id="ü"
    )
    assert DeadLetter.from_headers(letter.headers()) == letter


def test_every_topic_has_its_name_under_the_prefix():
    names = [topic.name for topic in Topics(prefix="x.")]
    assert len(names) == len(set(names))
    assert all(name.startswith("x.") for name in names)
