"""What a sample is for, and its neutral messages: task rules, objective, and what cannot be trained.

Explicit task wins; chosen and rejected: preference; answer: qa; a single label: classification; no label: generation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Sample, Task
from schemas.training_sample import Difficulty, Objective, SourcePosition, TrainingSample
from schemas.turns import Turn


class Content(NamedTuple):
    """What is asked and what is to be learnt."""

    question: str
    """The user's turn; empty for plain text."""
    completion: str | None = None
    """The assistant's turn."""
    chosen: str | None = None
    """Preference: the better completion."""
    rejected: str | None = None
    """Preference: the worse completion."""

    @property
    def answer(self) -> str:
        """What a right answer says; empty where that is not known."""
        return self.chosen or self.completion or ""


def detect_task(sample: Sample) -> Task:
    """The task by the rules at the top of this module. A field that is there but blank does not count."""
    if sample.task is not None:
        return sample.task
    if _said(sample.chosen) and _said(sample.rejected):
        return Task.PREFERENCE
    if _said(sample.answer):
        return Task.QA
    if _said(sample.label):
        return Task.CLASSIFICATION
    return Task.GENERATION


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
) -> TrainingSample:
    """A sample as the band topics hold it: neutral messages, for the trainer to put into its model's own template.

    Raises:
        BadRecord: untrainable; says which field is missing or wrong.
    """
    task = detect_task(sample)
    content = content_of(sample, task)
    return TrainingSample(
        sample_id=sample.sample_id,
        objective=objective_of(task),
        task=task,
        band=band,
        split=sample.split,
        prompt=(Turn(role="user", content=content.question),) if content.question else (),
        completion=content.completion,
        chosen=content.chosen,
        rejected=content.rejected,
        label_set=sample.label_set,
        gold=sample.gold,
        difficulty=difficulty,
        source=source,
        facts_offset=facts_offset,
        run_id=sample.run_id,
        parent_id=sample.parent_id,
        generation=sample.generation,
        origin=sample.origin,
    )


def _generation(sample: Sample) -> Content:
    if _said(sample.text):
        return Content(sample.prompt if _said(sample.prompt) else "", sample.text)  # type: ignore[arg-type]
    return Content("", _wanted(sample.prompt, "generation needs `text` or `prompt`"))


def _qa(sample: Sample) -> Content:
    question = _wanted(sample.prompt, "qa needs `prompt`")
    return Content(question, _wanted(sample.answer, "qa needs `answer`"))


def _classification(sample: Sample) -> Content:
    parts = [part for part in (sample.prompt, sample.text) if part and part.strip()]
    text = _wanted("\n\n".join(parts), "classification needs `text` or `prompt`")
    label = _wanted(sample.label, "classification needs `label`")
    if sample.label_set is not None and label not in sample.label_set:
        raise _untrainable(f"label {label[:50]!r} is not in its label_set of {len(sample.label_set)}")
    return Content(text, label)


def _preference(sample: Sample) -> Content:
    prompt = _wanted(sample.prompt, "preference needs `prompt`")
    chosen = _wanted(sample.chosen, "preference needs `chosen`")
    rejected = _wanted(sample.rejected, "preference needs `rejected`")
    if chosen.strip() == rejected.strip():
        raise _untrainable("`chosen` and `rejected` are the same")
    return Content(prompt, chosen=chosen, rejected=rejected)


def _prompt(sample: Sample) -> Content:
    question = sample.prompt if _said(sample.prompt) else sample.text
    return Content(_wanted(question, "a prompt for reinforcement needs `prompt`"), sample.answer if _said(sample.answer) else None)


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
        raise _untrainable(what)
    return value


def _untrainable(detail: str) -> BadRecord:
    return BadRecord(DeadLetterReason.UNTRAINABLE, detail)
