"""Which samples are trained next: of which objective, and from which of its bands.

A choice waits until each open band can give a whole batch or has nothing more on the log: on topics that nobody writes to, the batches are
then a function of the log alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.training_sample import BANDS, Objective
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.feed_settings import FeedSettings
from trainer_node.intake.log_ends import LogEnds
from trainer_node.intake.pacing import UNKNOWN
from trainer_node.intake.standing import Cursor
from trainer_node.intake.turns import next_turn

CANDIDATES = 4
"""Batches of samples of which the self-paced order takes those of the smallest loss."""
AGED = 8
"""One in so many samples of a self-paced batch is the oldest of them, whatever its loss."""
SETTLE_S = 5.0
"""Longest wait for what the log is known to have, before a batch is made of what is here."""


@dataclass(frozen=True)
class Picked:
    """A batch that could be trained next."""

    objective: Objective
    items: list[WaitingSample]
    """In training order."""


class Choice:
    """Picks batches from what waits; takes nothing itself."""

    def __init__(
        self,
        settings: FeedSettings,
        cursor: Cursor,
        bands: Mapping[Objective, list[str]],
        backlog: Backlog,
        ends: LogEnds,
        opened: Callable[[], None],
    ) -> None:
        """Connect a choice to what it chooses from.

        Args:
            settings: size of a batch, how long a partly filled one waits, and the objectives' shares.
            cursor: where the run stands.
            bands: band topics by objective, easiest first.
            backlog: what waits, by topic.
            ends: how far the log goes.
            opened: called when a band has been opened.
        """
        self._batch_size = settings.batch_size
        self._linger_s = settings.linger_s
        self._shares = settings.shares
        self._cursor = cursor
        self._bands = bands
        self._backlog = backlog
        self._ends = ends
        self._opened = opened
        self._clocks: dict[Objective, tuple[bool, float]] = {}
        self.score: Callable[[Sequence[WaitingSample]], Sequence[float]] = lambda items: [0.0] * len(items)
        """The model's own loss on each of these, for the self-paced order; set by whoever has the model."""

    def pick(self, active: Sequence[Objective]) -> Picked | None:
        """The next batch of one of these objectives; None while there is none, or none that is settled."""
        offers: dict[Objective, list[WaitingSample]] = {}
        for objective in active:
            offer = self._offer(objective)
            if offer is None:
                return None
            if offer:
                offers[objective] = offer
        if not offers:
            return None
        ready = list(offers)
        chosen = ready[0] if len(ready) == 1 else next_turn(ready, self._weights(ready), self._cursor.standings)
        self._clocks.pop(chosen, None)
        items = sorted(offers[chosen], key=lambda item: len(item.example))  # like lengths together: micro-batches with little padding
        return Picked(chosen, items)

    def further(self, objective: Objective, wanted: int) -> list[WaitingSample] | None:
        """More samples for the step under way, from the bands that are open, at most so many; None while they are still being fetched."""
        topics, pacing = self._bands[objective], self._cursor.standings[objective].pacing
        waiting = [len(self._backlog[topic]) for topic in topics]
        if any(waiting[band] < wanted and self._ends.ahead(topics[band]) != 0 for band in range(pacing.highest + 1)):
            return None
        shares = pacing.shares(self._left(objective), waiting, min(wanted, sum(waiting[: pacing.highest + 1])))
        return self._offered(topics, shares)

    def _offered(self, topics: Sequence[str], shares: Sequence[int]) -> list[WaitingSample]:
        """The first that wait of each band."""
        return [self._backlog[topic][i] for topic, share in zip(topics, shares, strict=True) for i in range(share)]

    def _left(self, objective: Objective) -> list[int]:
        """Samples of each band that are not chosen yet, as far as the log tells."""
        topics, pacing = self._bands[objective], self._cursor.standings[objective].pacing
        if pacing.plan.self_paced:  # what was passed over lies behind what was reached
            return [self._ends.left(topic, UNKNOWN) - taken for topic, taken in zip(topics, pacing.taken, strict=True)]
        return [self._ends.left(topic, reached) for topic, reached in zip(topics, pacing.reached, strict=True)]

    def _weights(self, ready: list[Objective]) -> dict[Objective, float]:
        if self._shares:
            return {objective: self._shares.get(objective, 0.0) for objective in ready}
        return {objective: float(self.waiting(objective)) for objective in ready}

    def waiting(self, objective: Objective) -> int:
        """Samples that wait of an objective: those here, and as far as is known those on the log."""
        return sum(len(self._backlog[topic]) + (self._ends.ahead(topic) or 0) for topic in self._bands[objective])

    def open_bands(self, objective: Objective) -> frozenset[str]:
        """Its band topics that pacing has opened."""
        return frozenset(self._bands[objective][: self._cursor.standings[objective].pacing.highest + 1])

    def find_reached(self, objective: Objective) -> None:
        """After a checkpoint that does not say how far the pass has come in each band: behind what is done."""
        pacing = self._cursor.standings[objective].pacing
        if not pacing.steps:
            pacing.reached = [self._ends.watermark(topic) for topic in self._bands[objective]]

    def saw(self, batch: StepBatch, learnt: Mapping[str, float]) -> None:
        """What a step came to, by sample id: for the bands as arms."""
        by_band = [
            [learnt[item.sample.sample_id] for item in batch.items if item.record.topic == topic and item.sample.sample_id in learnt]
            for topic in self._bands[batch.objective]
        ]
        means = [sum(values) / len(values) if values else None for values in by_band]
        self._cursor.standings[batch.objective].pacing.arms.saw(means, are_progress=batch.objective is Objective.PROMPT)

    def is_open(self, objective: Objective) -> bool:
        """Whether something has come of each of its bands that the log has anything of."""
        is_there = all(self._backlog[topic] or self._ends.ahead(topic) == 0 for topic in self._bands[objective])
        return is_there and self._cursor.standings[objective].pacing.highest == BANDS - 1

    def is_dry(self, objective: Objective) -> bool:
        """Whether all its bands are open and nothing of it is here."""
        highest = self._cursor.standings[objective].pacing.highest
        return highest == BANDS - 1 and not any(self._backlog[topic] for topic in self._bands[objective])

    def _offer(self, objective: Objective) -> list[WaitingSample] | None:
        """A full batch from its open bands, or a partial one that has lingered and that no further band can help; empty where there is
        neither, None while it is still being fetched."""
        topics, size, pacing = self._bands[objective], self._batch_size, self._cursor.standings[objective].pacing
        waiting = [len(self._backlog[topic]) for topic in topics]
        size *= CANDIDATES if pacing.plan.self_paced else 1
        left = self._left(objective)
        if pacing.open_for(left, size):
            self._opened()
        shares = pacing.shares(left, waiting, size)
        waited = self._waited(objective, any(shares))
        settled = all(waiting[band] >= size or self._ends.ahead(topics[band]) == 0 for band in range(pacing.highest + 1))
        if not settled and waited < SETTLE_S:
            return None
        if sum(shares) < self._batch_size and (waited < self._linger_s or self._advance(objective) or not any(shares)):
            return []
        offered = self._offered(topics, shares)
        return self._easiest(offered, pacing.steps) if pacing.plan.self_paced else offered

    def _easiest(self, offered: list[WaitingSample], steps: int) -> list[WaitingSample]:
        """Of what may be next a batch: the samples of the smallest loss, and of the oldest so many that none waits for ever."""
        oldest_first = sorted(offered, key=lambda item: (item.record.timestamp, item.record.offset, item.record.topic))
        aged = (self._batch_size + steps % AGED) // AGED
        rest = oldest_first[aged:]
        losses = self.score(rest) if len(offered) > self._batch_size else [0.0] * len(rest)
        by_loss = sorted(range(len(rest)), key=lambda index: (losses[index], index))
        return oldest_first[:aged] + [rest[index] for index in by_loss[: self._batch_size - aged]]

    def _waited(self, objective: Objective, some: bool) -> float:
        """Seconds since its last batch, since the first sample came to wait for the next, or since a band opened."""
        began = self._clocks.get(objective)
        if began is None or began[0] != some:
            began = self._clocks[objective] = (some, time.monotonic())
        return time.monotonic() - began[1]

    def _advance(self, objective: Objective) -> bool:
        """Open a further band because the open ones are dry; what it has then gets a linger time of its own."""
        if not self._cursor.standings[objective].pacing.advance():
            return False
        self._clocks.pop(objective, None)
        self._opened()
        return True
