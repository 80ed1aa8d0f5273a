"""What a step's answers were like is told of all of them, those to further prompts too."""

from __future__ import annotations

from pathlib import Path

from trainer_node.commit.history import History
from trainer_node.rewards.client import JudgedStep
from trainer_node.run.monitor import Monitor
from trainer_node.run.policy_watch import PolicyWatch
from trainer_node.run.progress import Progress


def judged(step: int, rewards: list[float | None]) -> JudgedStep:
    return JudgedStep(step, rewards, rewards, 0.5, [])


def test_rewards_of_further_prompts_are_told_with_those_of_their_step_and_not_with_the_next(tmp_path: Path):
    watch = PolicyWatch("refilled", tmp_path, Monitor("refilled", tmp_path, None, {}), Progress(History(tmp_path, 1, 0), None), 2)
    assert watch.judged(judged(1, [1.0, 1.0])).rewards == [1.0, 1.0]
    whole = watch.judged(judged(1, [0.0, 1.0]))
    assert (whole.rewards, whole.seconds) == ([1.0, 1.0, 0.0, 1.0], 1.0)
    watch.stepped({})
    assert watch.judged(judged(2, [0.0, 0.0])).rewards == [0.0, 0.0]
    assert watch.flat_groups == 2
