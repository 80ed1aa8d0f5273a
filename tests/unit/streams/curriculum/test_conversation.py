"""Conversations as real exports have them: each irregularity has one outcome, which is counted; none is a crash."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.curriculum.conversation import ENDED
from streams.curriculum.task_detector import content_of, detect_task, to_training_sample

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}}


def turns(*said: str, **more: Any) -> list[dict[str, Any]]:
    """`turns("u:q?", "a:hello")`, by the first letters of the roles; `a0:` is an assistant turn of weight 0."""
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    made = []
    for one in said:
        head, _, content = one.partition(":")
        made.append({"role": roles[head[0]], "content": content} | ({"weight": int(head[1:])} if head[1:] else {}))
    return made


def shown(made: tuple[Turn, ...] | None) -> list[str]:
    return [f"{turn.role[0]}{'' if turn.weight is None else turn.weight}:{turn.content}" for turn in made or ()]


def learnt(*said: str) -> tuple[list[str], tuple[str, ...]]:
    sample = Sample(messages=turns(*said))
    content = content_of(sample, detect_task(sample))
    return shown(content.messages), content.changed


AS_THEY_ARE = [
    ["u:q?", "a:a."],
    ["s:be brief", "u:q?", "a:a.", "u:r?", "a:b."],
    ["s:", "u:q?", "a:a."],
    ["u:q?", "a:a.", "s:now in French", "u:r?", "a:b."],
    ["u:one", "u:two", "a:a.", "a:b."],
    ["a:welcome", "u:q?", "a:a."],
    ["u:q?", "a0:context", "a:learnt"],
    ["u:q?", "t:", "a:a."],
]


@pytest.mark.parametrize("said", AS_THEY_ARE)
def test_what_a_template_may_take_stays_as_it_is(said):
    assert learnt(*said) == (said, ())


@pytest.mark.parametrize(
    ("said", "left", "changed"),
    [
        (["u:q?", "a:a.", "u:thanks"], ["u:q?", "a:a."], (ENDED,)),
        (["u:q?", "a:a.", "u:"], ["u:q?", "a:a."], (ENDED,)),
        (["u:q?", "a:a.", "u:r?", "a0:b."], ["u:q?", "a:a."], (ENDED,)),
    ],
)
def test_turns_after_the_last_answer_are_left_out_and_named(said, left, changed):
    assert learnt(*said) == (left, changed)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (["u:q?"], "nothing to learn: every turn of the assistant is missing"),
        (["s:only"], "nothing to learn: every turn of the assistant is missing"),
        (["u:q?", "a0:a."], "nothing to learn: every turn of the assistant has weight 0"),
        (["u: ", "a:a."], "turn 1, of the user, is empty"),
        (["s:x", "u:q?", "a:", "u:r?", "a:b."], "turn 3, of the assistant, is empty"),
        (["u:q?", "a:\n"], "turn 2, of the assistant, is empty"),
    ],
)
def test_what_cannot_be_learnt_from_is_untrainable_and_says_why(said, why):
    with pytest.raises(BadRecord) as caught:
        learnt(*said)
    assert caught.value.reason is DeadLetterReason.UNTRAINABLE
    assert caught.value.detail.startswith(why)


def test_turns_that_call_tools_and_their_results_stay_apart():
    asked = [*turns("u:q?"), {"role": "assistant", "tool_calls": [CALL]}, *turns("t:1", "t:2", "a:done")]
    made = to_training_sample(Sample(messages=asked, tools=[TOOL]))
    assert [turn.role for turn in made.messages] == ["user", "assistant", "tool", "tool", "assistant"]
    assert made.messages[1].tool_calls[0].function.arguments == {"x": 1}
    assert made.tools == (TOOL,)


def test_a_conversation_reaches_the_band_whole_and_shows_an_old_reader_nothing_to_misread():
    made = to_training_sample(Sample(sample_id="s", messages=turns("u:q?", "a:a.", "u:r?", "a:b.")))
    assert (made.objective, made.task, made.prompt, made.completion) == (Objective.SFT, Task.QA, (), None)
    assert shown(TrainingSample.decode(made.encode()).messages) == ["u:q?", "a:a.", "u:r?", "a:b."]


def test_the_last_user_turn_is_what_is_asked_and_all_before_the_answer_is_the_prompt():
    sample = Sample(messages=turns("s:be brief", "u:one two", "a:three", "u:who wrote it?", "a:she did"))
    content = content_of(sample, detect_task(sample))
    assert (content.question, content.answer, content.length) == ("who wrote it?", "she did", 2 + 2 + 1 + 3)


@pytest.mark.parametrize(
    ("fields", "task", "objective"),
    [
        ({"messages": turns("u:q?", "a:a.")}, Task.QA, Objective.SFT),
        ({"messages": turns("u:q?", "a:a."), "gold": ["a"]}, Task.QA, Objective.SFT),
        ({"messages": turns("u:q?", "a:a."), "task": "generation"}, Task.GENERATION, Objective.SFT),
        ({"messages": turns("u:q?"), "answer": "a."}, Task.QA, Objective.SFT),
        ({"messages": turns("u:good film"), "label": "pos"}, Task.CLASSIFICATION, Objective.SFT),
        ({"messages": turns("u:q?"), "chosen": "a", "rejected": "b"}, Task.PREFERENCE, Objective.PREFERENCE),
        ({"messages": turns("u:q?"), "gold": ["a"]}, Task.RLHF_GRPO, Objective.PROMPT),
        ({"messages": turns("u:q?", "a:a.", "u:r?"), "gold": ["a"]}, Task.RLHF_GRPO, Objective.PROMPT),
        ({"messages": turns("u:q?"), "task": "rlhf_ppo"}, Task.RLHF_PPO, Objective.PROMPT),
        ({"messages": turns("u:q?", "a:a."), "task": "rlhf_ppo"}, Task.RLHF_PPO, Objective.PROMPT),
        ({"prompt": "q?", "gold": ["a"]}, Task.RLHF_GRPO, Objective.PROMPT),
        ({"prompt": "q?", "gold": ["a"], "answer": None}, Task.RLHF_GRPO, Objective.PROMPT),
        ({"prompt": "q?", "gold": ["a"], "answer": "a"}, Task.QA, Objective.SFT),
    ],
)
def test_what_a_sample_is_for_follows_from_what_it_says(fields, task, objective):
    made = to_training_sample(Sample(**fields))
    assert (made.task, made.objective) == (task, objective)


def test_gold_is_never_text_to_learn():
    made = to_training_sample(Sample(prompt="q?", gold=("a",)))
    assert (shown(made.prompt), made.completion, made.messages, made.gold) == (["u:q?"], None, None, ("a",))


def test_a_known_answer_at_the_end_of_a_prompt_is_not_asked():
    made = to_training_sample(Sample(messages=turns("u:q?", "a:a."), task="rlhf_grpo"))
    assert (shown(made.prompt), made.completion) == (["u:q?"], "a.")


def test_a_preference_keeps_turns_before_and_within_its_sides():
    sides = {"chosen_messages": turns("a:look", "u:so?", "a:good"), "rejected_messages": turns("a:bad")}
    made = to_training_sample(Sample(messages=turns("s:x", "u:q?", "a:a.", "u:r?"), **sides))
    assert shown(made.prompt) == ["s:x", "u:q?", "a:a.", "u:r?"]
    assert (made.chosen, made.rejected) == (None, None)
    assert (shown(made.chosen_messages), shown(made.rejected_messages)) == (["a:look", "u:so?", "a:good"], ["a:bad"])


def test_sides_that_are_one_text_each_are_texts():
    made = to_training_sample(Sample(prompt="q?", chosen_messages=turns("a:good"), rejected="bad"))
    assert (made.chosen, made.rejected, made.chosen_messages, made.rejected_messages) == ("good", "bad", None, None)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"messages": turns("u:q?", "a:a."), "chosen": "a", "rejected": "b"}, "preference needs the turns before the answer"),
        (
            {"messages": turns("u:q?"), "chosen_messages": turns("a:a"), "rejected_messages": turns("a:a ")},
            "`chosen` and `rejected` are the same",
        ),
        (
            {"messages": turns("u:q?"), "chosen_messages": turns("a:a", "u:b"), "rejected": "c"},
            "`chosen_messages` ends with a turn of the user",
        ),
        (
            {"messages": turns("u:q?"), "chosen": "a", "chosen_messages": turns("a:b"), "rejected": "c"},
            "`chosen` and `chosen_messages` are both",
        ),
        ({"chosen_messages": turns("a:a"), "rejected_messages": turns("a:b")}, "preference needs `prompt`"),
        ({"prompt": "q?", "chosen": "a"}, "preference needs `rejected`"),
        ({"prompt": "q?", "chosen": "a", "rejected": None}, "preference needs `rejected`"),
        ({"messages": turns("u:q?", "a:a."), "prompt": "something else"}, "`messages` and `prompt` are both set"),
        ({"messages": turns("u:q?", "a:a."), "text": "something else"}, "`messages` and `text` are both set"),
        ({"prompt": "q?", "answer": None}, "qa needs `answer`"),
        ({"prompt": "q?", "answer": " "}, "qa needs `answer`"),
        ({"prompt": "q?", "label": None}, "classification needs `label`"),
        ({"text": "good film", "label": None}, "classification needs `label`"),
        ({"messages": turns("u:q?", "a:a."), "label": "x", "task": "classification"}, "classification needs the turns before"),
    ],
)
def test_a_sample_that_lacks_what_it_is_for_or_says_two_things_is_refused_by_name(fields, why):
    with pytest.raises(BadRecord) as caught:
        to_training_sample(Sample.decode(json.dumps(fields).encode()))
    assert caught.value.reason is DeadLetterReason.UNTRAINABLE
    assert caught.value.detail.startswith(why)


def test_blank_cells_of_a_table_of_several_kinds_do_not_make_a_text_another_sample():
    row = {"prompt": None, "text": "once upon", "answer": None, "label": None, "chosen": None, "rejected": None}
    assert detect_task(Sample(**row)) is Task.GENERATION


def test_a_prompt_that_is_one_of_the_turns_says_nothing_else():
    assert shown(to_training_sample(Sample(prompt="q?", messages=turns("u:q?", "a:a."))).messages) == ["u:q?", "a:a."]


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ({"prompt": "q?", "completion": "a."}, "`completion` is no field of a sample: did you mean `answer`?"),
        ({"prompt": "q?", "Response": "a."}, "did you mean `answer`?"),
        ({"prompt": "q?", "anwser": "a."}, "`anwser` is no field of a sample: did you mean `answer`?"),
        ({"text": "good film", "lable": "pos"}, "did you mean `label`?"),
    ],
)
def test_a_question_whose_answer_has_another_name_is_no_text_to_continue(record, named):
    with pytest.raises(BadRecord) as caught:
        to_training_sample(Sample.decode(json.dumps(record).encode()))
    assert caught.value.reason is DeadLetterReason.UNTRAINABLE
    assert named in caught.value.detail


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "q?", "answer": "a.", "response": "b"},
        {"text": "t", "mood": "fine"},
        {"prompt": "q?", "task": "generation", "completion": "a"},
    ],
)
def test_fields_that_a_sample_does_not_have_are_passed_over_where_nothing_is_missing(record):
    assert to_training_sample(Sample.decode(json.dumps(record).encode())).completion


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["text", "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "name", "function", "arguments"]), inner, max_size=3)
    ),
    max_leaves=4,
)
WORDS = st.sampled_from(["", " ", "q?", "a."])
DAMAGED_TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "user", "assistant", "system", "tool"]) | ANYTHING, "content": WORDS | ANYTHING},
    optional={
        "tool_calls": ANYTHING | st.just([CALL]),
        "weight": st.sampled_from([0, 1, None, 2]) | ANYTHING,
        "name": ANYTHING,
        "function_call": ANYTHING,
    },
)
DAMAGED = st.fixed_dictionaries(
    {"messages": st.lists(DAMAGED_TURN, max_size=5)},
    optional=dict.fromkeys(("prompt", "text", "answer", "label", "chosen", "rejected", "gold", "tools", "task"), WORDS | ANYTHING)
    | {name: st.lists(DAMAGED_TURN, max_size=2) for name in ("chosen_messages", "rejected_messages")},
)


@given(DAMAGED)
def test_damage_of_any_kind_is_refused_with_a_reason_and_what_is_not_refused_stays_what_it_was(record):
    with contextlib.suppress(BadRecord):
        sample = Sample.decode(json.dumps(record).encode())
        made = to_training_sample(sample)
        assert TrainingSample.decode(made.encode()) == made
        assert Sample.decode(sample.encode()).sample_id == sample.sample_id
