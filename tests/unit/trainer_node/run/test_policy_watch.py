"""What a step's answers were like is told of all of them, those to further prompts too."""

from __future__ import annotations

from pathlib import Path

from trainer_node.commit.history import History, read_history
from trainer_node.rewards.client import JudgedStep
from trainer_node.run.monitor import Monitor
from trainer_node.run.policy_watch import PolicyWatch
from trainer_node.run.progress import Progress


def judged(step: int, rewards: list[float | None]) -> JudgedStep:
    return JudgedStep(step, rewards, rewards, 0.5, [])


def test_the_history_has_one_reward_a_step_of_all_its_prompts(tmp_path: Path):
    history = History(tmp_path, 1, 0)
    watch = PolicyWatch("once", tmp_path, Monitor("once", tmp_path, None, {}), Progress(history, None), 2)
    watch.judged(judged(1, [1.0, 1.0]))
    watch.judged(judged(1, [0.0, None]))
    watch.stepped({})
    watch.judged(judged(2, [0.0, 0.0]))
    watch.stepped({})
    history.close()
    found = {(row["step"], row["name"]): row["value"] for row in read_history(tmp_path).to_pylist()}
    names = [(row["step"], row["name"]) for row in read_history(tmp_path).to_pylist()]
    assert len(names) == len(set(names))
    assert (found[1, "reward_train"], found[1, "rewarded_train"], found[1, "unrewarded_train"]) == (2 / 3, 3, 1)
    assert (found[1, "reward_wait_seconds"], found[2, "reward_train"]) == (1.0, 0.0)


def test_rewards_of_further_prompts_are_told_with_those_of_their_step_and_not_with_the_next(tmp_path: Path):
    watch = PolicyWatch("refilled", tmp_path, Monitor("refilled", tmp_path, None, {}), Progress(History(tmp_path, 1, 0), None), 2)
    assert watch.judged(judged(1, [1.0, 1.0])).rewards == [1.0, 1.0]
    whole = watch.judged(judged(1, [0.0, 1.0]))
    assert (whole.rewards, whole.seconds) == ([1.0, 1.0, 0.0, 1.0], 1.0)
    watch.stepped({})
    assert watch.judged(judged(2, [0.0, 0.0])).rewards == [0.0, 0.0]
    assert watch.flat_groups == 2
