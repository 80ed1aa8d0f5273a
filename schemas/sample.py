"""`Sample`: what producers send to `samples`, and what our own nodes send back there (variants, preference pairs)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import Message, content_id


class Task(StrEnum):
    """What a sample is for. An explicit task wins over the rules of `streams.curriculum.task_detector`."""

    GENERATION = "generation"
    QA = "qa"
    CLASSIFICATION = "classification"
    PREFERENCE = "preference"
    RLHF_PPO = "rlhf_ppo"
    RLHF_GRPO = "rlhf_grpo"


class Split(StrEnum):
    """Whether a sample is trained on, or held out to measure by."""

    TRAIN = "train"
    VALIDATION = "validation"


class JudgedAnswer(BaseModel):
    """One answer of a preference pair: where it came from and what it was worth."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    output_id: str
    """The model output."""
    model_version: str
    """The model that gave it."""
    reward: float
    """Its reward, 0 to 1."""
    graph_version: int
    """Offset of `facts` that it was judged at."""


class PairProvenance(BaseModel):
    """Which two judged answers a preference pair was made of."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    chosen: JudgedAnswer
    """The better one."""
    rejected: JudgedAnswer
    """The worse one."""


class Sample(Message):
    """One training sample as a producer says it. Which fields are set decides its task, unless `task` says so."""

    sample_id: str = Field(default="", max_length=200)
    """The producer's id; left empty, a hash of the content. A repeated id is one sample."""
    task: Task | None = None
    """Explicit task; wins over the rules."""
    split: Split = Split.TRAIN
    """`validation` samples are measured, never trained on."""
    prompt: str | None = None
    """The question or instruction."""
    text: str | None = None
    """Plain text to learn to continue (generation), or the text to be labelled (classification)."""
    answer: str | None = None
    """The answer to `prompt`."""
    label: str | None = None
    """The one class of `text` or `prompt`."""
    label_set: tuple[str, ...] | None = None
    """All classes that `label` is one of, where the producer knows them."""
    chosen: str | None = None
    """The better answer to `prompt`."""
    rejected: str | None = None
    """The worse answer to `prompt`."""
    gold: tuple[str, ...] | None = None
    """Strings any one of which makes an answer exactly right; for prompts and validation, never trained on."""
    run_id: str | None = None
    """The run that made it (a variant, a preference pair); unset for producers' samples, which every run may train on."""
    parent_id: str | None = None
    """The sample this is a variant of, or the prompt a preference pair was made for."""
    generation: int = Field(default=0, ge=0, le=100)
    """0 for producers' samples; a variant has its parent's plus 1. Capped by the augmenter."""
    origin: str | None = None
    """Who sent it: `augmenter`, `feedback`, a replay's id; unset for producers."""
    provenance: PairProvenance | None = None
    """Preference pairs of the feedback node: the two answers and their rewards."""
    produced_at: float | None = None
    """Seconds since the epoch at which it was sent."""

    @model_validator(mode="before")
    @classmethod
    def _fill_id(cls, data: object) -> object:
        """A sample without an id gets a hash of its content, so that a repeated send is one sample."""
        if isinstance(data, dict) and data.get("sample_id") in (None, ""):
            fields = ("task", "split", "prompt", "text", "answer", "label", "chosen", "rejected")
            data = {**data, "sample_id": "h-" + content_id(*(str(data[name]) if data.get(name) else None for name in fields))}
        return data

    @property
    def is_ours(self) -> bool:
        """Whether a node of ours sent it back to the stream (a variant or a pair), rather than a producer."""
        return self.origin in ("augmenter", "feedback")
