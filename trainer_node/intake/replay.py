"""Journalled batches that are to be trained again after a crash, in the same order, before anything is chosen anew."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

from schemas.training_sample import Objective
from trainer_node.commit.journal import Journal, JournalEntry
from trainer_node.commit.positions import Positions
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.choice import Picked
from trainer_node.intake.deduplication import Deduplicator

logger = logging.getLogger(__name__)


class Replay:
    """What the journal still holds. An entry that cannot be trained any more is told and dropped: its samples may come again."""

    def __init__(self, batch_size: int, journal: Journal, backlog: Backlog, duplicates: Deduplicator, positions: Positions) -> None:
        self._batch_size = batch_size
        self._journal = journal
        self._backlog = backlog
        self._duplicates = duplicates
        self._positions = positions
        self._entries: deque[JournalEntry] = deque()

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, entries: Iterable[JournalEntry]) -> None:
        """Train these first."""
        entries = list(entries)
        self._entries.extend(entries)
        self._duplicates.expect(entries)

    @property
    def next(self) -> JournalEntry:
        """The batch whose turn it is."""
        return self._entries[0]

    def pick(self) -> Picked | None:
        """Its samples, once all of them have been delivered, and without those that will not come; None while it has to wait, or where
        nothing of it is left."""
        entry = self.next
        if len(entry.samples) > self._batch_size:
            self.drop(f"its {len(entry.samples)} samples are more than a step has now; they are chosen anew")
            return None
        waiting = self._backlog.find((topic, number, offset) for topic, number, offset, _ in entry.samples)
        items = []
        for topic, number, offset, sample_id in entry.samples:
            if item := waiting.get((topic, number, offset)):
                items.append(item)
            elif self._positions[(topic, number)].next_offset <= offset:
                return None  # not delivered yet
            else:
                logger.warning("%s:%d:%d (%s) was journalled and is gone since", topic, number, offset, sample_id)
                self._duplicates.give_up(entry.objective, sample_id)
        if not items:
            self.drop("none of its records can be used any more")
            return None
        return Picked(Objective(entry.objective), items)

    def done(self) -> None:
        """It is about to be trained."""
        self._entries.popleft()
        self._journal.replayed()

    def drop(self, why: str) -> None:
        """It is not trained."""
        entry = self._entries.popleft()
        self._journal.replayed()
        logger.warning("the journalled batch of step %d is not trained: %s", entry.step, why)
        for *_, sample_id in entry.samples:
            self._duplicates.give_up(entry.objective, sample_id)
