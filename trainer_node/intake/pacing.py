"""Which difficulty bands are open, and how many samples each one gives to a batch: easy to hard, for any number of samples.

Competence (`competence`) says how much of the stream, easiest first, may be given. What of that is not trained yet is drawn evenly, so that
an earlier band is drained before a later one, and all that is open at the horizon's end is drained together. Of each open band a part is
held back and given evenly over the rest: rehearsal of what is easy beside what is hard, and a floor under every band. When the open bands
cannot fill a batch, the next one opens, so that nobody waits for ever. Bands that are not open are paused at the consumer: their backlog
stays in Kafka.

All of it is a function of what was trained and of where the log ends: whoever trains the same batches again stands where they lead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.training_sample import BANDS
from trainer_node.commit.state import ArmState, PacingState
from trainer_node.competence import Form, competence
from trainer_node.intake.apportion import apportioned
from trainer_node.intake.arms import Arms
from trainer_node.intake.pacing_plan import PacingPlan

HELD_BACK = 0.1
"""Share of an open band that is given evenly over the rest of the horizon; after it, share of a batch that the bands divide equally."""
LEAD = 0.1
"""Where the horizon is the pass: by which share of the pass what may be given is ahead of what is trained, at most. More of a lead, and
the pass is less in order (`tests/unit/trainer_node/intake/test_easy_to_hard.py` measures it)."""
SPREAD = 0.4
"""Where less of a pass than this is outside its largest band, less is held back and ahead, in proportion."""
UNKNOWN = -1
"""Where a band was reached, before anything of it was chosen."""


@dataclass
class Pacing:
    """State of the curriculum's pacing; part of every checkpoint. Bands are counted in the order in which they open."""

    plan: PacingPlan = field(default_factory=PacingPlan)
    highest: int = 0
    """Highest open band."""
    steps: int = 0
    """Optimizer steps of the pass."""
    tokens: int = 0
    """Tokens chosen in the pass."""
    taken: list[int] = field(default_factory=lambda: [0] * BANDS)
    """Samples chosen in the pass, by band."""
    reached: list[int] = field(default_factory=lambda: [UNKNOWN] * BANDS)
    """Offset behind the last sample chosen in the pass, by band."""
    arms: Arms = field(default_factory=Arms)
    """What is learnt of each band, where the plan goes by it."""

    def __post_init__(self) -> None:
        self._open_by_competence()

    def chosen(self, offsets: Sequence[Sequence[int]], tokens: int, steps: int = 1) -> None:
        """A batch has been chosen, or with `steps` 0 more samples for one.

        Args:
            offsets: of its samples, by band.
            tokens: in all.
        """
        for band, of_band in enumerate(offsets):
            self.taken[band] += len(of_band)
            self.reached[band] = max([self.reached[band], *(offset + 1 for offset in of_band)])
        self.steps += steps
        self.tokens += tokens
        self._open_by_competence()

    def advance(self) -> bool:
        """Open the next band; False when all are open."""
        if self.highest >= BANDS - 1:
            return False
        self.highest += 1
        return True

    def open_to(self, band: int) -> None:
        """Open bands up to this one."""
        self.highest = max(self.highest, band)

    def told_arms(self) -> list[dict[str, Any]]:
        """What a choice reads of what was learnt, for the journal; empty where it reads nothing."""
        return [arm.model_dump() for arm in self.arms.state] if self.plan.bandit else []

    def follow(self, highest: int, arms: Sequence[Mapping[str, Any]]) -> None:
        """Stand where a journalled choice was made."""
        self.open_to(highest)
        if arms:
            self.arms = Arms([ArmState.model_validate(arm) for arm in arms])

    def restart(self) -> None:
        """A new pass begins with the easiest band."""
        self.highest = self.steps = self.tokens = 0
        self.taken, self.reached = [0] * BANDS, [UNKNOWN] * BANDS
        self._open_by_competence()

    def progress(self, total: int) -> float:
        """Share of the horizon that is trained; of the pass, of `total` samples in it."""
        if self.plan.mixed:
            return 1.0
        if self.plan.horizon is None:
            return sum(self.taken) / total if total else 0.0
        done = {"samples": sum(self.taken), "tokens": self.tokens, "steps": self.steps}[self.plan.horizon.unit]
        return done / self.plan.horizon.amount

    def _open_by_competence(self) -> None:
        """Over a stated horizon, bands open by their number: how much is in them is never known."""
        if self.plan.mixed:
            self.highest = BANDS - 1
        elif self.plan.horizon is not None:
            self.open_to(math.ceil(competence(self.plan.form, self.progress(0)) * BANDS - 1e-9) - 1)

    def open_for(self, left: Sequence[int], batch_size: int) -> bool:
        """Open what a pass of known length allows by now, and what its next batch needs.

        Args:
            left: samples of each band that are not chosen yet, as far as the log tells.
            batch_size: samples wanted.

        Returns:
            Whether a band has opened.
        """
        if self.plan.horizon is not None or self.plan.mixed or not sum(left):
            return False
        before, sizes = self.highest, [taken + more for taken, more in zip(self.taken, left, strict=True)]
        given = self._given(sizes)
        if sum(self.taken):  # before the first batch, little of the log may be there yet
            given = max(given, self._needed(sizes, batch_size))
        while self.highest < BANDS - 1 and sum(sizes[: self.highest + 1]) < min(given, sum(sizes)):
            self.highest += 1
        return self.highest > before

    def _given(self, sizes: Sequence[int]) -> float:
        """Samples of the pass that may be given by now."""
        total = sum(sizes)
        progress = self.progress(total)
        if self.plan.form is Form.STEP:
            given = float(sum(sizes[: round(competence(Form.STEP, progress) * BANDS)]))
        else:
            given = competence(self.plan.form, progress) * total
        return min(given, sum(self.taken) + LEAD * self._spread(sizes) * total)

    def _held_back(self, sizes: Sequence[int], batch_size: int) -> float:
        """Share of each open band that is held back."""
        total = sum(sizes)
        progress = min(1.0, (sum(self.taken) + batch_size) / total) if self.plan.horizon is None else self.progress(total)
        return 0.0 if self.plan.mixed else HELD_BACK * self._spread(sizes) * max(0.0, 1.0 - progress)

    def _spread(self, sizes: Sequence[int]) -> float:
        """1 where a pass is spread over the bands; less, down to 0, where nearly all of it is one band.

        There a tenth of the other bands, given evenly beside it, would be all that is seen of the order.
        """
        is_pass = self.plan.horizon is None and not self.plan.mixed and sum(sizes) > 0
        return min(1.0, (1 - max(sizes) / sum(sizes)) / SPREAD) if is_pass else 1.0

    def _needed(self, sizes: Sequence[int], batch_size: int) -> float:
        """How much must be given for another batch, without what is held back."""
        return (sum(self.taken) + batch_size) / (1 - self._held_back(sizes, batch_size))

    def _allowances(self, sizes: Sequence[int], batch_size: int) -> list[float]:
        """Samples of each band that may be given by now, the trained ones among them."""
        below = [sum(sizes[:band]) for band in range(BANDS)]
        needed = self._needed(sizes, batch_size)
        by_size = [min(max(needed - less, 0), size) for less, size in zip(below, sizes, strict=True)]
        if self.plan.mixed:
            allowed: list[float] = [float(size) for size in sizes]
        elif self.plan.horizon is None:
            given = self._given(sizes)
            allowed = [min(max(given - less, 0), size) for less, size in zip(below, sizes, strict=True)]
        else:
            open_bands = competence(self.plan.form, self.progress(0)) * BANDS
            allowed = [min(max(open_bands - band, 0), 1) * size for band, size in enumerate(sizes)]
        return [max(one, other) for one, other in zip(allowed, by_size, strict=True)]

    def weights(self, left: Sequence[int], batch_size: int) -> list[float]:
        """What each band is to give to a batch, in samples and parts of one, by what is left of it."""
        sizes = [taken + more for taken, more in zip(self.taken, left, strict=True)]
        total, is_open = sum(sizes), [band <= self.highest and left[band] > 0 for band in range(BANDS)]
        if not any(is_open):
            return [0.0] * BANDS
        if self.plan.bandit:
            return [batch_size * weight for weight in self.arms.weights(is_open)]
        held = self._held_back(sizes, batch_size)
        if self.progress(total) < 1:
            even = HELD_BACK * self._spread(sizes) * batch_size
            floor = [even * size / total if there else 0.0 for size, there in zip(sizes, is_open, strict=True)]
        else:
            floor = [HELD_BACK * batch_size / sum(is_open) if there and not self.plan.mixed else 0.0 for there in is_open]
        allowed = self._allowances(sizes, batch_size)
        main = [max(0.0, allowed[band] * (1 - held) - self.taken[band]) if is_open[band] else 0.0 for band in range(BANDS)]
        if not sum(main):
            main = [float(left[band]) if is_open[band] else 0.0 for band in range(BANDS)]
        rest = batch_size - sum(floor)
        return [low + rest * weight / sum(main) for low, weight in zip(floor, main, strict=True)]

    def shares(self, left: Sequence[int], available: Sequence[int], batch_size: int) -> list[int]:
        """How many samples each band gives. What one lacks comes from the easiest that has more.

        Args:
            left: samples of each band that are not chosen yet, as far as the log tells.
            available: those of them that wait here, by band.
            batch_size: samples wanted.

        Returns:
            Samples by band; sums to `min(batch_size, what waits of the open bands)`.
        """
        known = [max(more, here) for more, here in zip(left, available, strict=True)]
        wanted = apportioned(self.weights(known, batch_size), batch_size, self.steps)
        open_bands = range(self.highest + 1)
        shares = [min(wanted[band], available[band]) for band in open_bands]
        for band in open_bands:
            missing = batch_size - sum(shares)
            shares[band] += min(missing, available[band] - shares[band])
        return shares + [0] * (BANDS - len(shares))

    def snapshot(self) -> PacingState:
        """For a checkpoint."""
        return PacingState(
            highest=self.highest,
            steps=self.steps,
            tokens=self.tokens,
            taken=tuple(self.taken),
            reached=tuple(self.reached),
            reverse=self.plan.reverse,
            arms=tuple(self.arms.state) if self.plan.bandit else (),
        )

    def restore(self, state: PacingState) -> None:
        """Take over a snapshot; of one that knows no more, which bands are open. Where the order was turned round, all bands are open."""
        turned = state.reverse != self.plan.reverse
        self.highest = BANDS - 1 if turned and state.steps else state.highest
        self.steps, self.tokens = state.steps, state.tokens
        self.taken = list(state.taken[::-1] if turned else state.taken)
        self.reached = list(state.reached[::-1] if turned else state.reached)
        self.arms = Arms(list(state.arms)) if state.arms else Arms()
        if self.plan.horizon is not None and self.plan.horizon.unit == "steps" and state.steps_here is not None:
            self.steps = max(self.steps, state.highest * (self.plan.horizon.amount // BANDS) + state.steps_here)
        self._open_by_competence()
