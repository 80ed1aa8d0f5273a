"""What answers are like while a policy learns from rewards: to metrics, history and W&B, and to the watchdog."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import pyarrow.compute as pc

from schemas.graph_reward import GraphReward
from streams import metrics
from trainer_node.commit.history import read_history
from trainer_node.rewards.client import JudgedStep
from trainer_node.rewards.figures import figures_of, figures_of_rewards, groups_of, is_flat
from trainer_node.rewards.watchdog import REWARD, Watchdog
from trainer_node.run.monitor import Monitor
from trainer_node.run.progress import Progress

TRAINED, HELD_OUT = "answers_", "held_out_"
"""How these figures' names begin in a run's history."""


class PolicyWatch:
    """Told of each step's rewards, then of the step itself."""

    def __init__(self, run_id: str, run_dir: Path, monitor: Monitor, progress: Progress, answers_a_prompt: int | None) -> None:
        """Goes on from what the run's history has. `answers_a_prompt`: see `figures_of`."""
        self._run_id, self._monitor, self._progress = run_id, monitor, progress
        self._answers_a_prompt = answers_a_prompt
        self._watchdog = Watchdog()
        self._watchdog.replay(told_before(run_dir))
        self._judged: JudgedStep | None = None
        self.flat_groups = 0
        """Prompts of this start all of whose answers earned the same."""
        self.refilled_prompts = 0
        """Prompts of this start that were asked in the place of such."""
        metrics.REWARD_HACKING.labels(run_id).set(0)

    @property
    def warning(self) -> str | None:
        """`reward_hacking`, in a line; None where there is no sign of it."""
        return self._watchdog.warning

    def judged(self, judged: JudgedStep) -> JudgedStep:
        """A step's rewards came in, or those of further prompts of it; returns all that is known of the step."""
        earlier = self._judged
        self._judged = judged if earlier is None or earlier.step != judged.step else together(earlier, judged)
        if self._answers_a_prompt:
            flat = sum(is_flat(group) for group in groups_of(judged.rewards, self._answers_a_prompt))
            self.flat_groups += flat
            metrics.FLAT_GROUPS.labels(self._run_id).inc(flat)
        return self._judged

    def refilled(self, prompts: int) -> None:
        """A step has asked so many further prompts."""
        self.refilled_prompts += prompts
        metrics.REFILLED.labels(self._run_id).inc(prompts)

    def stepped(self, figures: Mapping[str, float]) -> None:
        """The step is done: what came of all its prompts is kept, once. `figures`: what its trainer says beside (tokens, kl)."""
        judged, self._judged = self._judged, None
        if judged is None:
            return
        self._progress.rewarded(judged.step, judged.shares, seconds=judged.seconds)
        given = [reward for reward in judged.rewards if reward is not None]
        value = fmean(given) if given else None
        found = {**figures_of(judged, self._answers_a_prompt), **figures}
        self._progress.figured(judged.step, TRAINED, found | ({REWARD: value} if value is not None else {}))
        self._watchdog.step(value, found)
        self._monitor.figures(judged.step, found, self.warning)

    def held_out(self, step: int, rewards: Sequence[GraphReward | None]) -> None:
        """The held-out prompts were asked."""
        judged = [reward for reward in rewards if reward is not None]
        given = [reward.learnt_from for reward in judged if reward.learnt_from is not None]
        found = figures_of_rewards(judged)
        value = fmean(given) if given else None
        self._progress.figured(step, HELD_OUT, found | ({REWARD: value} if value is not None else {}))
        self._watchdog.held_out(value, found)
        self._monitor.hacking(step, self.warning)


def together(one: JudgedStep, other: JudgedStep) -> JudgedStep:
    """Of one step, what came of its prompts and of further ones."""
    return JudgedStep(
        one.step, one.rewards + other.rewards, one.shares + other.shares, one.seconds + other.seconds, one.answers + other.answers
    )


def told_before(run_dir: Path) -> Iterator[tuple[bool, float | None, dict[str, float]]]:
    """What the run's history has of such figures, in order."""
    table = read_history(run_dir)
    is_ours = pc.or_(pc.starts_with(table["name"], TRAINED), pc.starts_with(table["name"], HELD_OUT))
    moments: dict[tuple[object, int, bool], dict[str, float]] = {}
    for row in table.filter(is_ours).to_pylist():
        is_held_out = row["name"].startswith(HELD_OUT)
        name = row["name"].removeprefix(HELD_OUT if is_held_out else TRAINED)
        moments.setdefault((row["t"], row["step"], is_held_out), {})[name] = row["value"]
    for (_, _, is_held_out), figures in moments.items():
        yield is_held_out, figures.pop(REWARD, None), figures
