"""Curriculum-ordered batches from the band topics, each sample with its stream position.

Two halves. *Intake* takes what the reader delivered: samples wait by band, held-out ones are set aside, bad ones go to the dead letters,
repeats are dropped. *Choice* picks the next batch from the open bands and journals it before it is trained, so that after a crash the same
batches are trained in the same order (docs/architecture.md, "Order").
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadRecord
from schemas.sample import Split
from schemas.training_sample import BANDS, Objective, TrainingSample
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import DeadLetterWriter
from trainer_node.journal import Journal, JournalEntry
from trainer_node.ledger import Ledger, LedgerRow, Outcome
from trainer_node.pacing import Pacing
from trainer_node.positions import Partition, Positions
from trainer_node.reader import Delivery, Reader

logger = logging.getLogger(__name__)

WAITING_LIMIT = 512
"""Samples that wait in memory per band; beyond, the band is paused and its backlog stays in Kafka."""
HELD_OUT_LIMIT = 2000
"""Validation samples and prompts kept; later ones are counted and not kept."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A sample ready to be chosen."""

    record: Record
    sample: TrainingSample
    example: Any
    """Tokenised form (`trainer_node.formats`)."""

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition, offset."""
        return self.record.topic, self.record.partition, self.record.offset


@dataclass(frozen=True)
class StepBatch:
    """The samples of one optimizer step, in training order."""

    step: int
    pass_number: int
    objective: Objective
    items: list[Waiting]


@dataclass(frozen=True)
class FeedSettings:
    """What the feed needs to know of the run."""

    run_id: str
    batch_size: int
    linger_s: float
    repeat_horizon: int


class Feed:
    """Hands out batches for one objective at a time; all methods run on the training thread."""

    def __init__(
        self,
        settings: FeedSettings,
        reader: Reader,
        bands: dict[Objective, list[str]],
        prepare: Callable[[TrainingSample], Any],
        dead_letters: DeadLetterWriter,
        journal: Journal,
        ledger: Ledger,
        pacing: Pacing,
    ) -> None:
        self.settings = settings
        self._reader = reader
        self._bands = bands
        self._prepare = prepare
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
        self._pass_start: dict[Partition, int] = {}
        self._dead: set[tuple[str, int, int]] = set()
        self._taken: OrderedDict[int, None] = OrderedDict()
        self._waiting: dict[str, deque[Waiting]] = {topic: deque() for topics in bands.values() for topic in topics}
        self._ids_waiting: set[int] = set()
        self._replay: deque[JournalEntry] = deque()
        self._journalled: dict[int, tuple[str, int, int]] = {}
        self._generations: dict[Partition, int] = {}
        self._lingering_since: float | None = None
        self.stopping = threading.Event()

    # --- start and state -----------------------------------------------------------------------------------------------------

    def begin(self, state: dict[str, Any] | None, replay: list[JournalEntry]) -> None:
        """Start reading: at the beginning of the log, or where a checkpoint's state says; then follow its journal."""
        beginning: dict[Partition, int] = {(topic, 0): -1 for topic in self._waiting}
        if state is not None:
            self._restore(state)
        taken = self._reader.start(beginning | self.positions.watermarks())
        for tp, offset in taken.items():
            if tp not in self.positions.partitions:
                self._pass_start[tp] = offset
                self.positions.rewind({tp: offset})
            self.positions[tp].fetched_to(offset)
        self._replay.extend(replay)
        for entry in replay:
            self._journalled |= {_id_hash(sample_id): (topic, number, offset) for topic, number, offset, sample_id in entry.samples}
        self._pause()

    def start_from(self, offsets: dict[Partition, int]) -> None:
        """Before `begin`: start these partitions elsewhere than at the log's beginning (a date, a range)."""
        self._pass_start |= offsets
        self.positions.rewind(offsets)

    def snapshot(self) -> dict[str, Any]:
        """All state that a checkpoint needs, as JSON. Call it between steps only."""
        return {
            "objective": self.objective.value,
            "pass": self.pass_number,
            "step": self.step,
            "positions": self.positions.snapshot(),
            "pass_start": {f"{topic}:{number}": offset for (topic, number), offset in sorted(self._pass_start.items())},
            "dead": sorted(self._dead),
            "pacing": self.pacing.snapshot(),
            "samples_trained": self.samples_trained,
            "data_losses": self._reader.data_losses,
            "validation": [sample.model_dump(mode="json", exclude_none=True) for sample in self.validation.values()],
            "prompts": [sample.model_dump(mode="json", exclude_none=True) for sample in self.prompts.values()],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.objective = Objective(state["objective"])
        self.pass_number, self.step = state["pass"], state["step"]
        self.samples_trained = state["samples_trained"]
        self.positions.restore(state["positions"])
        for name, offset in state["pass_start"].items():
            topic, _, number = name.rpartition(":")
            self._pass_start[(topic, int(number))] = offset
        self._dead = {(topic, number, offset) for topic, number, offset in state["dead"]}
        self.pacing.restore(state["pacing"])
        self._reader.data_losses.extend(state.get("data_losses", []))
        self.validation = _by_id(state["validation"])
        self.prompts = _by_id(state["prompts"])
        topics = set(self._bands[self.objective])
        for sample_id in self.ledger.trained_ids(self.pass_number, topics, self.settings.repeat_horizon):
            self._remember(sample_id)

    # --- choice --------------------------------------------------------------------------------------------------------------

    def next_batch(self, finished: Callable[[], bool]) -> StepBatch | None:
        """The next batch of the current objective; blocks while there is none.

        Args:
            finished: asked while nothing waits; True ends the pass (everything upstream is consumed).

        Returns:
            The batch, journalled; None when the pass has ended or `stopping` is set.
        """
        started = time.monotonic()
        try:
            while not self.stopping.is_set():
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
        """The next journalled batch, once all its records have been delivered."""
        entry = self._replay[0]
        by_place = {item.place: item for topic in {place[0] for place in entry.samples} for item in self._waiting[topic]}
        items = [by_place.get((topic, number, offset)) for topic, number, offset, _ in entry.samples]
        self._open_for_replay(entry)
        if any(item is None for item in items):
            return None
        self._replay.popleft()
        return self._take([item for item in items if item is not None], journalled=True)

    def _open_for_replay(self, entry: JournalEntry) -> None:
        if self.pacing.highest < entry.highest_band:
            self.pacing.highest = entry.highest_band
            self._pause()

    def _chosen(self) -> StepBatch | None:
        """A full batch from the open bands; a partial one when it has lingered and no further band can help."""
        topics = self._bands[self.objective]
        shares = self.pacing.shares([len(self._waiting[topic]) for topic in topics], self.settings.batch_size)
        if sum(shares) < self.settings.batch_size and not (self._lingered() and not self._advance() and any(shares)):
            return None
        self._lingering_since = None
        return self._take([self._waiting[topic][i] for topic, share in zip(topics, shares, strict=True) for i in range(share)])

    def _lingered(self) -> bool:
        now = time.monotonic()
        if self._lingering_since is None:
            self._lingering_since = now
        return now - self._lingering_since >= self.settings.linger_s

    def _advance(self) -> bool:
        """Open a further band because the open ones are dry; what it has then gets a linger time of its own."""
        if not self.pacing.advance():
            return False
        self._lingering_since = None
        self._pause()
        return True

    def _take(self, items: list[Waiting], journalled: bool = False) -> StepBatch:
        for item in items:
            self._waiting[item.record.topic].remove(item)
            key = _id_hash(item.sample.sample_id)
            self._ids_waiting.discard(key)
            self._journalled.pop(key, None)
            self._remember(item.sample.sample_id)
        batch = StepBatch(self.step + 1, self.pass_number, self.objective, items)
        samples = [(*item.place, item.sample.sample_id) for item in items]
        if not journalled:
            self._journal.append(JournalEntry(batch.step, self.pass_number, self.objective.value, self.pacing.highest, samples))
        self.step = batch.step
        self.pacing.step_chosen()
        self._pause()
        return batch

    def trained(self, batch: StepBatch, bad: dict[str, BadRecord] | None = None) -> None:
        """The optimizer step that used the batch is done; samples in `bad` (by id) were left out of it and become dead letters."""
        for item in batch.items:
            reason = (bad or {}).get(item.sample.sample_id)
            if reason is not None:
                self._put_aside(item.record, reason, item.sample.sample_id)
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
        self._taken.clear()
        self.pacing.restart()
        self._pause()

    def _restart(self, topics: list[str]) -> None:
        starts = {tp: offset for tp, offset in self._pass_start.items() if tp[0] in topics}
        for topic in topics:
            for item in self._waiting[topic]:
                self._ids_waiting.discard(_id_hash(item.sample.sample_id))
            self._waiting[topic].clear()
        self._taken.clear()
        self.positions.rewind(starts)
        self.pacing.restart()
        self._generations |= dict.fromkeys(starts, self._reader.rewind(starts))
        self._pause()

    # --- intake --------------------------------------------------------------------------------------------------------------

    def intake(self, wait_s: float = 0.0) -> None:
        """Take over all that the reader has delivered, waiting a moment for the first when told to."""
        try:
            delivery = self._reader.deliveries.get(timeout=wait_s) if wait_s else self._reader.deliveries.get_nowait()
            while True:
                self._deliver(delivery)
                delivery = self._reader.deliveries.get_nowait()
        except queue.Empty:
            self._pause()

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.generation < self._generations.get(delivery.partition, 0):
            return  # fetched before the rewind
        progress = self.positions[delivery.partition]
        for record in delivery.records:
            if progress.delivered(record.offset):
                self._admit(record)
        progress.fetched_to(delivery.position)

    def _admit(self, record: Record) -> None:
        if (record.topic, record.partition, record.offset) in self._dead:
            self.positions[(record.topic, record.partition)].done(record.offset)
            return
        sample_id = None
        try:
            sample = TrainingSample.decode(record.value)
            sample_id = sample.sample_id
            outcome = self._aside(sample, (record.topic, record.partition, record.offset))
            if outcome is not None:
                self._done(record, sample_id, outcome, self.step)
                return
            waiting = Waiting(record, sample, self._prepare(sample))
        except BadRecord as bad:
            self._put_aside(record, bad, sample_id)
            return
        self._waiting[record.topic].append(waiting)
        self._ids_waiting.add(_id_hash(sample_id))

    def _aside(self, sample: TrainingSample, place: tuple[str, int, int]) -> Outcome | None:
        """Why a sample is not trained on, or None."""
        if sample.run_id is not None and sample.run_id != self.settings.run_id:
            return Outcome.FOREIGN
        if sample.objective is Objective.PROMPT and self.objective is not Objective.PROMPT:
            return self._hold_out(sample, self.prompts, Outcome.PROMPT)
        if sample.split is Split.VALIDATION:
            return self._hold_out(sample, self.validation, Outcome.VALIDATION)
        key = _id_hash(sample.sample_id)
        if key in self._journalled:  # of a sample sent twice, the record that the journal names is the one to train on
            return None if self._journalled[key] == place else Outcome.DUPLICATE
        taken = key in self._ids_waiting or (sample.objective is self.objective and key in self._taken)
        return Outcome.DUPLICATE if taken else None

    def _hold_out(self, sample: TrainingSample, store: dict[str, TrainingSample], outcome: Outcome) -> Outcome:
        if sample.sample_id in store and self.pass_number == 1:
            return Outcome.DUPLICATE
        if len(store) < HELD_OUT_LIMIT:
            store[sample.sample_id] = sample
        return outcome

    def _put_aside(self, record: Record, bad: BadRecord, sample_id: str | None) -> None:
        self._dead_letters.put(record, bad, sample_id=sample_id)
        self._dead.add((record.topic, record.partition, record.offset))
        self._done(record, sample_id or "", Outcome.DEAD_LETTER, self.step)

    def _done(self, record: Record, sample_id: str, outcome: Outcome, step: int) -> None:
        self.positions[(record.topic, record.partition)].done(record.offset)
        self.ledger.add(LedgerRow(record.topic, record.partition, record.offset, sample_id, outcome, self.pass_number, step))

    # --- what is open, what is dry -------------------------------------------------------------------------------------------

    def drained(self) -> bool:
        """Whether all of the current objective's bands and of the prompts is delivered and done; asks the broker for the ends."""
        topics = {*self._bands[self.objective], *self._bands.get(Objective.PROMPT, [])}
        ends = self._reader.end_offsets()
        self.intake()
        return all(self.positions[tp].watermark >= end for tp, end in ends.items() if tp[0] in topics)

    def _dry(self) -> bool:
        return self.pacing.highest == BANDS - 1 and not any(self._waiting[topic] for topic in self._bands[self.objective])

    def _pause(self) -> None:
        """Closed bands, other objectives' bands, and bands with enough waiting are not fetched. Held-out prompts always are."""
        paused = set()
        for objective, topics in self._bands.items():
            for band, topic in enumerate(topics):
                closed = objective is not Objective.PROMPT and (objective is not self.objective or band > self.pacing.highest)
                if closed or len(self._waiting[topic]) >= WAITING_LIMIT:
                    paused.add((topic, 0))
        self._reader.set_paused(paused)

    def _remember(self, sample_id: str) -> None:
        """Ids taken in this pass, the last `repeat_horizon` of them; kept across a crash by the ledger."""
        self._taken[_id_hash(sample_id)] = None
        while len(self._taken) > self.settings.repeat_horizon:
            self._taken.popitem(last=False)


def _id_hash(sample_id: str) -> int:
    """64 bits of the id: a tenth of the memory, and two of a million ids meet with a chance of 3e-8."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(sample_id.encode(), digest_size=8).digest(), "big")


def _by_id(documents: list[dict[str, Any]]) -> dict[str, TrainingSample]:
    samples = (TrainingSample.model_validate(document) for document in documents)
    return {sample.sample_id: sample for sample in samples}
