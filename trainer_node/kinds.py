"""The kinds of trainer: what each trains on, whose samples, and what it needs. Torch-free: the command line reads it too.

A kind is one line in `TrainerKind`, and a module that is named after it: `trainer_node.training.<kind>`, whose `SPEC` says all else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.errors import ConfigError
from schemas.sample import Task
from schemas.training_sample import Objective


class Reference(StrEnum):
    """When a kind compares the policy with a copy of it as it was when the objective began."""

    NEVER = "never"
    ALWAYS = "always"
    UNLESS_BETA_IS_0 = "unless beta is 0"


@dataclass(frozen=True)
class KindFacts:
    """What is known of a kind without its trainer."""

    objective: Objective
    """What it trains on."""
    tasks: tuple[Task, ...]
    """Whose samples it trains. A task belongs to the first kind that names it; others train it when they are asked for."""
    reference: Reference = Reference.NEVER
    shardable: bool = True
    """Whether it trains with the base's weights sharded."""


class TrainerKind(StrEnum):
    """Which TRL trainer trains; or AUTO, a sequence of them."""

    AUTO = "auto", "sft", "dpo"
    """SFT, then DPO on the preference pairs: all that is on the stream and needs no reward."""
    SFT = "sft", KindFacts(Objective.SFT, (Task.GENERATION, Task.QA, Task.CLASSIFICATION))
    DPO = "dpo", KindFacts(Objective.PREFERENCE, (Task.PREFERENCE,), Reference.ALWAYS)
    PPO = "ppo", KindFacts(Objective.PROMPT, (Task.RLHF_PPO,), Reference.ALWAYS, shardable=False)
    GRPO = "grpo", KindFacts(Objective.PROMPT, (Task.RLHF_GRPO,), Reference.UNLESS_BETA_IS_0)
    RLOO = "rloo", KindFacts(Objective.PROMPT, (Task.RLHF_GRPO, Task.RLHF_PPO), Reference.UNLESS_BETA_IS_0)

    _facts: KindFacts | None
    _parts: tuple[str, ...]

    def __new__(cls, value: str, *of: KindFacts | str) -> TrainerKind:
        """A kind with its facts, or the names of the kinds that it is a sequence of."""
        member = str.__new__(cls, value)
        member._value_ = value
        member._facts = next((facts for facts in of if isinstance(facts, KindFacts)), None)
        member._parts = tuple(name for name in of if isinstance(name, str))
        return member

    @property
    def kinds(self) -> tuple[TrainerKind, ...]:
        """The kinds that train, in order: itself, unless it is a sequence."""
        return tuple(TrainerKind(name) for name in self._parts) or (self,)

    @property
    def is_sequence(self) -> bool:
        """Whether other kinds train in its name."""
        return bool(self._parts)

    @property
    def facts(self) -> KindFacts:
        """What is known of it; a sequence has none of its own."""
        assert self._facts is not None, f"{self.value} is a sequence of kinds"
        return self._facts

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What it trains on, in order."""
        return tuple(kind.facts.objective for kind in self.kinds)

    def of(self, objective: Objective) -> TrainerKind:
        """Which of its kinds trains an objective."""
        return next(kind for kind in self.kinds if kind.facts.objective is objective)

    def trains(self, task: Task) -> bool:
        """Whether it trains samples of this task."""
        return any(task in kind.facts.tasks for kind in self.kinds)


def kind_of_task(task: Task | str) -> TrainerKind:
    """The kind of trainer that a task gets.

    Raises:
        ConfigError: no such task.
    """
    try:
        wanted = Task(task)
    except ValueError:
        raise ConfigError(f"no trainer for task {task!r}; tasks are {', '.join(Task)}") from None
    return next(kind for kind in TrainerKind if not kind.is_sequence and kind.trains(wanted))
