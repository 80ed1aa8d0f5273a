"""The kinds of trainer, which task is trained by which, and what each trains on. Torch-free: the command line reads it too."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import ConfigError
from schemas.sample import Task
from schemas.training_sample import Objective


class TrainerKind(StrEnum):
    """Which TRL trainer trains."""

    AUTO = "auto"
    """SFT, then DPO on the preference pairs: all that is on the stream and needs no reward."""
    SFT = "sft"
    DPO = "dpo"
    PPO = "ppo"
    GRPO = "grpo"


KIND_OF_TASK: dict[Task, TrainerKind] = {
    Task.GENERATION: TrainerKind.SFT,
    Task.QA: TrainerKind.SFT,
    Task.CLASSIFICATION: TrainerKind.SFT,
    Task.PREFERENCE: TrainerKind.DPO,
    Task.RLHF_PPO: TrainerKind.PPO,
    Task.RLHF_GRPO: TrainerKind.GRPO,
}

OBJECTIVES: dict[TrainerKind, tuple[Objective, ...]] = {
    TrainerKind.AUTO: (Objective.SFT, Objective.PREFERENCE),
    TrainerKind.SFT: (Objective.SFT,),
    TrainerKind.DPO: (Objective.PREFERENCE,),
    TrainerKind.PPO: (Objective.PROMPT,),
    TrainerKind.GRPO: (Objective.PROMPT,),
}
"""What each kind trains on, in order."""


def kind_of_task(task: Task | str) -> TrainerKind:
    """The kind of trainer for a task.

    Raises:
        ConfigError: no such task.
    """
    try:
        return KIND_OF_TASK[Task(task)]
    except ValueError:
        raise ConfigError(f"no trainer for task {task!r}; tasks are {', '.join(Task)}") from None


def trains(kind: TrainerKind, task: Task) -> bool:
    """Whether a run of this kind trains samples of this task: by the task's own kind of trainer, alone or as a part of `auto`."""
    own = KIND_OF_TASK[task]
    return kind is own or (kind is TrainerKind.AUTO and set(OBJECTIVES[own]) <= set(OBJECTIVES[TrainerKind.AUTO]))
