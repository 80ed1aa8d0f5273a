"""An id that nobody gave is a hash of all that changes what is trained or rewarded."""

import itertools
import json

import pytest

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Task

USER, ASSISTANT = {"role": "user", "content": "q?"}, {"role": "assistant", "content": "a."}


@pytest.mark.parametrize(
    ("fields", "sample_id"),
    [
        ({"prompt": "q?", "answer": "a."}, "h-bc78965dee734b17"),
        ({"text": "once upon"}, "h-ee66c134496c8f2e"),
        ({"task": "qa", "split": "validation", "prompt": "é", "answer": "ü"}, "h-c76f3e97161bdf3b"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "h-3ca1a9b756c9037e"),
    ],
)
def test_a_sample_of_the_first_version_keeps_its_id(fields, sample_id):
    assert Sample(**fields).sample_id == sample_id


def test_whatever_changes_what_is_trained_or_rewarded_changes_the_id():
    tool = {"type": "function", "function": {"name": "f"}}
    records = [
        {"prompt": "q?"},
        {"prompt": "q?", "gold": ["a"]},
        {"prompt": "q?", "gold": ["b"]},
        {"prompt": "q?", "gold": ["a", "b"]},
        {"prompt": "q?", "tools": [tool]},
        {"text": "t", "label": "x"},
        {"text": "t", "label": "x", "label_set": ["x", "y"]},
        {"text": "t", "label": "x", "label_set": ["x", "z"]},
        {"messages": [USER, ASSISTANT]},
        {"messages": [USER, ASSISTANT], "tools": [tool]},
        {"messages": [USER, {**ASSISTANT, "weight": 0}]},
        {"messages": [USER, {**ASSISTANT, "reasoning_content": "hm"}]},
        {"messages": [USER], "chosen": "a", "rejected": "b"},
        {"messages": [USER], "chosen_messages": [ASSISTANT], "rejected_messages": [{**ASSISTANT, "content": "b"}]},
        {"messages": [USER], "chosen_messages": [{**ASSISTANT, "content": "b"}], "rejected_messages": [ASSISTANT]},
    ]
    ids = [Sample(**record).sample_id for record in records]
    assert [pair for pair in itertools.combinations(range(len(ids)), 2) if ids[pair[0]] == ids[pair[1]]] == []


def test_what_trains_alike_has_one_id_however_it_was_written():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    as_text = {**call, "function": {"name": "f", "arguments": '{"x": 1}'}}
    one, two = (Sample(messages=[USER, {**ASSISTANT, "tool_calls": [made]}]) for made in (call, as_text))
    assert one.sample_id == two.sample_id == Sample.decode(one.encode()).sample_id
    assert Sample(prompt="q", gold=None, tools=[], messages=None).sample_id == Sample(prompt="q").sample_id


@pytest.mark.parametrize("record", [{}, {"mood": "fine"}, {"task": "qa"}, {"prompt": None, "text": ""}, {"messages": []}])
def test_a_record_that_says_none_of_a_samples_fields_is_refused_and_shares_no_id(record):
    with pytest.raises(BadRecord) as caught:
        Sample.decode(json.dumps(record).encode())
    assert caught.value.reason is DeadLetterReason.INVALID
    assert "nothing to train on" in caught.value.detail


def test_a_null_is_an_unset_field():
    row = {"sample_id": None, "split": None, "generation": None, "prompt": "q?", "answer": "a.", "gold": None, "label": None}
    assert Sample.decode(json.dumps(row).encode()) == Sample(prompt="q?", answer="a.")


@pytest.mark.parametrize("said", [{}, {"split": "train"}, {"task": "qa"}, {"task": "qa", "split": "validation"}])
def test_a_sample_with_gold_knows_the_id_it_had_before_also_after_it_was_sent(said):
    fields = {"prompt": "q?", "answer": "a."}
    sample = Sample(**fields, **said, gold=("a",))
    assert sample.former_id == Sample(**fields, **said).sample_id != sample.sample_id
    assert Sample.decode(sample.encode()).former_id == sample.former_id


def test_an_id_hashed_before_its_task_was_said_is_known_too():
    sample = Sample(prompt="q?", answer="a.", gold=("a",)).model_copy(update={"task": Task.QA})
    assert Sample.decode(sample.encode()).former_id == Sample(prompt="q?", answer="a.").sample_id


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "q?", "answer": "a."},
        {"sample_id": "mine", "prompt": "q?", "gold": ["a"]},
        {"sample_id": "h-0123456789abcdef", "prompt": "q?", "gold": ["a"]},
        {"messages": [USER, ASSISTANT], "gold": ["a"]},
    ],
)
def test_an_id_that_was_never_another_has_no_former_one(fields):
    assert Sample(**fields).former_id is None
