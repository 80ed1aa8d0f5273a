"""What the demo trains, by the speed that it measures: what is asked for first, then as much as fits into the time that it promises.

Its producer holds most of the facts back and sends them in tranches: each is decided upon when the one before is nearly trained, by what is
left of the promise and by the newest steps, so that one slow or quick look does not decide. What else is to be done is reckoned in
samples, by figures that are rough on purpose. All is sent in the first pass: on a machine that gets slower after that, the demo
takes longer than it promised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

MEASURED = 12
"""Newest samples trained that a speed is the mean of; half of what is sent first, where that is less."""
AHEAD = 16
"""Samples that wait for the trainer when the next tranche is decided upon, so that it need not wait. No tranche is planned smaller."""
TRANCHES = 5
"""In so many parts what is held back is sent on a machine that has time for all of it."""
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
PLANNED = 0.92
"""Of the promise: what is planned to be used. The rest is for a machine that gets slower when all is sent."""
SLOWEST = 0.6
"""Of the promise: by then it is decided, measured or not."""


class Speed:
    """Seconds a sample in the newest steps, from the trainer's own metrics as they are at each look."""

    def __init__(self, sent: int) -> None:
        """`sent`: samples that there are to measure by at first."""
        self._enough = min(MEASURED, max(1, sent // 2))
        self.seconds: float | None = None
        """None until enough is measured."""
        self._looks: deque[tuple[float, float]] = deque()
        self._before = 0.0

    @property
    def trained(self) -> float:
        """Samples, by all starts of the trainer; those that it trains again after a crash count twice."""
        return self._before + (self._looks[-1][1] if self._looks else 0.0)

    def look(self, metrics: Mapping[str, float]) -> None:
        """Take the sums of the trainer's steps. The first step, which is slow, is left out where a later look has enough beside it."""
        seconds, samples = metrics.get("pelton_step_seconds_sum", 0.0), metrics.get("pelton_samples_trained_total", 0.0)
        if not samples:
            return
        if self._looks and samples < self._looks[-1][1]:  # a trainer that was started again
            self._before = self.trained
            self._looks.clear()
        if not self._looks and samples >= self._enough:
            self._looks.append((0.0, 0.0))
        if not self._looks or samples > self._looks[-1][1]:
            self._looks.append((seconds, samples))
        while len(self._looks) > 1 and samples - self._looks[1][1] >= self._enough:
            self._looks.popleft()
        before_s, before = self._looks[0]
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
    is_last: bool = True
    """Whether nothing is sent after it."""
    room: int = 0
    """How many samples would fit, of which these are a part."""
    over_s: float = 0.0
    """By how much the promise will be missed, though all is left out that can be."""

    @property
    def places(self) -> list[int]:
        """Which of what waits is sent, in the order of what is asked for: evenly of all that fits.

        What is asked for would else be trained first in each pass, and be forgotten for what came behind it.
        """
        return [number * self.room // self.samples for number in range(self.samples)]


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
    since: int = 0
    """Of `sent`, what was held back at first."""
    trained: float = 0.0
    """Samples, until now."""


def plan(held: HeldBack, seconds: float | None, elapsed_s: float, promise_s: float) -> Plan:
    """As many as fit. Prompts come first, up to a third of what all that is held back at first may take: they close the loop.

    Args:
        held: what there is, now.
        seconds: a sample takes; None where that could not be measured, and then everything is left out that can be.
        elapsed_s: since the start.
        promise_s: in which the demo is to end.
    """
    if seconds is None:
        return Plan(0, min(held.prompts, FEW), f"no step was measured in {elapsed_s:.0f} s")
    one = max(seconds, 1e-6) * BETWEEN
    room = (PLANNED * promise_s - elapsed_s - ENDING_S) / one  # in samples
    passes = held.passes * (1 + BACK)
    room -= held.sent * passes - held.trained + held.asked * ANSWER + held.pairs * held.passes * PAIR
    of_prompt = held.answers * ANSWER + SHARE_OF_PAIRS * held.passes * PAIR
    share = max((room + held.since * passes) / 3, room - held.samples * passes)
    prompts = _between(min(room, share) / of_prompt, min(held.prompts, FEW), held.prompts)
    samples = _between((room - prompts * of_prompt) / passes, 0, held.samples)
    ends_s = PLANNED * promise_s - (room - prompts * of_prompt - samples * passes) * one
    return Plan(samples, prompts, f"{seconds:.2f} s a sample after {elapsed_s:.0f} s", over_s=max(0.0, ends_s - promise_s))


SHARE_OF_PAIRS = 0.5
"""Of the prompts that are sampled, what becomes pairs."""
FEW = 4
"""Prompts that are sampled in any case, so that the loop is closed."""


def _between(wanted: float, least: int, most: int) -> int:
    return max(least, min(most, int(wanted)))


class Planner:
    """Decides upon one tranche after the other. Prompts are sent with the last: they are the first to go where it gets slower."""

    def __init__(self, held: HeldBack, promise_s: float) -> None:
        self._held, self._promise_s = held, promise_s
        self._speed = Speed(held.sent)
        self._tranche = max(AHEAD, -(-held.samples // TRANCHES))

    def look(self, metrics: Mapping[str, float], elapsed_s: float) -> Plan | None:
        """What to send now; None where that is nothing yet. Not to be asked after the last.

        Where nothing more fits, what is sent is trained to its end before that is believed.
        """
        self._speed.look(metrics)
        waiting = self._held.sent - self._speed.trained
        must = elapsed_s >= SLOWEST * self._promise_s
        if not must and (self._speed.seconds is None or waiting > AHEAD):
            return None
        planned = plan(replace(self._held, trained=self._speed.trained), self._speed.seconds, elapsed_s, self._promise_s)
        planned = replace(planned, room=planned.samples)
        samples = planned.samples if must else min(planned.samples, self._tranche)
        if must or samples == self._held.samples or (not samples and waiting <= 0):
            return replace(planned, samples=samples)
        if not samples:
            return None
        held = self._held
        self._held = replace(held, sent=held.sent + samples, samples=held.samples - samples, since=held.since + samples)
        return replace(planned, samples=samples, prompts=0, is_last=False)


def left_out(asked: int, further: int, prompts: int, last: Plan, promise_s: float) -> str | None:
    """What was not sent, in a line; None where it is nothing.

    Args:
        asked: facts that a held-out question asks for.
        further: other facts.
        prompts: to sample pairs of.
        last: the plan after which nothing was sent.
        promise_s: in which the demo was to end; said where this machine is too slow for it.
    """
    parts = []
    if asked:
        parts.append(f"{asked} facts that are asked for (their questions count as never trained)")
    if further:
        parts.append(f"{further} further facts")
    if prompts:
        parts.append(f"{prompts} prompts to sample pairs of")
    if not parts:
        return None
    slow = f"; this machine is too slow for {promise_s:.0f} s, it will take about {promise_s + last.over_s:.0f} s" if last.over_s else ""
    return f"left out to end in time ({last.told}): {', '.join(parts)}{slow}"
