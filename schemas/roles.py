"""Who may write, read and claim what: the one table that signatures, ACLs and docs are made from.

A role is what a process is for. Each of our nodes has one of its own; so has each kind of outside writer. What a role may write is what its
signature is taken for (`streams.kafka.signatures`), and what a broker should let it do (`streams.kafka.access`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a process that writes is for."""

    PRODUCER = "producer"
    """Sends samples."""
    FACTS = "facts"
    """Sends and removes facts."""
    INFERENCE = "inference"
    """An inference server: sends answers, and reads which models there are."""
    CURRICULUM = "curriculum"
    AUGMENTER = "augmenter"
    FEEDBACK = "feedback"
    TRAINER = "trainer"
    MONITOR = "monitor"
    """The lag exporter: looks at every topic and group, and writes nothing."""
    OPERATOR = "operator"
    """A person with Pelton's commands: makes topics, looks at everything, sends dead letters back, forgets samples."""


@dataclass(frozen=True)
class Rights:
    """What a role does, in the short names of topics (`bands` stands for all of them)."""

    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    describes: tuple[str, ...] = ()
    """Topics of which it asks how long they are, and how they are set."""
    groups: tuple[str, ...] = ()
    """Other groups that it commits as."""
    watches: tuple[str, ...] = ()
    """Groups whose lag it looks at."""
    own_group: bool = False
    """Whether it reads as the consumer group of its name."""
    transactional: bool = False
    """Whether it writes in transactions under an id of its name."""
    is_ours: bool = False
    """Whether it may say of a sample what only nodes say (`NODE_FIELDS`)."""


NODE_FIELDS = ("origin", "run_id", "parent_id", "generation", "recipe", "provenance")
"""Of a sample: what our own nodes say of what they made, and nobody else."""

ALL_TOPICS = ("samples", "bands", "losses", "outputs", "rewards", "facts", "models", "forgotten", "dead-letters")

RIGHTS: dict[Role, Rights] = {
    Role.PRODUCER: Rights(writes=("samples",)),
    Role.FACTS: Rights(writes=("facts",)),
    Role.INFERENCE: Rights(writes=("outputs",), reads=("models",), own_group=True),
    Role.CURRICULUM: Rights(("bands", "dead-letters"), ("samples", "facts", "forgotten"), own_group=True, is_ours=True),
    Role.AUGMENTER: Rights(("samples", "dead-letters"), ("losses", "facts", "forgotten", "samples"), own_group=True, is_ours=True),
    Role.FEEDBACK: Rights(
        ("rewards", "samples", "dead-letters"),
        ("outputs", "facts", "rewards", "samples"),
        groups=("bad-facts", "facts.facts"),  # the second is the first by its name of before
        own_group=True,
        is_ours=True,
    ),
    Role.TRAINER: Rights(
        ("losses", "outputs", "models", "dead-letters"),
        ("bands", "rewards", "dead-letters", "forgotten"),
        describes=("samples",),
        watches=("curriculum", "augmenter", "feedback"),
        own_group=True,
        transactional=True,
        is_ours=True,
    ),
    Role.MONITOR: Rights(reads=ALL_TOPICS, watches=("",)),
    Role.OPERATOR: Rights(
        ALL_TOPICS,
        ALL_TOPICS,
        is_ours=True,
    ),
}
"""By role. Why a node reads what it does not work on: the trainer looks at the dead letters for what it sent before a crash; the augmenter
looks among the samples for held-out ones; the feedback node finds its pairs and rewards again, and alone says how far bad facts were
dead-lettered."""


def may_write(role: Role, topic: str, prefix: str) -> bool:
    """Whether a role may write to a topic of this full name."""
    short = topic.removeprefix(prefix)
    return ("bands" if short.startswith("curriculum.") else short) in RIGHTS[role].writes
