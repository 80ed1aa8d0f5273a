"""`TrainingSample`: what the curriculum puts on the band topics. Neutral messages: the trainer adds its model's own template."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from schemas.base import VERSION, Message, Part
from schemas.sample import Split, Task
from schemas.turns import OptionalTurns, Tools, Turn

BANDS = 5
"""Difficulty bands, 0 (easiest) to 4."""


class Objective(StrEnum):
    """Which kind of trainer a sample is for; part of its band topic's name."""

    SFT = "sft"
    """generation, qa, classification"""
    PREFERENCE = "preference"
    """chosen and rejected"""
    PROMPT = "prompt"
    """prompts for RL and for held-out questions: nothing to imitate"""


class Difficulty(Part):
    """`d = γ·h + δ·l + η·c`, with its raw and normalised terms, so that a reader can check it."""

    hops: float = 0.0
    """Raw h: facts needed in the graph between what the prompt and the answer name; 0 where that is not known, and then `h` is 0.5."""
    length: float = 0.0
    """Raw l: prompt length in words."""
    centrality: float = 0.0
    """Raw c: degree centrality of the target in the hypergraph, 0 to 1."""
    h: float = Field(default=0.0, ge=0, le=1)
    """`hops` brought to [0,1] by running quantiles."""
    l: float = Field(default=0.0, ge=0, le=1)  # noqa: E741 - the formula's own letter
    """`length` brought to [0,1] by running quantiles."""
    c: float = Field(default=0.0, ge=0, le=1)
    """`centrality` brought to [0,1] by running quantiles."""
    score: float = Field(default=0.0, ge=0, le=1)
    """d; or, where `signal` names another, that one brought to [0,1]."""
    signal: str | None = Field(default=None, max_length=40)
    """What the sample was put in its band by, where that is not d: length, compression, readability or random."""
    value: float = 0.0
    """What that signal measured, where it is no term of d."""


class SourcePosition(Part):
    """Where on the log a record stood."""

    topic: str
    """Topic name with prefix."""
    partition: int = Field(ge=0)
    """Partition number."""
    offset: int = Field(ge=0)
    """Offset in the partition."""


class TrainingSample(Message):
    """A sample that the curriculum has understood, measured and put in a band."""

    schema_version: str = Field(default="1.2", pattern=VERSION)
    """`major.minor`. 1.1 brought conversations, 1.2 the recipes of variants and signals of difficulty."""
    sample_id: str = Field(max_length=200)
    """The sample's id."""
    former_id: str | None = Field(default=None, max_length=200)
    """The hash that was its id before 1.1, when gold and label_set were not part of it: a record of that id is a repeat of this."""
    objective: Objective
    """Which kind of trainer it is for."""
    task: Task
    """Its task, as said or as detected."""
    band: int = Field(ge=0, lt=BANDS)
    """Difficulty band it was put in."""
    split: Split = Split.TRAIN
    """Train or validation."""
    prompt: tuple[Turn, ...] = ()
    """The turns before the completion; empty for plain text, and where `messages` holds them all."""
    completion: str | None = None
    """What is to be learnt: answer, label, or plain text. Unset where `messages` is learnt."""
    messages: OptionalTurns = None
    """A conversation to learn, whole: every assistant turn whose `weight` is not 0."""
    tools: Tools = None
    """Functions that the assistant may call, for the chat template."""
    chosen: str | None = None
    """Preference: the better completion."""
    rejected: str | None = None
    """Preference: the worse completion."""
    chosen_messages: OptionalTurns = None
    """Preference: the better side's turns, where one text does not say them; `chosen` is unset then."""
    rejected_messages: OptionalTurns = None
    """Preference: the worse side's turns; where either side needs turns, both have them."""
    label_set: tuple[str, ...] | None = None
    """Classification: all classes."""
    gold: tuple[str, ...] | None = None
    """Strings any one of which makes an answer exactly right."""
    difficulty: Difficulty = Difficulty()
    """Why it is in its band."""
    source: SourcePosition | None = None
    """Where the `samples` record stood that this was made from."""
    facts_offset: int | None = None
    """Version of the graph it was measured against."""
    run_id: str | None = Field(default=None, max_length=200)
    """The run that made it, for variants and pairs; unset for producers' samples."""
    parent_id: str | None = Field(default=None, max_length=200)
    """The sample it is a variant of."""
    generation: int = 0
    """How many times removed from a producer's sample."""
    origin: str | None = Field(default=None, max_length=100)
    """`augmenter` or `feedback` for what our own nodes sent; unset for producers."""
    recipe: str | None = Field(default=None, max_length=100)
    """How a variant was made of its parent."""

    @property
    def is_variant(self) -> bool:
        """Whether the augmenter made it of another sample."""
        return self.origin == "augmenter"
