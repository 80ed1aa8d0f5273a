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
from schemas.training_sample import TrainingSample
from schemas.turns import Turn
from tests.models.messages import EXAMPLES

MESSAGES = sorted({topic.value for topic in Topics()}, key=lambda kind: kind.__name__)
NAMES = [
    "role",
    "content",
    "function",
    "name",
    "arguments",
    "tool_calls",
    "chosen",
    "rejected",
    "reward",
    "claims",
    "type",
    "payload",
    "data",
]


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


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["²", "1.0", "2.0", "١.٠", "9" * 5000 + ".0", 10**400, "user", "assistant", "qa", "train", "augmenter", "feedback"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_whatever_stands_in_its_fields_a_message_is_read_or_a_bad_record_and_what_was_read_can_be_sent_on(kind, data):
    document = data.draw(st.dictionaries(st.sampled_from(sorted(kind.model_fields)), VALUES, max_size=8))
    with contextlib.suppress(BadRecord):
        value = json.dumps(document).encode()
        message = kind.decode(value)
        assert kind.decode(message.encode()) == message


@pytest.mark.parametrize(
    "value", [b'{"schema_version": "\xc2\xb2", "text": "b"}', b'{"schema_version": "' + b"9" * 5000 + b'.0", "text": "b"}']
)
def test_what_is_a_digit_to_python_but_no_version_is_invalid(value):
    with pytest.raises(BadRecord) as bad:
        Sample.decode(value)
    assert bad.value.reason is DeadLetterReason.INVALID


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_a_number_that_is_none_is_in_no_message(number):
    """JSON of a number too large is infinity to Python."""
    for kind in MESSAGES:
        for name, field in kind.model_fields.items():
            if field.annotation in (float, float | None):
                with pytest.raises(BadRecord):
                    kind.decode(json.dumps({name: "?"}).replace('"?"', number).encode())


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


def test_what_the_first_version_put_on_a_band_is_still_read():
    old = {
        "schema_version": "1.0",
        "sample_id": "s",
        "objective": "sft",
        "task": "qa",
        "band": 1,
        "split": "train",
        "prompt": [{"schema_version": "1.0", "role": "user", "content": "q?"}],
        "completion": "a.",
        "gold": ["a"],
        "difficulty": {"schema_version": "1.0", "hops": 1.0, "length": 1.0, "score": 0.5},
        "source": {"schema_version": "1.0", "topic": "pelton.samples", "partition": 0, "offset": 7},
        "generation": 0,
    }
    sample = TrainingSample.decode(json.dumps(old).encode())
    assert (sample.prompt, sample.completion, sample.messages, sample.former_id) == ((Turn(role="user", content="q?"),), "a.", None, None)
    assert (sample.difficulty.score, sample.source.offset) == (0.5, 7)


NAMES = ("_id", "version", "phase", "origin", "policy", "path", "sha256", "dtype")
"""How fields end that name something: they become keys, headers, labels and lines."""


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_huge_id_is_a_bad_record_whatever_field_it_stands_in(message):
    document = json.loads(message.encode())
    named = [name for name in type(message).model_fields if name.endswith(NAMES) and name not in ("schema_version", "graph_version")]
    assert named
    for name in named:
        with pytest.raises(BadRecord) as caught:
            type(message).decode(json.dumps({**document, name: "x" * 100_000}).encode())
        assert caught.value.reason is DeadLetterReason.INVALID
        assert name in str(caught.value)
        assert len(str(caught.value)) < 500
