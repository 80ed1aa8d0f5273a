"""What one partition of the losses decides: which samples get variants, and which.

All of it is a function of the losses, in their order, and of the variants that could be made; so it can be made again from the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple

from schemas.sample import Sample, Split
from schemas.sample_loss import SampleLoss
from streams.augmenter.families import CONTROL, Families, Family, Moment, Schedule, is_control
from streams.augmenter.maker import Maker
from streams.augmenter.threshold import LossThreshold, Measured
from streams.recent_ids import RecentIds

EVENTS_REMEMBERED = 4_000
"""Loss events by which duplicates are known. A duplicate of an older one is a loss more, and may bring variants a second time."""
WORDED_REMEMBERED = 20_000
"""Samples of which is known that their wordings were sent. Those of an older one are sent again, under the same ids."""


class Decision(NamedTuple):
    """What follows from a loss."""

    variants: Iterable[Sample] = ()
    """Some are made as they are taken: whoever only counts does not take them."""
    why_not: str | None = None
    """Why there are none, where the loss is high; or why the loss does not count."""


class PartitionLosses:
    """The losses of one partition so far."""

    def __init__(self, maker: Maker, schedule: Schedule) -> None:
        self._maker = maker
        self._config = maker.config
        self._schedule = schedule
        self._threshold = LossThreshold(self._config.quantile, self._config.warm_up)
        self._events: RecentIds[int] = RecentIds(EVENTS_REMEMBERED)
        self._worded: RecentIds[int] = RecentIds(WORDED_REMEMBERED)
        self.families = Families()

    def decide(self, loss: SampleLoss, time_ms: int) -> Decision:
        """Count a loss, sent at a time in milliseconds since the epoch, and say what follows.

        Raises:
            BrokerError: which samples are held out cannot be read.
        """
        event = _number(loss.event_id)
        if not self._events.add(event):
            return Decision(why_not="seen before")
        sample = loss.sample
        now = self.families.count(loss.run_id, loss.pass_number, time_ms)
        kind = f"{sample.objective.value}/{sample.task.value}/{loss.run_id}"
        is_high = self._threshold.observe(kind, Measured(loss.step, sample.band, loss.loss, event / 2**48))
        self.families.trained(loss.run_id, loss.sample_id, loss.loss)
        first = self._wordings(loss)
        if not is_high:
            return Decision(first)
        hard = self._of_hard(loss, now)
        return Decision(chain(first, hard.variants), hard.why_not)

    def _wordings(self, loss: SampleLoss) -> Iterable[Sample]:
        """The other wordings of a sample that is trained for the first time, where samples are learnt in several."""
        sample = loss.sample
        is_new = self._config.wordings > 1 and not sample.generation and sample.split is Split.TRAIN
        if is_new and self._worded.add(_number(f"{loss.run_id}/{loss.sample_id}")):
            return self._maker.wordings(sample, loss.run_id)
        return ()

    def _of_hard(self, loss: SampleLoss, now: Moment) -> Decision:
        family = self.families.of(loss.run_id, loss.sample_id)
        if why_not := self._why_not(loss, family, now):
            return Decision(why_not=why_not)
        if is_control(loss.sample_id, self._config.control):
            self.families.gave(loss.run_id, loss.sample_id, family, loss.loss, now, {"": CONTROL}, 0)
            return Decision(why_not="control group")
        useless = {recipe for recipe, uplift in self.families.uplift(loss.run_id).items() if uplift.is_none}
        made = self._maker.next_round(loss.sample, loss.run_id, family, useless)
        if not made.variants:
            return Decision(why_not="no other words")
        self.families.gave(loss.run_id, loss.sample_id, family, loss.loss, now, made.texts, self._config.count)
        return Decision(made.variants)

    def _why_not(self, loss: SampleLoss, family: Family, now: Moment) -> str | None:
        if not self._schedule.is_due(family, now):
            return "not in this pass"
        if loss.sample.split is not Split.TRAIN:
            return "held out"
        if loss.sample.generation >= self._config.max_generation:
            return "generation cap"
        return "quarantined" if family.is_quarantined else None

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""
        return {
            "threshold": self._threshold.to_json(),
            "families": self.families.to_json(),
            "events": list(self._events),
            "worded": list(self._worded),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not such a state.
        """
        self._threshold.restore(state["threshold"])
        self.families.restore(state["families"])
        for known, name in ((self._events, "events"), (self._worded, "worded")):
            known.clear()
            for number in state[name]:
                known.add(int(number))


def _number(text: str) -> int:
    """48 bits of a hash: what JSON keeps exactly."""
    return int.from_bytes(sha256(text.encode()).digest()[:6])
