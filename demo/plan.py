"""What the demo trains, by the speed that it measures: what is asked for first, then as much as fits into the time that it promises.

Its producer holds most of the facts back until the trainer has taken some steps. What else is to be done is
reckoned in samples, by figures that are rough on purpose. On a machine that gets slower by more than a little after the plan is made, it
takes longer than it promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MEASURED = 16
"""Samples trained, after the first look, that a speed is the mean of; half of what is sent first, where that is less."""
BETWEEN = 1.25
"""What a step takes with all that lies between it and the next: losses sent, checkpoints, evaluations."""
ANSWER = 0.8
"""What a short answer takes, with its prompt read, in samples trained."""
PAIR = 2.7
"""Likewise a preference pair: two answers trained, and two read by the reference."""
BACK = 0.15
"""Of the samples that are trained, what comes back as variants and is trained, too: those with the losses above their 0.8 quantile."""
ENDING_S = 15.0
"""Seconds for the last checkpoint, the account and the report, of which little is arithmetic."""
PLANNED = 0.96
"""Of the promise: what is planned to be used. The rest is for a machine that gets slower."""
SLOWEST = 0.6
"""Of the promise: by then it is decided, measured or not."""


class Speed:
    """Seconds a sample, from the trainer's own metrics as they are at each look."""

    def __init__(self, sent: int) -> None:
        """`sent`: samples that there are to measure by."""
        self._enough = min(MEASURED, max(1, sent // 2))
        self.seconds: float | None = None
        """None until enough is measured."""
        self._first: tuple[float, float] | None = None

    def look(self, metrics: Mapping[str, float]) -> None:
        """Take the sums of the trainer's steps. The first step, which is slow, is left out where a later look has enough beside it."""
        seconds, samples = metrics.get("pelton_step_seconds_sum", 0.0), metrics.get("pelton_samples_trained_total", 0.0)
        if not samples or self.seconds is not None:
            return
        if self._first is None or samples < self._first[1]:  # the first look, or a trainer that was started again
            self._first = (0.0, 0.0) if samples >= self._enough else (seconds, samples)
        before_s, before = self._first
        if samples - before >= self._enough:
            self.seconds = (seconds - before_s) / (samples - before)


@dataclass(frozen=True)
class Plan:
    """How much of what is held back is sent."""

    samples: int
    """Samples with a fact."""
    prompts: int
    """Prompts that the model's own answers are sampled to."""
    told: str
    """Why, in a line."""


@dataclass(frozen=True)
class HeldBack:
    """What there is to decide about, and what must be done besides."""

    sent: int
    """Samples that are sent already, and are trained in each pass."""
    samples: int
    prompts: int
    asked: int
    """Held-out questions, which are asked once more at the end."""
    pairs: int
    """Preference pairs that are sent already."""
    passes: int
    answers: int
    """Of a prompt that is sampled."""


def plan(held: HeldBack, seconds: float | None, elapsed_s: float, promise_s: float) -> Plan:
    """As many as fit. Prompts come first, up to a third of what is left: they close the loop.

    Args:
        held: what there is.
        seconds: a sample takes; None where that could not be measured, and then everything is left out that can be.
        elapsed_s: since the start.
        promise_s: in which the demo is to end.
    """
    if seconds is None:
        return Plan(0, min(held.prompts, FEW), f"no step was measured in {elapsed_s:.0f} s")
    one = max(seconds, 1e-6) * BETWEEN
    room = (PLANNED * promise_s - elapsed_s - ENDING_S) / one  # in samples
    passes = held.passes * (1 + BACK)
    room -= held.sent * passes + held.asked * ANSWER + held.pairs * held.passes * PAIR
    of_prompt = held.answers * ANSWER + SHARE_OF_PAIRS * held.passes * PAIR
    prompts = _between(room / 3 / of_prompt, min(held.prompts, FEW), held.prompts)
    samples = _between((room - prompts * of_prompt) / passes, 0, held.samples)
    return Plan(samples, prompts, f"{seconds:.2f} s a sample after {elapsed_s:.0f} s")


SHARE_OF_PAIRS = 0.5
"""Of the prompts that are sampled, what becomes pairs."""
FEW = 4
"""Prompts that are sampled in any case, so that the loop is closed."""


def _between(wanted: float, least: int, most: int) -> int:
    return max(least, min(most, int(wanted)))


def left_out(samples: Sequence[object], planned: Plan, held: HeldBack, wanted: int) -> str | None:
    """What the plan leaves out, in a line; None where it is nothing.

    Args:
        samples: what was held back, in the order in which it is sent.
        planned: what is decided.
        held: what there was to decide about.
        wanted: how many of the samples a held-out question asks for; they come first.
    """
    missing = len(samples) - planned.samples
    parts = []
    if asked := max(0, wanted - planned.samples):
        parts.append(f"{asked} facts that are asked for (their questions count as never trained)")
    if other := missing - asked:
        parts.append(f"{other} further facts")
    if fewer := held.prompts - planned.prompts:
        parts.append(f"{fewer} prompts to sample pairs of")
    return f"left out to end in time ({planned.told}): {', '.join(parts)}" if parts else None
