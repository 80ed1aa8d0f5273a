"""Curriculum-ordered batches from the band topics, each sample with its position on the stream.

*Admission* takes what the consumer's thread delivered (`intake/admission.py`), *choice* picks the next batch from what waits
(`intake/choice.py`). Here it is journalled before it is trained, so that after a crash the same batches are trained in the same order.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from schemas.errors import BadRecord, BrokerError
from schemas.training_sample import Objective
from streams.kafka.dead_letters import DeadLetterWriter
from trainer_node.commit.journal import Journal, JournalEntry
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.positions import Partition, partition_name, partition_of, positions_in, ranges_by_partition
from trainer_node.commit.state import DataLoss, FeedState, ObjectiveState, RepeatState, StreamPosition
from trainer_node.data.batch import StepBatch
from trainer_node.intake.admission import Admission
from trainer_node.intake.backlog import Backlog
from trainer_node.intake.choice import Choice, Picked
from trainer_node.intake.consumer_thread import ConsumerThread
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.feed_settings import FeedSettings
from trainer_node.intake.flow_control import Delivery, paused_bands
from trainer_node.intake.held_out import HeldOut
from trainer_node.intake.log_ends import LogEnds
from trainer_node.intake.lost_records import Gap
from trainer_node.intake.replay import Replay
from trainer_node.intake.standing import Cursor
from trainer_node.intake.start_point import StartPoint
from trainer_node.intake.taking import Further, Taking

logger = logging.getLogger(__name__)

LOOK_S = 0.05
"""Seconds between two looks for what has come, while a batch is waited for."""


class Feed:
    """Hands out batches, each for one objective; all methods run on the training thread."""

    def __init__(
        self,
        settings: FeedSettings,
        consumer: ConsumerThread,
        bands: dict[Objective, list[str]],
        dead_letters: DeadLetterWriter,
        journal: Journal,
        ledger: Ledger,
        stopping: threading.Event | None = None,
    ) -> None:
        """`bands` has those of the objectives trained, and maybe of prompts; `stopping`, once set by anyone, ends the wait for a batch."""
        self.settings = settings
        self.cursor = Cursor(settings.objectives, settings.pacing)
        self.stopping = stopping or threading.Event()
        self.wait_s = 0.0
        """Seconds spent in `next_batch`, in all."""
        self._consumer = consumer
        self._bands = bands
        self._journal = journal
        self._ledger = ledger
        self._backlog = Backlog((topic for topics in bands.values() for topic in topics), settings.batch_size)
        self._duplicates = Deduplicator(settings.repeat_horizon)
        self._objectives = {topic: objective for objective, topics in bands.items() for topic in topics}
        kept = 0 if settings.interleaved else settings.repeat_horizon  # without an end there is no further pass
        self.admission = Admission(
            settings.run_id, self.cursor, self._objectives, self._backlog, self._duplicates, dead_letters, ledger, kept
        )
        self._data_losses: list[DataLoss] = []
        self._bounds: dict[Partition, int] = {}
        self._ends = LogEnds(consumer, self.admission.positions)
        self._replay = Replay(settings.batch_size, journal, self._backlog, self._duplicates, self.admission.positions)
        self._generations: dict[Partition, int] = {}
        self._others: dict[Objective, ObjectiveState] = {}
        self._aside: set[Objective] = set()
        self._prompts_wanted = False
        self.choice = Choice(settings, self.cursor, bands, self._backlog, self._ends, self._pause)
        self._taking = Taking(settings, self.cursor, bands, self._backlog, self._duplicates, journal)
        self.further = Further(self.choice, self._replay, self._taking, self._look, self.stopping)
        """Gives a step under way more samples."""

    @property
    def objective(self) -> Objective:
        """What was trained last, or is waited for."""
        return self.cursor.objective

    @property
    def active(self) -> list[Objective]:
        """Of which objectives the next batch may be."""
        offered = self.settings.objectives if self.settings.interleaved else (self.cursor.objective,)
        return [objective for objective in offered if objective not in self._aside]

    @property
    def aside(self) -> frozenset[Objective]:
        """What is not trained for now."""
        return frozenset(self._aside)

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
            self._bounds = start.bounds([topic for objective in self.settings.objectives for topic in self._bands[objective]])
        positions = self.admission.positions
        wanted: dict[Partition, int] = {(topic, 0): -1 for topic in self._backlog}
        known = start.firsts() if state is None else positions.watermarks()
        wanted |= {tp: offset for tp, offset in known.items() if tp in wanted}
        self._pause()
        ids = state.position.topic_ids if state else {}
        taken = self._consumer.start(wanted, self._bounds, start.timestamp_ms if state is None else None, ids)
        for tp, offset in taken.items():
            if tp not in positions.partitions:
                positions.rewind({tp: offset})
            self._ends.pass_start.setdefault(tp, offset)
        self._note(self._gaps())
        self._replay.add(replay)

    def snapshot(self) -> FeedState:
        """What a checkpoint needs. Call it between steps only."""
        return FeedState(
            objective=self.cursor.objective,
            step=self.cursor.step,
            samples_trained=self.cursor.samples_trained,
            objectives=self._others | {objective: standing.snapshot() for objective, standing in self.cursor.standings.items()},
            position=StreamPosition(
                partitions=self.admission.positions.snapshot(),
                pass_start={partition_name(tp): offset for tp, offset in sorted(self._ends.pass_start.items())},
                bounds={partition_name(tp): offset for tp, offset in sorted(self._bounds.items())},
                data_losses=tuple(self._data_losses),
                topic_ids=dict(sorted(self._consumer.topic_ids.items())),
            ),
            repeats=RepeatState(dead_lettered=ranges_by_partition(self.admission.dead_lettered)),
            held_out=self.admission.held_out.snapshot(),
        )

    def _restore(self, state: FeedState) -> None:
        cursor, position = self.cursor, state.position
        cursor.step, cursor.samples_trained = state.step, state.samples_trained
        if cursor.trains(state.objective):
            cursor.objective = state.objective
        self._others = {objective: kept for objective, kept in state.objectives.items() if not cursor.trains(objective)}
        self.admission.positions.restore(position.partitions)
        self._ends.pass_start = {partition_of(name): offset for name, offset in position.pass_start.items()}
        self._bounds = {partition_of(name): offset for name, offset in position.bounds.items()}
        self._data_losses = list(position.data_losses)
        for dead in positions_in(state.repeats.dead_lettered):
            self.admission.dead_lettered.add(dead)
        self.admission.held_out.restore(state.held_out)
        for objective, standing in cursor.standings.items():
            standing.restore(state.of(objective))
            self.choice.find_reached(objective)
            self._remember_trained(objective)

    def _remember_trained(self, objective: Objective) -> None:
        standing, horizon, topics = self.cursor.standings[objective], self.settings.repeat_horizon, set(self._bands[objective])
        if not standing.steps and standing.pass_number == 1:
            return
        rows = self._ledger.trained_rows(range(standing.pass_number, standing.pass_number + 1), topics, horizon)
        self.remember([row.sample_id for row in rows], [row.former_id for row in rows if row.former_id], objective)
        if standing.first_pass > 1:
            for row in self._ledger.trained_rows(range(1, standing.first_pass), topics, horizon):
                self._duplicates.take_earlier(objective, row.sample_id, row.former_id)

    def remember(self, sample_ids: Iterable[str], former_ids: Iterable[str] = (), objective: Objective | None = None) -> None:
        """These were trained in this pass already: a repeat of one is dropped, and a record under what was the id of one before 1.1."""
        objective = objective or self.cursor.objective
        for sample_id in sample_ids:
            self._duplicates.take(objective, sample_id)
        for former_id in former_ids:
            self._duplicates.take_former(objective, former_id)

    # --- choice --------------------------------------------------------------------------------------------------------------

    def next_batch(
        self,
        finished: Callable[[], bool],
        guard: Callable[[], None] = lambda: None,
        before: Callable[[Objective], None] = lambda objective: None,
    ) -> StepBatch | None:
        """The next batch of an objective that is active; blocks while there is none.

        Args:
            finished: asked while nothing waits; True ends the pass (everything upstream is consumed).
            guard: called before each look; raises when this process must not go on.
            before: told whose batch it will be, before that is chosen and journalled: what it does may still be committed.

        Returns:
            The batch, journalled; None when the pass has ended or `stopping` is set.

        Raises:
            TooManyDeadLetters: most records are bad.
            ConfigError: the bands are cut by another signal than the order asks for.
        """
        started = time.monotonic()
        try:
            while self.active and not self.stopping.is_set():
                guard()
                self._consumer.raise_failure()
                self.intake()
                self.admission.check_breaker()
                self._begin_rounds()
                if self._replay:
                    if batch := self._replayed(before):
                        return batch
                elif picked := self.choice.pick(self.active):
                    before(picked.objective)
                    return self._take(picked)
                elif all(self.choice.is_dry(objective) for objective in self.active) and finished():
                    return None
                self.intake(wait_s=LOOK_S)
            return None
        finally:
            self.wait_s += time.monotonic() - started

    def _begin_rounds(self) -> None:
        """What has come since an objective did all its passes is a round of its own, which begins where the last one ended."""
        for objective in self.active:
            finished = self.cursor.standings[objective].finished
            if finished and any(self._backlog[topic] for topic in self._bands[objective]):
                self._begin_round(objective)

    def _begin_round(self, objective: Objective) -> None:
        self._duplicates.new_round(objective)
        topics = self._bands[objective]
        self._ends.pass_start |= {tp: offset for tp, offset in self.admission.positions.watermarks().items() if tp[0] in topics}
        self.cursor.standings[objective].begin_round()
        self._pause()

    def _replayed(self, before: Callable[[Objective], None]) -> StepBatch | None:
        """The next journalled batch; None while it waits for its records, or where it cannot be trained."""
        entry = self._replay.next
        if entry.further:
            self._replay.drop("its step did not ask for it this time; they are chosen anew")
            return None
        objective = Objective(entry.objective)
        standing = self.cursor.standings.get(objective)
        if standing is not None and standing.finished and entry.pass_number == standing.pass_number + 1:
            self._begin_round(objective)
        if standing is None or objective not in self.active or entry.pass_number != standing.pass_number:
            self._replay.drop(f"it is of pass {entry.pass_number} over {entry.objective}")
            return None
        standing.pacing.follow(entry.highest_band, entry.arms)
        self._pause()
        if (picked := self._replay.pick()) is None:
            return None
        before(objective)
        self._replay.done()
        return self._take(picked, journalled=True)

    def _take(self, picked: Picked, journalled: bool = False) -> StepBatch:
        cursor, standing = self.cursor, self.cursor.standings[picked.objective]
        batch = StepBatch(cursor.step + 1, standing.pass_number, picked.objective, picked.items)
        self._taking.take(batch, picked.items, journalled)
        cursor.step, cursor.objective = batch.step, picked.objective
        standing.steps, standing.begun = standing.steps + 1, True
        self._pause()
        return batch

    # --- after a step, and between passes ------------------------------------------------------------------------------------

    def trained(self, batch: StepBatch, bad: dict[str, BadRecord] | None = None, unlearnt: Mapping[str, Outcome] | None = None) -> None:
        """The optimizer step that used the batch is done.

        Args:
            batch: what the step was given.
            bad: samples, by id, that were left out of it and become dead letters.
            unlearnt: prompts from which nothing was learnt, by id, and why; a repeat of one may be trained.
        """
        for item in batch.items:
            sample = item.sample
            reason = (bad or {}).get(sample.sample_id)
            if reason is not None:
                self._duplicates.untake(sample.objective, sample.sample_id, sample.former_id)
                self.admission.dead_letter(item.record, reason, sample.sample_id)
            elif outcome := (unlearnt or {}).get(sample.sample_id):
                self._duplicates.untake(sample.objective, sample.sample_id, sample.former_id)
                self.admission.done(item.record, sample.sample_id, outcome, batch.step)
            else:
                self.admission.done(item.record, sample.sample_id, Outcome.TRAINED, batch.step, sample.former_id)
                self.admission.variants_trained += sample.is_variant
                self.cursor.samples_trained += 1

    def rewind(self) -> None:
        """Begin the next pass over the bands of what was trained last."""
        objective = self.cursor.objective
        topics = self._bands[objective]
        starts = {tp: offset for tp, offset in self._ends.pass_start.items() if tp[0] in topics}
        for item in [item for topic in topics for item in self._backlog.clear(topic)]:
            self._duplicates.unwait(item.sample.objective, item.sample.sample_id, item.sample.former_id)
        self._duplicates.new_pass(objective)
        self.admission.positions.rewind(starts)
        self.cursor.current.begin_pass()
        self._generations |= dict.fromkeys(starts, self._consumer.rewind(starts))
        self._pause()

    def switch(self, objective: Objective) -> None:
        """Train another objective from here on, from where it stands."""
        self.cursor.objective = objective
        self._pause()

    def put_aside(self, objective: Objective) -> None:
        """Train nothing of it until it is `taken_up`: its backlog stays in Kafka."""
        self._aside.add(objective)
        self._pause()

    def take_up(self, objective: Objective) -> None:
        """It may be trained again."""
        self._aside.discard(objective)
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

    def _look(self, wait_s: float) -> None:
        """Take over what was delivered, in mid-step; raises what reading has raised."""
        self._consumer.raise_failure()
        self.intake(wait_s)

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.generation < self._generations.get(delivery.partition, 0):
            return  # fetched before the rewind
        progress = self.admission.positions[delivery.partition]
        for record, content in zip(delivery.records, delivery.content, strict=True):
            if progress.delivered(record.offset):
                self.admission.admit(record, content)
        progress.fetched_to(delivery.position)
        self._ends.tell(delivery.partition, delivery.end)

    def _gaps(self) -> list[Gap]:
        return [self._consumer.gaps.get() for _ in range(self._consumer.gaps.qsize())]

    def _note(self, gaps: list[Gap]) -> None:
        """Go past what retention removed, and keep a record of it in every checkpoint from now on."""
        for gap in gaps:
            progress = self.admission.positions[gap.partition]
            topic, number = gap.partition
            for first, last in progress.lost(gap.position, gap.begin - 1):
                loss = DataLoss(
                    topic=topic, partition=number, first=first, last=last, pass_number=self.cursor.pass_of(self._objectives[topic])
                )
                self._data_losses.append(loss)
            progress.fetched_to(gap.begin)

    def want_prompts(self, wanted: bool) -> None:
        """Whether held-out prompts are waited for, of whatever band."""
        self._prompts_wanted = wanted
        self._pause()

    def drained(self) -> bool:
        """Whether all of the active objectives' bands and of the prompts is delivered and done; asks the broker for the ends."""
        return not self._undone({*self.active, *({Objective.PROMPT} & {*self._bands})})

    def undone(self, objective: Objective) -> bool:
        """Whether the log has something of an objective that needs something yet; asks the broker. Not where it cannot be asked."""
        return self._undone({objective}, unknown=False)

    def _undone(self, objectives: set[Objective], unknown: bool = True) -> bool:
        topics = {topic for objective in objectives for topic in self._bands[objective]}
        try:
            ends = self._consumer.end_offsets()
        except BrokerError as error:
            logger.warning("whether all is consumed is not known: %s", error)
            return unknown
        self.intake()
        return any(self.admission.positions[tp].watermark < end for tp, end in ends.items() if tp[0] in topics)

    def _pause(self) -> None:
        """Fetch what may be chosen, and nothing else."""
        opened = {objective: self.cursor.standings[objective].pacing.highest for objective in self.active}
        prompts = self.cursor.trains(Objective.PROMPT)
        self._consumer.set_paused(paused_bands(self._bands, opened, prompts, self._prompts_wanted, self._backlog.is_full))
