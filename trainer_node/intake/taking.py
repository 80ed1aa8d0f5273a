"""Chosen samples leave the backlog and are written down before they are trained: those of a step, and more of them in its midst.

A step whose prompts teach nothing may ask for others in their place (`refill`). What it is given is journalled as its own: done again
after a crash, it is given the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from schemas.training_sample import Objective
from trainer_node.commit.journal import Journal, JournalEntry
from trainer_node.curricula import check_signal
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.choice import SETTLE_S, Choice
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.feed_settings import FeedSettings
from trainer_node.intake.replay import Replay
from trainer_node.intake.standing import Cursor

LOOK_S = 0.05
"""Seconds between two looks for what has come."""


class Taking:
    """Takes samples out of the backlog for a step."""

    def __init__(
        self,
        settings: FeedSettings,
        cursor: Cursor,
        bands: Mapping[Objective, Sequence[str]],
        backlog: Backlog,
        duplicates: Deduplicator,
        journal: Journal,
    ) -> None:
        self._settings, self._cursor, self._bands = settings, cursor, bands
        self._backlog, self._duplicates, self._journal = backlog, duplicates, journal

    def take(self, batch: StepBatch, items: Sequence[WaitingSample], journalled: bool, further: bool = False) -> None:
        """These are trained in the batch's step.

        Args:
            batch: the step's.
            items: all of it, or with `further` what is added to it.
            journalled: whether the journal has them already.
            further: whether the step is under way.

        Raises:
            ConfigError: a band is cut by another signal than the order asks for.
        """
        for item in items:
            check_signal(self._settings.curriculum, item.sample)
            self._backlog.remove(item)
            self._duplicates.take(item.sample.objective, item.sample.sample_id, item.sample.former_id)
        pacing = self._cursor.standings[batch.objective].pacing
        if not journalled:
            samples = [(*item.position, item.sample.sample_id) for item in items]
            formers = {item.sample.former_id: item.sample.sample_id for item in items if item.sample.former_id}
            arms, objective = pacing.told_arms(), batch.objective.value
            self._journal.append(
                JournalEntry(batch.step, batch.pass_number, objective, pacing.highest, samples, formers, arms, further=further)
            )
        offsets = [[item.record.offset for item in items if item.record.topic == topic] for topic in self._bands[batch.objective]]
        pacing.chosen(offsets, sum(len(item.example) for item in items), steps=0 if further else 1)


class Further:
    """Gives a step under way more samples."""

    def __init__(self, choice: Choice, replay: Replay, taking: Taking, intake: Callable[[float], None], stopping: threading.Event) -> None:
        """`intake` takes over what was delivered, after a wait of so many seconds for the first of it."""
        self._choice, self._replay, self._taking, self._intake, self._stopping = choice, replay, taking, intake, stopping

    def __call__(self, batch: StepBatch, wanted: int) -> list[WaitingSample]:
        """Append to the batch as many as are wanted at most, of what is on the log now; nothing waits for more to be sent.

        A step that is done again after a crash is given what the journal says, whatever is wanted.
        """
        is_journalled = bool(self._replay)
        items = self._journalled() if is_journalled else self._chosen(batch.objective, wanted)
        if items:
            self._taking.take(batch, items, is_journalled, further=True)
            batch.items.extend(items)
        return items

    def _journalled(self) -> list[WaitingSample]:
        entry = self._replay.next
        while entry.further and self._replay and self._replay.next is entry and not self._stopping.is_set():
            if picked := self._replay.pick():
                self._replay.done()
                return picked.items
            self._intake(LOOK_S)
        return []

    def _chosen(self, objective: Objective, wanted: int) -> list[WaitingSample]:
        """Those that the log has once its fetching is settled; none where that takes too long."""
        deadline = time.monotonic() + SETTLE_S
        self._intake(0.0)
        while (items := self._choice.further(objective, wanted)) is None:
            if time.monotonic() > deadline or self._stopping.is_set():
                return []
            self._intake(LOOK_S)
        return items
