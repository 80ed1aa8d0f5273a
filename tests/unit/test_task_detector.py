import pytest

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Split, Task
from schemas.training_sample import Difficulty, Objective, SourcePosition
from streams.curriculum.task_detector import content_of, detect_task, to_training_sample


@pytest.mark.parametrize(
    ("fields", "task"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, Task.PREFERENCE),
        ({"prompt": "q", "chosen": "a", "rejected": "b", "answer": "c", "label": "d"}, Task.PREFERENCE),
        ({"prompt": "q", "chosen": "a", "answer": "c"}, Task.QA),
        ({"prompt": "q", "answer": "a"}, Task.QA),
        ({"prompt": "q", "answer": "a", "label": "x"}, Task.QA),
        ({"text": "t", "label": "x"}, Task.CLASSIFICATION),
        ({"text": "t", "label": "x", "answer": "  "}, Task.CLASSIFICATION),
        ({"text": "t"}, Task.GENERATION),
        ({"prompt": "p"}, Task.GENERATION),
        ({}, Task.GENERATION),
        ({"text": "t", "label": "x", "task": "generation"}, Task.GENERATION),
        ({"prompt": "q", "answer": "a", "task": "rlhf_grpo"}, Task.RLHF_GRPO),
        ({"prompt": "q", "chosen": "a", "rejected": "b", "task": "qa"}, Task.QA),
    ],
)
def test_explicit_task_wins_then_chosen_rejected_then_answer_then_label(fields, task):
    assert detect_task(Sample(**fields)) is task


@pytest.mark.parametrize(
    ("fields", "objective", "prompt", "completion"),
    [
        ({"prompt": "q?", "answer": "a"}, Objective.SFT, ["q?"], "a"),
        ({"text": "once upon"}, Objective.SFT, [], "once upon"),
        ({"prompt": "once upon"}, Objective.SFT, [], "once upon"),
        ({"prompt": "a story", "text": "once upon", "task": "generation"}, Objective.SFT, ["a story"], "once upon"),
        ({"text": "nice", "label": "pos", "label_set": ("neg", "pos")}, Objective.SFT, ["nice"], "pos"),
        ({"prompt": "nice", "label": "pos"}, Objective.SFT, ["nice"], "pos"),
        ({"prompt": "mood?", "text": "nice", "label": "pos"}, Objective.SFT, ["mood?\n\nnice"], "pos"),
        ({"prompt": "q?", "task": "rlhf_ppo"}, Objective.PROMPT, ["q?"], None),
        ({"prompt": "q?", "task": "rlhf_grpo", "gold": ("a",)}, Objective.PROMPT, ["q?"], None),
        ({"prompt": "q?", "chosen": "a", "rejected": "b"}, Objective.PREFERENCE, ["q?"], None),
    ],
)
def test_each_task_becomes_neutral_messages_for_its_objective(fields, objective, prompt, completion):
    made = to_training_sample(Sample(**fields))
    assert made.objective is objective
    assert [message.content for message in made.prompt] == prompt
    assert all(message.role == "user" for message in made.prompt)
    assert made.completion == completion


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "generation needs `text` or `prompt`"),
        ({"text": " \n "}, "generation needs `text` or `prompt`"),
        ({"task": "qa", "prompt": "q?"}, "qa needs `answer`"),
        ({"task": "qa", "prompt": "q?", "answer": " "}, "qa needs `answer`"),
        ({"answer": "a"}, "qa needs `prompt`"),
        ({"text": "t", "task": "classification"}, "classification needs `label`"),
        ({"text": " ", "label": "x"}, "classification needs `text` or `prompt`"),
        ({"text": "t", "label": "maybe", "label_set": ("yes", "no")}, "label 'maybe' is not in its label_set of 2"),
        ({"text": "t", "label": "x", "label_set": ()}, "label 'x' is not in its label_set of 0"),
        ({"text": "t", "label": "x" * 60, "label_set": ("y",)}, f"label '{'x' * 50}' is not in its label_set of 1"),
        ({"chosen": "a", "rejected": "b"}, "preference needs `prompt`"),
        ({"prompt": "q", "chosen": "a", "rejected": "a "}, "`chosen` and `rejected` are the same"),
        ({"prompt": "q", "chosen": "a", "task": "preference"}, "preference needs `rejected`"),
        ({"prompt": "q", "rejected": "a", "task": "preference"}, "preference needs `chosen`"),
        ({"task": "rlhf_ppo"}, "a prompt for reinforcement needs `prompt`"),
    ],
)
def test_what_cannot_be_trained_is_said_with_the_field_at_fault(fields, says):
    with pytest.raises(BadRecord) as caught:
        to_training_sample(Sample(**fields))
    assert (caught.value.reason, caught.value.detail) == (DeadLetterReason.UNTRAINABLE, says)


def test_what_a_sample_carries_reaches_the_trainer():
    sample = Sample(
        sample_id="s1",
        prompt="q?",
        answer="a",
        gold=("a", "A"),
        split=Split.VALIDATION,
        run_id="r",
        parent_id="p",
        generation=2,
        origin="augmenter",
    )
    difficulty, source = Difficulty(score=0.7), SourcePosition(topic="samples", partition=2, offset=9)
    made = to_training_sample(sample, band=3, difficulty=difficulty, source=source, facts_offset=17)
    for name in ("sample_id", "gold", "split", "run_id", "parent_id", "generation", "origin"):
        assert getattr(made, name) == getattr(sample, name)
    assert (made.band, made.difficulty, made.source, made.facts_offset) == (3, difficulty, source, 17)


def test_a_sample_that_nothing_has_ordered_is_of_the_easiest_band():
    assert to_training_sample(Sample(text="t")).band == 0


@pytest.mark.parametrize(
    ("fields", "question", "completion", "answer"),
    [
        ({"prompt": "once upon"}, "", "once upon", "once upon"),
        ({"prompt": "q?", "answer": "a"}, "q?", "a", "a"),
        ({"prompt": "q?", "chosen": "a", "rejected": "b"}, "q?", None, "a"),
        ({"prompt": "q?", "answer": "a", "task": "rlhf_grpo"}, "q?", "a", "a"),
        ({"prompt": "q?", "answer": " ", "task": "rlhf_ppo"}, "q?", None, ""),
    ],
)
def test_content_says_what_is_asked_and_what_a_right_answer_says(fields, question, completion, answer):
    sample = Sample(**fields)
    content = content_of(sample, detect_task(sample))
    assert (content.question, content.completion, content.answer) == (question, completion, answer)


def test_a_sample_with_gold_brings_along_the_id_it_had_before_and_others_bring_none():
    made = to_training_sample(Sample(prompt="q?", answer="a", gold=("a",)))
    assert made.former_id == Sample(prompt="q?", answer="a").sample_id != made.sample_id
    assert to_training_sample(Sample(prompt="q?", answer="a")).former_id is None
