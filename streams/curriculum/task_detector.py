"""What a sample is for, and its neutral messages: task rules, objective, and what cannot be trained.

Explicit task wins; chosen and rejected: preference; answer: qa; a single label: classification; turns that the assistant ends: qa; gold
without any of these: a prompt for reinforcement; a text or a prompt alone: generation. A field that is there but blank says what the
sample is for, and that it lacks it: a question whose answer is null is no text to continue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.sample import Sample, Task
from schemas.training_sample import Difficulty, Objective, SourcePosition, TrainingSample
from schemas.turns import Turn, question_of
from streams.curriculum.conversation import as_text, side, to_answer, to_learn, untrainable


class Content(NamedTuple):
    """What is asked and what is to be learnt."""

    question: str
    """What is asked: the user's last turn; empty for plain text."""
    completion: str | None = None
    """The assistant's turn, where it is one text."""
    chosen: str | None = None
    """Preference: the better completion."""
    rejected: str | None = None
    """Preference: the worse completion."""
    turns: tuple[Turn, ...] = ()
    """The turns before the last answer; left empty, the question as the user's."""
    messages: tuple[Turn, ...] | None = None
    """A conversation to learn, whole."""
    chosen_messages: tuple[Turn, ...] | None = None
    """Preference: the better side's turns, where one text does not say them."""
    rejected_messages: tuple[Turn, ...] | None = None
    """Preference: the worse side's turns, likewise."""
    changed: tuple[str, ...] = ()
    """The rules for conversations (`conversation`) that changed something."""

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """The turns before the last answer."""
        return self.turns or ((Turn(role="user", content=self.question),) if self.question else ())

    @property
    def answer(self) -> str:
        """What a right answer says; empty where that is not known."""
        last = (self.chosen_messages or self.messages or ())[-1:]
        return self.chosen or self.completion or "".join(turn.content for turn in last)

    @property
    def length(self) -> int:
        """Words of the whole prompt: of all turns before the last answer."""
        return sum(len(turn.content.split()) for turn in self.turns) if self.turns else len(self.question.split())


def detect_task(sample: Sample) -> Task:
    """The task by the rules at the top of this module."""
    if sample.task is not None:
        return sample.task
    has_sides = [_said(sample.chosen) or bool(sample.chosen_messages), _said(sample.rejected) or bool(sample.rejected_messages)]
    if all(has_sides):
        return Task.PREFERENCE
    if _said(sample.answer):
        return Task.QA
    if _said(sample.label):
        return Task.CLASSIFICATION
    if any(has_sides):
        return Task.PREFERENCE
    if sample.messages:
        return Task.RLHF_GRPO if sample.gold and sample.messages[-1].role != "assistant" else Task.QA
    if _said(sample.prompt) and not _said(sample.text) and sample.gold:
        return Task.RLHF_GRPO
    return _lacking(sample) or Task.GENERATION


def _lacking(sample: Sample) -> Task | None:
    """The task whose field is there and blank: `answer` beside a prompt, or the one blank field of a text."""
    of = {"answer": Task.QA, "label": Task.CLASSIFICATION, "chosen": Task.PREFERENCE, "rejected": Task.PREFERENCE}
    blank = list(dict.fromkeys(task for name, task in of.items() if name in sample.model_fields_set))
    if _said(sample.text):  # a table of several kinds of sample has blank cells in all of its columns
        return Task.CLASSIFICATION if blank == [Task.CLASSIFICATION] else None
    return blank[0] if blank and _said(sample.prompt) else None


def content_of(sample: Sample, task: Task) -> Content:
    """What a sample of this task asks and teaches.

    Raises:
        BadRecord: untrainable; says which field is missing or wrong.
    """
    return RULES[task].content(sample)


def objective_of(task: Task) -> Objective:
    """What samples of this task are trained for; part of their band topics' names."""
    return RULES[task].objective


def to_training_sample(
    sample: Sample,
    *,
    band: int = 0,
    difficulty: Difficulty = Difficulty(),  # noqa: B008 - frozen
    source: SourcePosition | None = None,
    facts_offset: int | None = None,
    content: Content | None = None,
    task: Task | None = None,
) -> TrainingSample:
    """A sample as the band topics hold it: neutral messages, for the trainer to put into its model's own template.

    `content` and `task`, where they are known already, are what `content_of` and `detect_task` make of the sample.

    Raises:
        BadRecord: untrainable; says which field is missing or wrong.
    """
    task = detect_task(sample) if task is None else task
    content = content_of(sample, task) if content is None else content
    return TrainingSample(
        sample_id=sample.sample_id,
        former_id=sample.former_id,
        objective=objective_of(task),
        task=task,
        band=band,
        split=sample.split,
        prompt=() if content.messages else content.prompt,
        completion=content.completion,
        messages=content.messages,
        tools=sample.tools,
        chosen=content.chosen,
        rejected=content.rejected,
        chosen_messages=content.chosen_messages,
        rejected_messages=content.rejected_messages,
        label_set=sample.label_set,
        gold=sample.gold,
        difficulty=difficulty,
        source=source,
        facts_offset=facts_offset,
        run_id=sample.run_id,
        parent_id=sample.parent_id,
        generation=sample.generation,
        origin=sample.origin,
        recipe=sample.recipe,
    )


def _generation(sample: Sample) -> Content:
    if sample.messages:
        return _conversation(sample)
    if sample.task is None and sample.misnamed:  # else a question would be learnt as text, and its answer passed over
        raise untrainable(f"it would be text to continue{sample.misnamed}")
    if _said(sample.text):
        return Content(sample.prompt if _said(sample.prompt) else "", sample.text)  # type: ignore[arg-type]
    return Content("", _wanted(sample.prompt, "generation needs `text` or `prompt`"))


def _qa(sample: Sample) -> Content:
    if sample.messages and not _said(sample.answer):
        return _conversation(sample)
    asked = _asked(sample, "qa")
    return asked._replace(completion=_wanted(sample.answer, "qa needs `answer`"))


def _conversation(sample: Sample) -> Content:
    made = to_learn(_only_turns(sample))
    last = max(number for number, turn in enumerate(made.turns) if turn.is_learnt)
    before = made.turns[:last]
    return Content(question_of(before), turns=before, messages=made.turns, changed=made.changed)


def _classification(sample: Sample) -> Content:
    if sample.messages:
        content = _asked(sample, "classification")
    else:
        parts = [part for part in (sample.prompt, sample.text) if part and part.strip()]
        content = Content(_wanted("\n\n".join(parts), "classification needs `text` or `prompt`"))
    label = _wanted(sample.label, "classification needs `label`")
    if sample.label_set is not None and label not in sample.label_set:
        raise untrainable(f"label {label[:50]!r} is not in its label_set of {len(sample.label_set)}")
    return content._replace(completion=label)


def _preference(sample: Sample) -> Content:
    asked = _asked(sample, "preference")
    chosen = _side(sample.chosen, sample.chosen_messages, "chosen")
    rejected = _side(sample.rejected, sample.rejected_messages, "rejected")
    texts = as_text(chosen), as_text(rejected)
    if chosen == rejected or (None not in texts and str(texts[0]).strip() == str(texts[1]).strip()):
        raise untrainable("`chosen` and `rejected` are the same")
    if None in texts:
        return asked._replace(chosen_messages=chosen, rejected_messages=rejected)
    return asked._replace(chosen=texts[0], rejected=texts[1])


def _side(text: str | None, turns: tuple[Turn, ...] | None, name: str) -> tuple[Turn, ...]:
    """The turns of one side of a preference."""
    if not turns:
        return (Turn(role="assistant", content=_wanted(text, f"preference needs `{name}`")),)
    if _said(text):
        raise untrainable(f"`{name}` and `{name}_messages` are both set: say one")
    return side(turns, f"{name}_messages")


def _prompt(sample: Sample) -> Content:
    answer = sample.answer if _said(sample.answer) else None
    if not sample.messages:
        question = sample.prompt if _said(sample.prompt) else sample.text
        return Content(_wanted(question, "a prompt for reinforcement needs `prompt`"), answer)
    last = sample.messages[-1]
    if last.role == "assistant" and answer is None:  # a whole conversation: what the assistant said is the answer that is known
        sample = sample.model_copy(update={"messages": sample.messages[:-1]})
        answer = last.content if last.content.strip() else None
    return _asked(sample, "a prompt for reinforcement")._replace(completion=answer)


def _asked(sample: Sample, what: str) -> Content:
    """The prompt of a sample whose answer stands in a field of its own."""
    if not sample.messages:
        return Content(_wanted(sample.prompt, f"{what} needs `prompt`"))
    turns = to_answer(_only_turns(sample), what)
    return Content(question_of(turns), turns=turns)


def _only_turns(sample: Sample) -> tuple[Turn, ...]:
    """The sample's turns, beside which no other text is asked or learnt; a `prompt` that is one of them is no other.

    Raises:
        BadRecord: a `prompt` or a `text` says something else: which is meant cannot be told.
    """
    turns = sample.messages or ()
    said = {turn.content.strip() for turn in turns}
    for name, value in (("prompt", sample.prompt), ("text", sample.text)):
        if value and value.strip() and value.strip() not in said:
            raise untrainable(f"`messages` and `{name}` are both set: say one")
    return turns


class Rule(NamedTuple):
    """What a task makes of a sample."""

    objective: Objective
    content: Callable[[Sample], Content]
    """Raises BadRecord for a sample that lacks what the task needs."""


RULES = {
    Task.GENERATION: Rule(Objective.SFT, _generation),
    Task.QA: Rule(Objective.SFT, _qa),
    Task.CLASSIFICATION: Rule(Objective.SFT, _classification),
    Task.PREFERENCE: Rule(Objective.PREFERENCE, _preference),
    Task.RLHF_PPO: Rule(Objective.PROMPT, _prompt),
    Task.RLHF_GRPO: Rule(Objective.PROMPT, _prompt),
}


def _said(value: str | None) -> bool:
    return bool(value and value.strip())


def _wanted(value: str | None, what: str) -> str:
    if not value or not value.strip():
        raise untrainable(what)
    return value
