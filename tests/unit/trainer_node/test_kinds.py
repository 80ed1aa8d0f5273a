"""Which trainer a task gets, and what each kind trains on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from schemas.errors import ConfigError
from schemas.sample import Task
from streams.curriculum.task_detector import objective_of
from trainer_node.kinds import TrainerKind, kind_of_task


@pytest.mark.parametrize("task", Task)
def test_a_tasks_samples_go_to_the_bands_that_its_trainer_reads(task: Task):
    assert kind_of_task(task).objectives == (objective_of(task),)


def test_an_unknown_task_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="no trainer for task 'poetry'; tasks are generation"):
        kind_of_task("poetry")


@pytest.mark.parametrize(
    ("kind", "tasks"),
    [
        (TrainerKind.AUTO, ["generation", "qa", "classification", "preference"]),
        (TrainerKind.SFT, ["generation", "qa", "classification"]),
        (TrainerKind.DPO, ["preference"]),
        (TrainerKind.PPO, ["rlhf_ppo"]),
        (TrainerKind.GRPO, ["rlhf_grpo"]),
        (TrainerKind.RLOO, ["rlhf_ppo", "rlhf_grpo"]),
    ],
)
def test_a_kind_trains_its_own_tasks_and_auto_all_that_need_no_reward(kind: TrainerKind, tasks: list[str]):
    assert [task.value for task in Task if kind.trains(task)] == tasks


def test_settings_and_kinds_are_read_without_torch():
    code = "import sys, trainer_node.config, trainer_node.kinds; print([m for m in ('torch', 'trl', 'kafka') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout.strip() == "[]"
