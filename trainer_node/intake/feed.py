"""Curriculum-ordered batches from the band topics, each sample with its stream position.

Two halves. *Intake* takes what the reader delivered: samples wait by band, held-out ones are set aside, bad ones go to the dead letters,
repeats are dropped. *Choice* picks the next batch from the open bands and journals it before it is trained, so that after a crash the same
batches are trained in the same order. A choice waits until each open band can give a whole batch or has nothing more on the log: on topics
that nobody writes to, the batches are then a function of the log alone.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from schemas.errors import BadRecord, BrokerError, DeadLetterReason
from schemas.sample import Split
from schemas.training_sample import BANDS, Objective, TrainingSample
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import DeadLetterWriter
from trainer_node.commit.journal import Journal, JournalEntry
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.positions import Partition, Positions, place_name, place_of, ranges_by_partition
from trainer_node.data.batch import FeedSettings, StepBatch, Waiting
from trainer_node.data.decoding import Unpacked
from trainer_node.intake.consumer_thread import Delivery, Gap, Reader
from trainer_node.intake.deduplication import Place, Repeats
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.start_point import StartPoint

logger = logging.getLogger(__name__)

SETTLE_S = 5.0
"""Longest wait for what the log is known to have, before a batch is made of what is here."""
WAITING_LIMIT = 512
"""Samples that wait in memory per band; beyond, the band is paused and its backlog stays in Kafka."""
HELD_OUT_LIMIT = 2000
"""Validation samples and prompts kept; later ones are counted and not kept."""


class Feed:
    """Hands out batches for one objective at a time; all methods run on the training thread."""

    def __init__(
        self,
        settings: FeedSettings,
        reader: Reader,
        bands: dict[Objective, list[str]],
        dead_letters: DeadLetterWriter,
        journal: Journal,
        ledger: Ledger,
        pacing: Pacing,
    ) -> None:
        self.settings = settings
        self._reader = reader
        self._bands = bands
        self._dead_letters = dead_letters
        self._journal = journal
        self.ledger = ledger
        self.pacing = pacing
        self.objective = next(iter(bands))
        self.pass_number = 1
        self.step = 0
        self.positions = Positions({})
        self.validation: dict[str, TrainingSample] = {}
        self.prompts: dict[str, TrainingSample] = {}
        self.samples_trained = 0
        self.wait_s = 0.0
        self.data_losses: list[dict[str, Any]] = []
        self.already_put: set[Place] = set()
        """Records that a killed incarnation has put among the dead letters since the checkpoint: not to be put there again."""
        self._pass_start: dict[Partition, int] = {}
        self._bounds: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._dead: set[Place] = set()
        self.repeats = Repeats(settings.repeat_horizon)
        self._waiting_limit = max(WAITING_LIMIT, 2 * settings.batch_size)
        self._waiting: dict[str, deque[Waiting]] = {topic: deque() for topics in bands.values() for topic in topics}
        self._full: set[str] = set()
        self._replay: deque[JournalEntry] = deque()
        self._generations: dict[Partition, int] = {}
        self._clock: tuple[bool, float] | None = None
        self.stopping = threading.Event()
        self.waits_for_prompts = False
        """Held-out prompts are wanted now, of whatever band."""

    # --- start and state -----------------------------------------------------------------------------------------------------

    def begin(self, state: dict[str, Any] | None, replay: list[JournalEntry], start: StartPoint | None = None) -> None:
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
        places: dict[Partition, int] = {(topic, 0): -1 for topic in self._waiting}
        places |= start.firsts() if state is None else self.positions.watermarks()
        self._pause()
        taken = self._reader.start(places, self._bounds, start.timestamp_ms if state is None else None)
        for tp, offset in taken.items():
            if tp not in self.positions.partitions:
                self.positions.rewind({tp: offset})
            self._pass_start.setdefault(tp, offset)
        self._note(self._gaps())
        self._replay.extend(replay)
        self.repeats.expect(replay)

    def snapshot(self) -> dict[str, Any]:
        """All state that a checkpoint needs, as JSON. Call it between steps only."""
        return {
            "objective": self.objective.value,
            "pass": self.pass_number,
            "step": self.step,
            "positions": self.positions.snapshot(),
            "pass_start": {place_name(tp): offset for tp, offset in sorted(self._pass_start.items())},
            "bounds": {place_name(tp): offset for tp, offset in sorted(self._bounds.items())},
            "dead": ranges_by_partition(self._dead),
            "pacing": self.pacing.snapshot(),
            "samples_trained": self.samples_trained,
            "data_losses": list(self.data_losses),
            "validation": [sample.model_dump(mode="json", exclude_none=True) for sample in self.validation.values()],
            "prompts": [sample.model_dump(mode="json", exclude_none=True) for sample in self.prompts.values()],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.objective = Objective(state["objective"])
        self.pass_number, self.step = state["pass"], state["step"]
        self.samples_trained = state["samples_trained"]
        self.positions.restore(state["positions"])
        self._pass_start = {place_of(name): offset for name, offset in state["pass_start"].items()}
        self._bounds = {place_of(name): offset for name, offset in state.get("bounds", {}).items()}
        self._dead = {
            (*place_of(name), offset) for name, spans in state["dead"].items() for first, last in spans for offset in range(first, last + 1)
        }
        self.pacing.restore(state["pacing"])
        self.data_losses = list(state.get("data_losses", []))
        self.validation = _by_id(state["validation"])
        self.prompts = _by_id(state["prompts"])
        self.remember(self.ledger.trained_ids(self.pass_number, set(self._bands[self.objective]), self.settings.repeat_horizon))

    def remember(self, sample_ids: list[str]) -> None:
        """These were trained in this pass already: a repeat of one is dropped."""
        for sample_id in sample_ids:
            self.repeats.take(self.objective, sample_id)

    # --- choice --------------------------------------------------------------------------------------------------------------

    def next_batch(self, finished: Callable[[], bool], guard: Callable[[], None] = lambda: None) -> StepBatch | None:
        """The next batch of the current objective; blocks while there is none.

        Args:
            finished: asked while nothing waits; True ends the pass (everything upstream is consumed).
            guard: called before each look; raises when this process must not go on.

        Returns:
            The batch, journalled; None when the pass has ended or `stopping` is set.
        """
        started = time.monotonic()
        try:
            while not self.stopping.is_set():
                guard()
                self._reader.raise_failure()
                self.intake()
                if self._replay:
                    if batch := self._replayed():
                        return batch
                elif (batch := self._chosen()) or (self._dry() and finished()):
                    return batch
                self.intake(wait_s=0.05)
            return None
        finally:
            self.wait_s += time.monotonic() - started

    def _replayed(self) -> StepBatch | None:
        """The next journalled batch, once all its records have been delivered; without those that will not come."""
        entry = self._replay[0]
        if (entry.objective, entry.pass_number) != (self.objective.value, self.pass_number):
            self._drop_entry(f"it is of pass {entry.pass_number} over {entry.objective}")
            return None
        if len(entry.samples) > self.settings.batch_size:
            self._drop_entry(f"its {len(entry.samples)} samples are more than a step has now; they are chosen anew")
            return None
        self.pacing.open_to(entry.highest_band)
        self._pause()
        by_place = {item.place: item for topic in {place[0] for place in entry.samples} for item in self._waiting[topic]}
        items = []
        for topic, number, offset, sample_id in entry.samples:
            if item := by_place.get((topic, number, offset)):
                items.append(item)
            elif self.positions[(topic, number)].next_offset <= offset:
                return None  # not delivered yet
            else:
                logger.warning("%s:%d:%d (%s) was journalled and is gone since", topic, number, offset, sample_id)
                self.repeats.give_up(entry.objective, sample_id)
        if not items:
            self._drop_entry("none of its records can be used any more")
            return None
        self._replay.popleft()
        return self._take(items, journalled=True)

    def _drop_entry(self, why: str) -> None:
        entry = self._replay.popleft()
        logger.warning("the journalled batch of step %d is not trained: %s", entry.step, why)
        for *_, sample_id in entry.samples:
            self.repeats.give_up(entry.objective, sample_id)

    def _chosen(self) -> StepBatch | None:
        """A full batch from the open bands; a partial one when it has lingered and no further band can help."""
        topics, size = self._bands[self.objective], self.settings.batch_size
        waiting = [len(self._waiting[topic]) for topic in topics]
        shares = self.pacing.shares(waiting, size)
        waited = self._waited(any(shares))
        settled = all(waiting[band] >= size or self._is_dry(topics[band]) for band in range(self.pacing.highest + 1))
        if not settled and waited < SETTLE_S:
            return None
        if sum(shares) < size and (waited < self.settings.linger_s or self._advance() or not any(shares)):
            return None
        self._clock = None
        chosen = [self._waiting[topic][i] for topic, share in zip(topics, shares, strict=True) for i in range(share)]
        return self._take(sorted(chosen, key=lambda item: len(item.example)))  # like lengths together: micro-batches with little padding

    def _waited(self, some: bool) -> float:
        """Seconds since the last batch, since the first sample came to wait for the next, or since a band opened."""
        if self._clock is None or self._clock[0] != some:
            self._clock = (some, time.monotonic())
        return time.monotonic() - self._clock[1]

    def _is_dry(self, topic: str) -> bool:
        """Whether all that the log has of a band was delivered, as far as is known."""
        return (topic, 0) in self._ends and self.positions[(topic, 0)].next_offset >= self._ends[(topic, 0)]

    def _advance(self) -> bool:
        """Open a further band because the open ones are dry; what it has then gets a linger time of its own."""
        if not self.pacing.advance():
            return False
        self._clock = None
        self._pause()
        return True

    def _take(self, items: list[Waiting], journalled: bool = False) -> StepBatch:
        for item in items:
            self._waiting[item.record.topic].remove(item)
            self.repeats.take(item.sample.objective, item.sample.sample_id)
        batch = StepBatch(self.step + 1, self.pass_number, self.objective, items)
        samples = [(*item.place, item.sample.sample_id) for item in items]
        if not journalled:
            self._journal.append(JournalEntry(batch.step, self.pass_number, self.objective.value, self.pacing.highest, samples))
        self.step = batch.step
        self.pacing.step_chosen()
        self._pause()
        return batch

    def trained(self, batch: StepBatch, bad: dict[str, BadRecord] | None = None, unrewarded: frozenset[str] = frozenset()) -> None:
        """The optimizer step that used the batch is done.

        Args:
            batch: what the step was given.
            bad: samples, by id, that were left out of it and become dead letters.
            unrewarded: ids of prompts from which nothing was learnt; a repeat of one may be trained.
        """
        for item in batch.items:
            reason = (bad or {}).get(item.sample.sample_id)
            if reason is not None:
                self.repeats.untake(item.sample.objective, item.sample.sample_id)
                self._put_aside(item.record, reason, item.sample.sample_id)
                continue
            if item.sample.sample_id in unrewarded:
                self.repeats.untake(item.sample.objective, item.sample.sample_id)
                self._done(item.record, item.sample.sample_id, Outcome.UNREWARDED, batch.step)
                continue
            self._done(item.record, item.sample.sample_id, Outcome.TRAINED, batch.step)
            self.samples_trained += 1

    def rewind(self) -> None:
        """Begin the next pass over the current objective's bands."""
        self.pass_number += 1
        self._restart(self._bands[self.objective])

    def switch(self, objective: Objective) -> None:
        """Train another objective from here on, from its first pass."""
        self.objective, self.pass_number = objective, 1
        self.repeats.new_pass()
        self.pacing.restart()
        self._pause()

    def _restart(self, topics: list[str]) -> None:
        starts = {tp: offset for tp, offset in self._pass_start.items() if tp[0] in topics}
        for topic in topics:
            for item in self._waiting[topic]:
                self.repeats.unwait(item.sample.objective, item.sample.sample_id)
            self._waiting[topic].clear()
        self.repeats.new_pass()
        self.positions.rewind(starts)
        self.pacing.restart()
        self._generations |= dict.fromkeys(starts, self._reader.rewind(starts))
        self._pause()

    # --- intake --------------------------------------------------------------------------------------------------------------

    def intake(self, wait_s: float = 0.0) -> None:
        """Take over all that the reader has delivered, waiting a moment for the first when told to. Also in mid-step."""
        gaps = self._gaps()  # first: what was delivered before a gap was found is taken in before it is passed
        try:
            delivery = self._reader.next_delivery(wait_s)
            while True:
                self._deliver(delivery)
                delivery = self._reader.next_delivery()
        except queue.Empty:
            self._note(gaps)
            self._pause()

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.generation < self._generations.get(delivery.partition, 0):
            return  # fetched before the rewind
        progress = self.positions[delivery.partition]
        for record, content in zip(delivery.records, delivery.content, strict=True):
            if progress.delivered(record.offset):
                self._admit(record, content)
        progress.fetched_to(delivery.position)
        self._ends[delivery.partition] = delivery.end

    def _gaps(self) -> list[Gap]:
        return [self._reader.gaps.get() for _ in range(self._reader.gaps.qsize())]

    def _note(self, gaps: list[Gap]) -> None:
        """Go past what retention removed, and keep a record of it in every checkpoint from now on."""
        for gap in gaps:
            progress = self.positions[gap.partition]
            topic, number = gap.partition
            for first, last in progress.lost(gap.position, gap.begin - 1):
                self.data_losses.append({"topic": topic, "partition": number, "first": first, "last": last, "pass": self.pass_number})
            progress.fetched_to(gap.begin)

    def _admit(self, record: Record, content: Unpacked) -> None:
        sample, example = content.sample, content.example
        place = (record.topic, record.partition, record.offset)
        if place in self._dead:
            self.positions[(record.topic, record.partition)].done(record.offset)
            return
        if isinstance(sample, BadRecord):
            self._put_aside(record, sample, None)
            return
        try:
            outcome = self._aside(sample, place, example)
            if outcome is not None:
                self._done(record, sample.sample_id, outcome, self.step)
                return
            waiting = Waiting(record, sample, _sound(example))
        except BadRecord as bad:
            self._put_aside(record, bad, sample.sample_id)
            return
        if self._dead_letters.breaker is not None:
            self._dead_letters.breaker.record(ok=True)
        self._waiting[record.topic].append(waiting)
        self.repeats.wait(sample.objective, sample.sample_id)

    def _aside(self, sample: TrainingSample, place: Place, example: Any) -> Outcome | None:
        """Why a sample is not trained on, or None."""
        if sample.run_id is not None and sample.run_id != self.settings.run_id:
            return Outcome.FOREIGN
        if sample.objective is Objective.PROMPT and (self.objective is not Objective.PROMPT or sample.split is Split.VALIDATION):
            if isinstance(example, BadRecord) and example.reason is DeadLetterReason.UNTRAINABLE:
                raise example  # it cannot be asked; one that is too long to be trained on can
            return self._hold_out(sample, self.prompts, Outcome.PROMPT)
        if sample.split is Split.VALIDATION:
            _sound(example)  # a bad one is a dead letter, not the end of the evaluation
            return self._hold_out(sample, self.validation, Outcome.VALIDATION)
        return Outcome.DUPLICATE if self.repeats.is_repeat(sample.objective, sample.sample_id, place) else None

    def _hold_out(self, sample: TrainingSample, store: dict[str, TrainingSample], outcome: Outcome) -> Outcome:
        if sample.sample_id in store and self.pass_number == 1:
            return Outcome.DUPLICATE
        if len(store) < HELD_OUT_LIMIT:
            store[sample.sample_id] = sample
        return outcome

    def _put_aside(self, record: Record, bad: BadRecord, sample_id: str | None) -> None:
        place = (record.topic, record.partition, record.offset)
        if place not in self.already_put:
            self._dead_letters.put(record, bad, sample_id=sample_id)
        self._dead.add(place)
        self._done(record, sample_id or "", Outcome.DEAD_LETTER, self.step)

    def _done(self, record: Record, sample_id: str, outcome: Outcome, step: int) -> None:
        self.positions[(record.topic, record.partition)].done(record.offset)
        self.ledger.add(LedgerRow(record.topic, record.partition, record.offset, sample_id, outcome, self.pass_number, step))

    # --- what is open, what is dry -------------------------------------------------------------------------------------------

    def drained(self) -> bool:
        """Whether all of the current objective's bands and of the prompts is delivered and done; asks the broker for the ends."""
        topics = {*self._bands[self.objective], *self._bands.get(Objective.PROMPT, [])}
        try:
            ends = self._reader.end_offsets()
        except BrokerError as error:
            logger.warning("whether all is consumed is not known: %s", error)
            return False
        self.intake()
        return all(self.positions[tp].watermark >= end for tp, end in ends.items() if tp[0] in topics)

    def _dry(self) -> bool:
        return self.pacing.highest == BANDS - 1 and not any(self._waiting[topic] for topic in self._bands[self.objective])

    def _pause(self) -> None:
        """Closed bands, other objectives' bands, and bands with enough waiting are not fetched. Held-out prompts always are.

        Where prompts are trained on, those held out stand among them: all bands are open while they are waited for.
        """
        paused = set()
        for objective, topics in self._bands.items():
            held_out = objective is Objective.PROMPT and (self.objective is not objective or self.waits_for_prompts)
            for band, topic in enumerate(topics):
                closed = not held_out and (objective is not self.objective or band > self.pacing.highest)
                if closed or self._is_full(topic):
                    paused.add((topic, 0))
        self._reader.set_paused(paused)

    def _is_full(self, topic: str) -> bool:
        """Whether a band has enough waiting: from the limit on, until half of it is trained.

        What was fetched and not delivered is fetched again when a band is resumed; resumed after every batch, it would be all the time.
        """
        waiting = len(self._waiting[topic])
        if waiting >= self._waiting_limit:
            self._full.add(topic)
        elif waiting < self._waiting_limit // 2:
            self._full.discard(topic)
        return topic in self._full


def _sound(example: Any) -> Any:
    """The example, unless it is what is wrong with its sample, which is raised."""
    if isinstance(example, BadRecord):
        raise example
    return example


def _by_id(documents: list[dict[str, Any]]) -> dict[str, TrainingSample]:
    samples = (TrainingSample.model_validate(document) for document in documents)
    return {sample.sample_id: sample for sample in samples}
