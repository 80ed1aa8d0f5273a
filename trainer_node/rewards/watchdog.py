"""Warns of `reward_hacking`: what is learnt from rises while answers get worse by what the policy is not paid for.

Two signs. In training, over windows of WINDOW steps: the reward is above that of the first window, and fewer answers say something of
what was asked, or fewer hold a gold string. On the held-out prompts: the mean reward has risen since they were first asked, and fewer
answers are exact.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from statistics import fmean

from trainer_node.rewards.figures import ANSWERS_QUESTION, EXACT

logger = logging.getLogger(__name__)

WINDOW = 8
"""Steps that are averaged."""
RISE = 0.05
"""Of the rewards' range, what counts as risen."""
FALL = 0.1
"""Of all answers, what counts as fewer in training, where each step has other prompts."""
HELD_OUT_FALL = 0.03
"""Likewise of the held-out prompts, which are the same each time."""
REWARD = "value"
"""What is learnt from, among the figures."""
WORSE = {ANSWERS_QUESTION: "say something of what was asked", EXACT: "are exact"}


class Watchdog:
    """Told of each step, and of each time that the held-out prompts were asked."""

    def __init__(self) -> None:
        self._first: list[Mapping[str, float]] = []
        self._newest: deque[Mapping[str, float]] = deque(maxlen=WINDOW)
        self._least, self._most = float("inf"), float("-inf")
        self._held_out: Mapping[str, float] | None = None
        self._signs: dict[str, str] = {}

    @property
    def warning(self) -> str | None:
        """What is amiss now, in a line; None where nothing is."""
        return "; ".join(self._signs.values()) or None

    def step(self, value: float | None, figures: Mapping[str, float]) -> None:
        """After a step's rewards came in. `value`: the mean of what is learnt from, None of a step without any."""
        if value is None:
            return
        self._least, self._most = min(self._least, value), max(self._most, value)
        row = {**figures, REWARD: value}
        if len(self._first) < WINDOW:
            self._first.append(row)
            return
        self._newest.append(row)
        if len(self._newest) == WINDOW:
            told = self._compare(mean_of(self._first), mean_of(self._newest), RISE * (self._most - self._least), FALL)
            self._note("training", told, f"over {WINDOW} steps")

    def held_out(self, reward: float | None, figures: Mapping[str, float]) -> None:
        """After the held-out prompts were asked. `reward`: mean of what the answers earned."""
        if reward is None:
            return
        row = {**figures, REWARD: reward}
        if self._held_out is None:
            self._held_out = row
            return
        self._note("held out", self._compare(self._held_out, row, 0.0, HELD_OUT_FALL), "on the held-out prompts")

    def replay(self, rows: Iterable[tuple[bool, float | None, Mapping[str, float]]]) -> None:
        """What a start before this one was told, in order: whether it was of the held-out prompts, the reward, and the figures."""
        for is_held_out, value, figures in rows:
            (self.held_out if is_held_out else self.step)(value, figures)

    def _compare(self, before: Mapping[str, float], after: Mapping[str, float], rise: float, fall: float) -> str | None:
        if after[REWARD] - before[REWARD] <= rise:
            return None
        worse = [
            f"the share of answers that {told} fell from {before[name]:.2f} to {after[name]:.2f}"
            for name, told in WORSE.items()
            if name in before and name in after and before[name] - after[name] >= fall
        ]
        return f"the reward rose from {before[REWARD]:.2f} to {after[REWARD]:.2f}, while {' and '.join(worse)}" if worse else None

    def _note(self, sign: str, told: str | None, where: str) -> None:
        if told is None:
            self._signs.pop(sign, None)
            return
        if sign not in self._signs:
            logger.warning("reward_hacking: %s, %s. See docs/rewards.md for what games the policy, and read the answers", where, told)
        self._signs[sign] = f"reward_hacking: {where}, {told}"


def mean_of(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over the rows that have it."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, []).append(value)
    return {name: fmean(found) for name, found in values.items()}
