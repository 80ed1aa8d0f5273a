"""Curriculum-ordered batches from the band topics, each sample with its position on the stream.

Two halves. *Admission* takes what the consumer's thread delivered (`intake/admission.py`). *Choice* picks the next batch from the open
bands and journals it before it is trained, so that after a crash the same batches are trained in the same order. A choice waits until each
open band can give a whole batch or has nothing more on the log: on topics that nobody writes to, the batches are then a function of the
log alone.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from schemas.errors import BadRecord, BrokerError
from schemas.training_sample import BANDS, Objective
from streams.kafka.dead_letters import DeadLetterWriter
from trainer_node.commit.journal import Journal, JournalEntry
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.positions import Partition, partition_name, partition_of, positions_in, ranges_by_partition
from trainer_node.commit.state import DataLoss, EarlyStoppingState, FeedState, RepeatState, StreamPosition
from trainer_node.data.batch import StepBatch, WaitingSample
from trainer_node.intake.admission import Admission, Cursor
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.consumer_thread import ConsumerThread
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.flow_control import Delivery, paused_bands
from trainer_node.intake.held_out import HeldOut
from trainer_node.intake.lost_records import Gap
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.start_point import StartPoint

logger = logging.getLogger(__name__)

SETTLE_S = 5.0
"""Longest wait for what the log is known to have, before a batch is made of what is here."""
LOOK_S = 0.05
"""Seconds between two looks for what has come, while a batch is waited for."""


@dataclass(frozen=True)
class FeedSettings:
    """What the feed needs to know of the run."""

    run_id: str
    batch_size: int
    """Samples of an optimizer step, over all ranks."""
    linger_s: float
    """Seconds a partly filled batch waits for more."""
    repeat_horizon: int
    """Sample ids remembered in a pass."""


class Feed:
    """Hands out batches for one objective at a time; all methods run on the training thread."""

    def __init__(
        self,
        settings: FeedSettings,
        consumer: ConsumerThread,
        bands: dict[Objective, list[str]],
        dead_letters: DeadLetterWriter,
        journal: Journal,
        ledger: Ledger,
        pacing: Pacing,
        stopping: threading.Event | None = None,
    ) -> None:
        """`stopping`, once set by anyone, ends the wait for a batch."""
        self.settings = settings
        self.pacing = pacing
        self.cursor = Cursor(next(iter(bands)))
        self.stopping = stopping or threading.Event()
        self.wait_s = 0.0
        """Seconds spent in `next_batch`, in all."""
        self._consumer = consumer
        self._bands = bands
        self._journal = journal
        self._ledger = ledger
        self._backlog = Backlog((topic for topics in bands.values() for topic in topics), settings.batch_size)
        self._duplicates = Deduplicator(settings.repeat_horizon)
        objectives = {topic: objective for objective, topics in bands.items() for topic in topics}
        self.admission = Admission(settings.run_id, self.cursor, objectives, self._backlog, self._duplicates, dead_letters, ledger)
        self._data_losses: list[DataLoss] = []
        self._pass_start: dict[Partition, int] = {}
        self._bounds: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._replay: deque[JournalEntry] = deque()
        self._generations: dict[Partition, int] = {}
        self._clock: tuple[bool, float] | None = None
        self._prompts_wanted = False

    @property
    def objective(self) -> Objective:
        """What is being trained."""
        return self.cursor.objective

    @property
    def held_out(self) -> HeldOut:
        """Samples measured by and never trained on."""
        return self.admission.held_out

    # --- start and state -----------------------------------------------------------------------------------------------------

    def begin(self, state: FeedState | None, replay: list[JournalEntry], start: StartPoint | None = None) -> None:
        """Start reading: where `state` (of a checkpoint) says, else where `start` says; then follow the journal.

        Raises:
            DataLossError: the log no longer holds a position, and the policy is `fail`.
        """
        start = start or StartPoint()
        if state is not None:
            self._restore(state)
        elif start.ranges:
            trained = {*self._bands} - {Objective.PROMPT} or {Objective.PROMPT}
            self._bounds = start.bounds([topic for objective in trained for topic in self._bands[objective]])
        positions = self.admission.positions
        wanted: dict[Partition, int] = {(topic, 0): -1 for topic in self._backlog}
        wanted |= start.firsts() if state is None else positions.watermarks()
        self._pause()
        ids = state.position.topic_ids if state else {}
        taken = self._consumer.start(wanted, self._bounds, start.timestamp_ms if state is None else None, ids)
        for tp, offset in taken.items():
            if tp not in positions.partitions:
                positions.rewind({tp: offset})
            self._pass_start.setdefault(tp, offset)
        self._note(self._gaps())
        self._replay.extend(replay)
        self._duplicates.expect(replay)

    def snapshot(self, early_stopping: EarlyStoppingState | None = None) -> FeedState:
        """What a checkpoint needs. Call it between steps only."""
        return FeedState(
            objective=self.cursor.objective,
            pass_number=self.cursor.pass_number,
            step=self.cursor.step,
            samples_trained=self.cursor.samples_trained,
            position=StreamPosition(
                partitions=self.admission.positions.snapshot(),
                pass_start={partition_name(tp): offset for tp, offset in sorted(self._pass_start.items())},
                bounds={partition_name(tp): offset for tp, offset in sorted(self._bounds.items())},
                data_losses=tuple(self._data_losses),
                topic_ids=dict(sorted(self._consumer.topic_ids.items())),
            ),
            pacing=self.pacing.snapshot(),
            repeats=RepeatState(dead_lettered=ranges_by_partition(self.admission.dead_lettered)),
            early_stopping=early_stopping or EarlyStoppingState(),
            held_out=self.admission.held_out.snapshot(),
        )

    def _restore(self, state: FeedState) -> None:
        cursor, position = self.cursor, state.position
        cursor.objective, cursor.pass_number = state.objective, state.pass_number
        cursor.step, cursor.samples_trained = state.step, state.samples_trained
        self.admission.positions.restore(position.partitions)
        self._pass_start = {partition_of(name): offset for name, offset in position.pass_start.items()}
        self._bounds = {partition_of(name): offset for name, offset in position.bounds.items()}
        self._data_losses = list(position.data_losses)
        self.admission.dead_lettered = set(positions_in(state.repeats.dead_lettered))
        self.pacing.restore(state.pacing)
        self.admission.held_out.restore(state.held_out)
        topics = set(self._bands[cursor.objective])
        rows = self._ledger.trained_rows(cursor.pass_number, topics, self.settings.repeat_horizon)
        self.remember([row.sample_id for row in rows], [row.former_id for row in rows if row.former_id])

    def remember(self, sample_ids: Iterable[str], former_ids: Iterable[str] = ()) -> None:
        """These were trained in this pass already: a repeat of one is dropped, and a record under what was the id of one before 1.1."""
        for sample_id in sample_ids:
            self._duplicates.take(self.cursor.objective, sample_id)
        for former_id in former_ids:
            self._duplicates.take_former(self.cursor.objective, former_id)

    # --- choice --------------------------------------------------------------------------------------------------------------

    def next_batch(self, finished: Callable[[], bool], guard: Callable[[], None] = lambda: None) -> StepBatch | None:
        """The next batch of the current objective; blocks while there is none.

        Args:
            finished: asked while nothing waits; True ends the pass (everything upstream is consumed).
            guard: called before each look; raises when this process must not go on.

        Returns:
            The batch, journalled; None when the pass has ended or `stopping` is set.

        Raises:
            TooManyDeadLetters: most records are bad.
        """
        started = time.monotonic()
        try:
            while not self.stopping.is_set():
                guard()
                self._consumer.raise_failure()
                self.intake()
                self.admission.check_breaker()
                if self._replay:
                    if batch := self._replayed():
                        return batch
                elif (batch := self._chosen()) or (self._dry() and finished()):
                    return batch
                self.intake(wait_s=LOOK_S)
            return None
        finally:
            self.wait_s += time.monotonic() - started

    def _replayed(self) -> StepBatch | None:
        """The next journalled batch, once all its records have been delivered; without those that will not come."""
        entry = self._replay[0]
        if (entry.objective, entry.pass_number) != (self.cursor.objective.value, self.cursor.pass_number):
            self._drop_entry(f"it is of pass {entry.pass_number} over {entry.objective}")
            return None
        if len(entry.samples) > self.settings.batch_size:
            self._drop_entry(f"its {len(entry.samples)} samples are more than a step has now; they are chosen anew")
            return None
        self.pacing.open_to(entry.highest_band)
        self._pause()
        waiting = self._backlog.find((topic, number, offset) for topic, number, offset, _ in entry.samples)
        items = []
        for topic, number, offset, sample_id in entry.samples:
            if item := waiting.get((topic, number, offset)):
                items.append(item)
            elif self.admission.positions[(topic, number)].next_offset <= offset:
                return None  # not delivered yet
            else:
                logger.warning("%s:%d:%d (%s) was journalled and is gone since", topic, number, offset, sample_id)
                self._duplicates.give_up(entry.objective, sample_id)
        if not items:
            self._drop_entry("none of its records can be used any more")
            return None
        self._replay.popleft()
        return self._take(items, journalled=True)

    def _drop_entry(self, why: str) -> None:
        entry = self._replay.popleft()
        logger.warning("the journalled batch of step %d is not trained: %s", entry.step, why)
        for *_, sample_id in entry.samples:
            self._duplicates.give_up(entry.objective, sample_id)

    def _chosen(self) -> StepBatch | None:
        """A full batch from the open bands; a partial one when it has lingered and no further band can help."""
        topics, size = self._bands[self.cursor.objective], self.settings.batch_size
        waiting = [len(self._backlog[topic]) for topic in topics]
        shares = self.pacing.shares(waiting, size)
        waited = self._waited(any(shares))
        settled = all(waiting[band] >= size or self._is_dry(topics[band]) for band in range(self.pacing.highest + 1))
        if not settled and waited < SETTLE_S:
            return None
        if sum(shares) < size and (waited < self.settings.linger_s or self._advance() or not any(shares)):
            return None
        self._clock = None
        chosen = [self._backlog[topic][i] for topic, share in zip(topics, shares, strict=True) for i in range(share)]
        return self._take(sorted(chosen, key=lambda item: len(item.example)))  # like lengths together: micro-batches with little padding

    def _waited(self, some: bool) -> float:
        """Seconds since the last batch, since the first sample came to wait for the next, or since a band opened."""
        if self._clock is None or self._clock[0] != some:
            self._clock = (some, time.monotonic())
        return time.monotonic() - self._clock[1]

    def _is_dry(self, topic: str) -> bool:
        """Whether all that the log has of a band was delivered, as far as is known."""
        tp = (topic, 0)
        return tp in self._ends and self.admission.positions[tp].next_offset >= self._ends[tp]

    def _advance(self) -> bool:
        """Open a further band because the open ones are dry; what it has then gets a linger time of its own."""
        if not self.pacing.advance():
            return False
        self._clock = None
        self._pause()
        return True

    def _take(self, items: list[WaitingSample], journalled: bool = False) -> StepBatch:
        for item in items:
            self._backlog.remove(item)
            self._duplicates.take(item.sample.objective, item.sample.sample_id, item.sample.former_id)
        cursor = self.cursor
        batch = StepBatch(cursor.step + 1, cursor.pass_number, cursor.objective, items)
        samples = [(*item.position, item.sample.sample_id) for item in items]
        if not journalled:
            self._journal.append(JournalEntry(batch.step, batch.pass_number, batch.objective.value, self.pacing.highest, samples))
        cursor.step = batch.step
        self.pacing.step_chosen()
        self._pause()
        return batch

    # --- after a step, and between passes ------------------------------------------------------------------------------------

    def trained(self, batch: StepBatch, bad: dict[str, BadRecord] | None = None, unrewarded: frozenset[str] = frozenset()) -> None:
        """The optimizer step that used the batch is done.

        Args:
            batch: what the step was given.
            bad: samples, by id, that were left out of it and become dead letters.
            unrewarded: ids of prompts from which nothing was learnt; a repeat of one may be trained.
        """
        for item in batch.items:
            sample = item.sample
            reason = (bad or {}).get(sample.sample_id)
            if reason is not None:
                self._duplicates.untake(sample.objective, sample.sample_id, sample.former_id)
                self.admission.dead_letter(item.record, reason, sample.sample_id)
            elif sample.sample_id in unrewarded:
                self._duplicates.untake(sample.objective, sample.sample_id, sample.former_id)
                self.admission.done(item.record, sample.sample_id, Outcome.UNREWARDED, batch.step)
            else:
                self.admission.done(item.record, sample.sample_id, Outcome.TRAINED, batch.step, sample.former_id)
                self.cursor.samples_trained += 1

    def rewind(self) -> None:
        """Begin the next pass over the current objective's bands."""
        self.cursor.pass_number += 1
        topics = self._bands[self.cursor.objective]
        starts = {tp: offset for tp, offset in self._pass_start.items() if tp[0] in topics}
        for item in [item for topic in topics for item in self._backlog.clear(topic)]:
            self._duplicates.unwait(item.sample.objective, item.sample.sample_id, item.sample.former_id)
        self._duplicates.new_pass()
        self.admission.positions.rewind(starts)
        self.pacing.restart()
        self._generations |= dict.fromkeys(starts, self._consumer.rewind(starts))
        self._pause()

    def switch(self, objective: Objective) -> None:
        """Train another objective from here on, from its first pass."""
        self.cursor.objective, self.cursor.pass_number = objective, 1
        self._duplicates.new_pass()
        self.pacing.restart()
        self._pause()

    # --- what has come -------------------------------------------------------------------------------------------------------

    def intake(self, wait_s: float = 0.0) -> None:
        """Take over all that was delivered, waiting a moment for the first when told to. Also in mid-step."""
        gaps = self._gaps()  # first: what was delivered before a gap was found is taken in before it is passed
        try:
            delivery = self._consumer.next_delivery(wait_s)
            while True:
                self._deliver(delivery)
                delivery = self._consumer.next_delivery()
        except queue.Empty:
            self._note(gaps)
            self._pause()

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.generation < self._generations.get(delivery.partition, 0):
            return  # fetched before the rewind
        progress = self.admission.positions[delivery.partition]
        for record, content in zip(delivery.records, delivery.content, strict=True):
            if progress.delivered(record.offset):
                self.admission.admit(record, content)
        progress.fetched_to(delivery.position)
        self._ends[delivery.partition] = delivery.end

    def _gaps(self) -> list[Gap]:
        return [self._consumer.gaps.get() for _ in range(self._consumer.gaps.qsize())]

    def _note(self, gaps: list[Gap]) -> None:
        """Go past what retention removed, and keep a record of it in every checkpoint from now on."""
        for gap in gaps:
            progress = self.admission.positions[gap.partition]
            topic, number = gap.partition
            for first, last in progress.lost(gap.position, gap.begin - 1):
                loss = DataLoss(topic=topic, partition=number, first=first, last=last, pass_number=self.cursor.pass_number)
                self._data_losses.append(loss)
            progress.fetched_to(gap.begin)

    def want_prompts(self, wanted: bool) -> None:
        """Whether held-out prompts are waited for, of whatever band."""
        self._prompts_wanted = wanted
        self._pause()

    def drained(self) -> bool:
        """Whether all of the current objective's bands and of the prompts is delivered and done; asks the broker for the ends."""
        topics = {*self._bands[self.cursor.objective], *self._bands.get(Objective.PROMPT, [])}
        try:
            ends = self._consumer.end_offsets()
        except BrokerError as error:
            logger.warning("whether all is consumed is not known: %s", error)
            return False
        self.intake()
        return all(self.admission.positions[tp].watermark >= end for tp, end in ends.items() if tp[0] in topics)

    def _dry(self) -> bool:
        return self.pacing.highest == BANDS - 1 and not any(self._backlog[topic] for topic in self._bands[self.cursor.objective])

    def _pause(self) -> None:
        """Fetch what may be chosen, and nothing else."""
        bands, cursor = self._bands, self.cursor
        self._consumer.set_paused(paused_bands(bands, cursor.objective, self.pacing.highest, self._prompts_wanted, self._backlog.is_full))
