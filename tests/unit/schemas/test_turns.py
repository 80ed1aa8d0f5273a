"""A conversation's turns: read however producers write them, kept exactly, refused by name."""

import json

import pytest

from schemas.base import MAX_DEPTH
from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Task
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import MAX_NESTED, Turn

ASKED = {"role": "user", "content": "q?"}
SAID = {"role": "assistant", "content": "a."}


def read(turn: dict) -> Turn:
    return Sample.decode(json.dumps({"messages": [turn]}).encode()).messages[0]


def refusal(**fields: object) -> str:
    with pytest.raises(BadRecord) as caught:
        Sample.decode(json.dumps({"messages": [ASKED, SAID], **fields}).encode())
    assert caught.value.reason is DeadLetterReason.INVALID
    return caught.value.detail


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("as it is ", "as it is "),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "one "}, {"type": "text", "text": "two"}], "one two"),
        ([{"type": "input_text", "text": "one"}, "two"], "onetwo"),
        ({"type": "text", "text": "one"}, "one"),
    ],
)
def test_content_is_read_in_every_shape_of_text(content, text):
    assert read({"role": "user", "content": content}).content == text


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([{"type": "image_url", "image_url": {"url": "x"}}], "`image_url`"),
        ([{"type": "text", "text": "see"}, {"type": "input_audio"}], "`input_audio`"),
        ([{"type": "text"}], "`text` is null, and no text"),
        ([5], "a number"),
        ([{"type": {}, "text": "a"}], "`{}`"),
    ],
)
def test_what_is_not_text_is_refused_by_name(content, named):
    assert named in refusal(messages=[{"role": "user", "content": content}])


def test_other_names_of_roles_are_taken_as_what_they_mean():
    assert read({"role": "developer", "content": "be brief"}).role == "system"
    assert read({"role": "function", "name": "f", "content": "5"}).role == "tool"
    for role in ("bot", None, 5, ["user"], {}):
        assert "messages.0.role" in refusal(messages=[{"role": role, "content": "hi"}])


@pytest.mark.parametrize(
    "arguments", ['{"n": 12345678901234567890, "x": 1e-12, "s": "007"}', {"n": 12345678901234567890, "x": 1e-12, "s": "007"}]
)
def test_arguments_are_one_object_whether_they_came_as_one_or_as_its_text(arguments):
    turn = read({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]})
    assert turn.tool_calls[0].function.arguments == {"n": 12345678901234567890, "x": 1e-12, "s": "007"}
    again = Sample.decode(Sample(messages=(turn,)).encode()).messages[0]
    assert again == turn
    assert json.loads(turn.model_dump_json())["tool_calls"][0]["function"]["arguments"]["n"] == 12345678901234567890


@pytest.mark.parametrize("arguments", ["", None, {}])
def test_a_call_without_arguments_has_none(arguments):
    turn = read({"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]})
    assert turn.tool_calls[0].function.arguments == {}


@pytest.mark.parametrize("arguments", ["{broken", "[1]", '"text"', '{"x": NaN}', '{"x": 1e999}', '{"x": "\\ud83d"}', "[" * 100_000, 5])
def test_arguments_that_are_no_object_are_refused(arguments):
    assert "arguments" in refusal(messages=[{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}])


def test_a_call_is_read_in_older_shapes_too():
    bare = read({"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {"x": 1}}]})
    legacy = read({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"x": 1}'}})
    assert bare.tool_calls == legacy.tool_calls
    assert (bare.tool_calls[0].function.name, bare.tool_calls[0].function.arguments) == ("f", {"x": 1})


@pytest.mark.parametrize(("weight", "learnt"), [(None, True), (1, True), (0, False)])
def test_a_weight_of_zero_makes_a_turn_context(weight, learnt):
    assert read({**SAID, "weight": weight}).is_learnt is learnt
    assert not read({**ASKED, "weight": weight}).is_learnt


def test_a_weight_between_is_refused():
    assert "weight" in refusal(messages=[{**SAID, "weight": 0.5}])


def test_turns_and_tools_that_tables_keep_as_text_are_read():
    sample = Sample.decode(json.dumps({"messages": json.dumps([ASKED, SAID]), "tools": json.dumps([{"name": "f"}])}).encode())
    assert [turn.content for turn in sample.messages] == ["q?", "a."]
    assert sample.tools == ({"type": "function", "function": {"name": "f"}},)


def test_a_row_whose_lists_are_text_is_read_and_other_text_is_no_list():
    row = {"before": None, "op": "c", "after": {"prompt": "q?", "gold": '["a", "b"]', "messages": "", "tools": "[]", "label": None}}
    assert Sample.decode(json.dumps(row).encode()) == Sample(prompt="q?", gold=("a", "b"))
    assert refusal(gold="Paris").startswith("gold: ")
    assert refusal(tools="[broken").startswith("tools: a string that is not JSON")
    assert refusal(messages="broken").startswith("messages: ")


def test_a_tool_without_a_name_is_refused():
    assert "tool 1 has no `function`" in refusal(tools=[{"type": "function", "function": {"name": "f"}}, {"type": "function"}])


def test_no_version_stands_inside_a_turn_or_any_other_part():
    turns = (Turn(role="user", content="q?"),)
    made = TrainingSample(sample_id="s", objective=Objective.SFT, task=Task.QA, band=0, prompt=turns, completion="a")
    assert made.encode().count(b"schema_version") == 1


def nested(levels: int) -> dict:
    schema: dict = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": {"type": "object", "properties": {"part": schema}}}
    return {"type": "function", "function": {"name": "f", "parameters": schema}}


def test_tools_with_deeply_nested_parameters_reach_the_loss_that_holds_their_sample():
    sample = Sample.decode(json.dumps({"messages": [ASKED, SAID], "tools": [nested(12)]}).encode())
    made = TrainingSample(sample_id="s", objective=Objective.SFT, task=Task.QA, band=0, messages=sample.messages, tools=sample.tools)
    loss = SampleLoss(event_id="e", run_id="r", pass_number=1, step=1, sample_id="s", loss=1.0, tokens=1, sample=made)
    assert SampleLoss.decode(loss.encode()).sample.tools == sample.tools
    assert f"nested more than {MAX_NESTED} deep" in refusal(tools=[nested(13)])


def test_nesting_without_bound_is_refused_before_it_is_parsed():
    with pytest.raises(BadRecord) as caught:
        Sample.decode(b'{"tools": ' + b"[" * (MAX_DEPTH + 1))
    assert caught.value.reason is DeadLetterReason.TOO_DEEP


def test_a_number_that_is_none_is_no_json():
    with pytest.raises(BadRecord) as caught:
        Sample.decode(b'{"text": "a", "produced_at": NaN}')
    assert (caught.value.reason, caught.value.detail) == (DeadLetterReason.BAD_JSON, "NaN is no JSON number")
