"""`Sample`: what producers send to `samples`, and what our own nodes send back there (variants, preference pairs)."""

from __future__ import annotations

import difflib
from collections.abc import Set
from enum import StrEnum
from typing import Any, Self

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from schemas.base import VERSION, Message, Part, content_id
from schemas.errors import BadRecord, DeadLetterReason
from schemas.roles import NODE_FIELDS
from schemas.trainable import refuse_untrainable
from schemas.turns import OptionalTurns, Strings, Tools


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


class JudgedAnswer(Part):
    """One answer of a preference pair: where it came from and what it was worth."""

    output_id: str
    """The model output."""
    model_version: str
    """The model that gave it."""
    reward: float = Field(ge=0, le=1)
    """Its reward R, 0 to 1; 0 where it has none. What its policy gave instead stands on `rewards`."""
    graph_version: int
    """Offset of `facts` that it was judged at."""


class PairProvenance(Part):
    """Which two judged answers a preference pair was made of."""

    chosen: JudgedAnswer
    """The better one."""
    rejected: JudgedAnswer
    """The worse one."""


HASHED = ("task", "split", "prompt", "text", "answer", "label", "chosen", "rejected")
"""What a content's hash has been made of since the first version: a sample that says nothing else keeps its id."""
HASHED_SINCE_1_1 = ("label_set", "gold", "messages", "tools", "chosen_messages", "rejected_messages")
"""What else changes what is trained or rewarded; part of the hash where it is said."""
CONTENT = ("prompt", "text", "answer", "label", "chosen", "rejected", "messages", "chosen_messages", "rejected_messages")
"""Fields of which a sample says at least one, or it has nothing to train on."""
MEANT = ("prompt", "text", "answer", "label", "chosen", "rejected", "gold", "messages")
"""Fields that decide what a sample is, and are looked for under misspelt names."""
OTHER_NAMES = dict.fromkeys(("completion", "response", "output", "reply", "target"), "answer")
"""What others call the answer beside a prompt."""
DEFAULTS = ("schema_version", "sample_id", "split", "generation")
"""Fields that have a value where nobody gives one."""
HASH_ID = "h-"
"""How ids begin that are hashes of the content."""


class Sample(Message):
    """One training sample as a producer says it. Which fields are set decides its task, unless `task` says so."""

    model_config = ConfigDict(json_schema_extra=refuse_untrainable)

    schema_version: str = Field(default="1.2", pattern=VERSION)
    """`major.minor`. 1.1 brought conversations, 1.2 the recipes of variants."""
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
    label_set: Strings = None
    """All classes that `label` is one of, where the producer knows them."""
    chosen: str | None = None
    """The better answer to `prompt`."""
    rejected: str | None = None
    """The worse answer to `prompt`."""
    gold: Strings = None
    """Strings any one of which makes an answer exactly right; for prompts and validation, never trained on."""
    messages: OptionalTurns = None
    """A conversation. To learn: it ends with the assistant, all of whose turns are learnt unless their `weight` is 0. With `chosen` and
    `rejected` (or their turns), or as a prompt for reinforcement: the turns before the answer."""
    tools: Tools = None
    """Functions that the assistant may call, as OpenAI's function schemas; given to the model's chat template."""
    chosen_messages: OptionalTurns = None
    """The better side of a preference, where it has several turns or calls tools; in place of `chosen`."""
    rejected_messages: OptionalTurns = None
    """The worse side, likewise; in place of `rejected`."""
    run_id: str | None = Field(default=None, max_length=200)
    """The run that made it (a variant, a preference pair); unset for producers' samples, which every run may train on."""
    parent_id: str | None = Field(default=None, max_length=200)
    """The sample this is a variant of, or the prompt a preference pair was made for."""
    generation: int = Field(default=0, ge=0, le=100)
    """0 for producers' samples; a variant has its parent's plus 1. Capped by the augmenter."""
    origin: str | None = Field(default=None, max_length=100)
    """Who sent it: `augmenter`, `feedback`, a replay's id; unset for producers."""
    recipe: str | None = Field(default=None, max_length=100)
    """How a variant was made of its parent; set by the augmenter."""
    provenance: PairProvenance | None = None
    """Preference pairs of the feedback node: the two answers and their rewards."""
    produced_at: float | None = None
    """Seconds since the epoch at which it was sent."""

    _unknown: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        """A field that is null has its default: tables and Kafka Connect write every column."""
        if isinstance(data, dict) and any(name in data and data[name] is None for name in DEFAULTS):
            return {name: value for name, value in data.items() if value is not None or name not in DEFAULTS}
        return data

    @model_validator(mode="after")
    def _fill_id(self) -> Self:
        """A sample without an id gets a hash of its content, so that a repeated send is one sample; without content it gets none."""
        if not self.sample_id and self.says_something:
            self.__dict__["sample_id"] = self.content_hash()
            self.model_fields_set.add("sample_id")
        return self

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The sample that a JSON object is.

        Raises:
            BadRecord: as for any message; `invalid` where it says none of a sample's fields, as all such records would be one sample;
                `untrainable` where it is a row that Debezium says was deleted.
        """
        sample = super().from_document(document)
        sample._unknown = tuple(name for name in document if name not in FIELDS)
        if not sample.sample_id:
            raise BadRecord(
                DeadLetterReason.INVALID, f"nothing to train on: a sample needs `messages`, `prompt` or `text`{sample.misnamed}"
            )
        if document.get("__deleted") in (True, "true"):
            raise BadRecord(DeadLetterReason.UNTRAINABLE, "a row that was deleted (Debezium's `__deleted`): there is nothing to train on")
        return sample

    @property
    def misnamed(self) -> str:
        """A field of its record that a sample does not have, and what may have been meant by it, as a clause; empty where there is none."""
        others = OTHER_NAMES if self.prompt else {}
        for name in sorted(self._unknown):
            close = difflib.get_close_matches(name.lower(), MEANT, 1, cutoff=0.75)
            if meant := others.get(name.lower()) or next(iter(close), None):
                return f"; `{name[:40]}` is no field of a sample: did you mean `{meant}`?"
        return ""

    @property
    def says_something(self) -> bool:
        """Whether any field is set that can be trained on."""
        return any(getattr(self, name) for name in CONTENT)

    def content_hash(self) -> str:
        """The id that the content gives: equal for samples that train and reward alike, as long as the same fields are said."""
        return self._hash(self.model_fields_set)

    @property
    def former_id(self) -> str | None:
        """The hash that was this sample's id before 1.1; None where its id is no hash of ours, or is still that one.

        Whoever hashed it may have left `split` and `task` unsaid, which stand on the wire since.
        """
        if not (self.gold or self.label_set) or self.messages or not self.sample_id.startswith(HASH_ID):
            return None
        for unsaid in ((), ("split",), ("task",), ("split", "task")):
            said = self.model_fields_set.difference(unsaid)
            if self.sample_id == self._hash(said):
                return HASH_ID + content_id(*self._first_parts(said))
        return None

    def _hash(self, said: Set[str]) -> str:
        since = {name for name in HASHED_SINCE_1_1 if getattr(self, name)}
        more = (self.model_dump_json(include=since, exclude_none=True),) if since else ()
        return HASH_ID + content_id(*self._first_parts(said), *more)

    def _first_parts(self, said: Set[str]) -> list[str | None]:
        return [str(value) if name in said and (value := getattr(self, name)) else None for name in HASHED]

    @property
    def says_node_fields(self) -> bool:
        """Whether it says any of what only our own nodes may say."""
        return any(getattr(self, name) != default for name, default in NODE_DEFAULTS)

    def without_node_fields(self) -> Self:
        """The sample as its producer may say it; the same one where it says no more."""
        return self.model_copy(update=dict(NODE_DEFAULTS)) if self.says_node_fields else self

    @property
    def is_ours(self) -> bool:
        """Whether a node of ours sent it back to the stream (a variant or a pair), rather than a producer."""
        return self.origin in ("augmenter", "feedback")


FIELDS = frozenset(Sample.model_fields)
NODE_DEFAULTS = tuple((name, Sample.model_fields[name].default) for name in NODE_FIELDS)
"""What a sample says of these where no node of ours made it."""
