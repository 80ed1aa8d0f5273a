"""The one thread that owns the trainer's consumer: fetches while the model trains, pauses and rewinds when told, commits for lag tools.

Partitions are assigned, never subscribed to: after a rebalance newly given ones would arrive unpaused. The group is used only to commit.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from schemas.errors import BrokerError, DataLossError
from streams.kafka.consumer import Record, make_consumer
from streams.kafka.settings import KafkaSettings
from trainer_node.positions import Partition

logger = logging.getLogger(__name__)

POLL_MS = 100
MAX_POLL_RECORDS = 256


@dataclass(frozen=True)
class Delivery:
    """What one poll brought for one partition."""

    partition: Partition
    records: list[Record]
    position: int
    """Next offset the consumer will fetch: past these records and past what is never delivered."""
    generation: int
    """Counts rewinds; a delivery of an earlier generation is stale."""


class Reader:
    """Reads assigned partitions into a queue, on a thread of its own."""

    def __init__(self, settings: KafkaSettings, group: str, on_data_loss: str = "fail") -> None:
        self._settings = settings
        self._group = group
        self._on_data_loss = on_data_loss
        self._calls: queue.Queue[tuple[Callable[[Any], Any], Future[Any]]] = queue.Queue()
        self._stop = threading.Event()
        self._paused: set[Partition] = set()
        self._generation = 0
        self._reported: dict[Partition, int] = {}
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        self.data_losses: list[dict[str, Any]] = []
        self.connected = False

    def start(self, positions: dict[Partition, int]) -> dict[Partition, int]:
        """Assign the partitions, each at its position (a negative one means the beginning of the log), and begin to fetch.

        Returns:
            The positions really taken.

        Raises:
            DataLossError: a position lies before the log's start, and the policy is `fail`.
        """
        taken: Future[dict[Partition, int]] = Future()
        self._thread = threading.Thread(target=self._run, args=(positions, taken), name="band-reader", daemon=True)
        self._thread.start()
        return taken.result()

    def set_paused(self, partitions: set[Partition]) -> None:
        """These are not fetched until they are left out of the set again; their backlog stays in Kafka."""
        self._paused = set(partitions)

    def rewind(self, positions: dict[Partition, int]) -> int:
        """Seek these partitions; returns the generation that deliveries from there on carry."""

        def seek(consumer: Any) -> int:
            self._seek(consumer, positions)
            self._generation += 1
            self._reported.clear()
            return self._generation

        return int(self.call(seek))

    def end_offsets(self) -> dict[Partition, int]:
        """End of the log of every assigned partition, asked of the broker now."""

        def ends(consumer: Any) -> dict[Partition, int]:
            return {(tp.topic, tp.partition): offset for tp, offset in consumer.end_offsets(list(consumer.assignment())).items()}

        offsets: dict[Partition, int] = self.call(ends)
        return offsets

    def commit(self, offsets: dict[Partition, int]) -> None:
        """Commit group offsets, for lag tools only: the checkpoint is what a restart goes by."""

        def do(consumer: Any) -> None:
            from kafka import TopicPartition
            from kafka.structs import OffsetAndMetadata

            consumer.commit({TopicPartition(*tp): OffsetAndMetadata(offset, "", -1) for tp, offset in offsets.items()})

        self.call(do)

    def call(self, function: Callable[[Any], Any], timeout_s: float = 60.0) -> Any:
        """Run something with the consumer on the thread that owns it."""
        self.raise_failure()
        future: Future[Any] = Future()
        self._calls.put((function, future))
        try:
            return future.result(timeout_s)
        except TimeoutError:
            self.raise_failure()
            raise BrokerError(f"the broker at {self._settings.bootstrap_servers} did not answer for {timeout_s:.0f} s") from None

    def raise_failure(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Stop the thread and leave."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=15)

    # --- on the thread -------------------------------------------------------------------------------------------------------

    def _run(self, positions: dict[Partition, int], taken: Future[dict[Partition, int]]) -> None:
        consumer = None
        try:
            consumer = make_consumer(self._settings, group=self._group, auto_offset_reset="none", max_poll_records=MAX_POLL_RECORDS)
            taken.set_result(self._assign(consumer, positions))
            while not self._stop.is_set():
                self._serve(consumer)
                self._poll(consumer)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._failure = error
            if not taken.done():
                taken.set_exception(error)
        finally:
            if consumer is not None:
                consumer.close()
            self._refuse_calls()

    def _assign(self, consumer: Any, positions: dict[Partition, int]) -> dict[Partition, int]:
        from kafka import TopicPartition

        partitions = [TopicPartition(*tp) for tp in positions]
        consumer.assign(partitions)
        begins = {(tp.topic, tp.partition): offset for tp, offset in consumer.beginning_offsets(partitions).items()}
        ends = {(tp.topic, tp.partition): offset for tp, offset in consumer.end_offsets(partitions).items()}
        wanted = {tp: begins[tp] if offset < 0 else offset for tp, offset in positions.items()}
        gaps = {tp: (offset, begins[tp]) for tp, offset in wanted.items() if offset < begins[tp]}
        beyond = {tp: (ends[tp], offset) for tp, offset in wanted.items() if offset > ends[tp]}
        self._judge_gaps(gaps, beyond)
        wanted |= {tp: begin for tp, (_, begin) in gaps.items()}
        self._seek(consumer, wanted)
        return wanted

    def _judge_gaps(self, gaps: dict[Partition, tuple[int, int]], beyond: dict[Partition, tuple[int, int]]) -> None:
        if beyond:
            (topic, number), (end, offset) = next(iter(beyond.items()))
            raise DataLossError(
                f"{topic}:{number} ends at offset {end}, before the checkpoint's position {offset}: this is another broker's log,"
                " or it was truncated"
            )
        if gaps and self._on_data_loss != "skip":
            (topic, number), (offset, begin) = next(iter(gaps.items()))
            raise DataLossError(
                f"{topic}:{number}: offsets {offset} to {begin - 1} were not trained on and the log no longer holds them"
                f" (it starts at {begin}); raise the topic's retention, or pass --on-data-loss skip to go on without them"
            )
        for (topic, number), (offset, begin) in gaps.items():
            logger.warning("%s:%d: skipping the lost offsets %d to %d", topic, number, offset, begin - 1)
            self.data_losses.append({"topic": topic, "partition": number, "first": offset, "last": begin - 1})

    def _seek(self, consumer: Any, positions: dict[Partition, int]) -> None:
        from kafka import TopicPartition

        for tp, offset in positions.items():
            consumer.seek(TopicPartition(*tp), offset)

    def _serve(self, consumer: Any) -> None:
        while True:
            try:
                function, future = self._calls.get_nowait()
            except queue.Empty:
                return
            try:
                future.set_result(function(consumer))
            except Exception as error:  # noqa: BLE001 - the caller asked, the caller gets it
                future.set_exception(error)

    def _poll(self, consumer: Any) -> None:
        from kafka.errors import KafkaError, OffsetOutOfRangeError

        self._apply_pauses(consumer)
        try:
            batches = consumer.poll(timeout_ms=POLL_MS)
        except OffsetOutOfRangeError as error:
            raise DataLossError(f"the log was cut while it was read: {error}; start again to see the gap") from None
        except KafkaError as error:
            self._disconnected(error)
            return
        if batches or consumer.bootstrap_connected():
            self.connected = True
        for tp, messages in batches.items():
            records = [Record.of(message) for message in messages]
            self.deliveries.put(Delivery((tp.topic, tp.partition), records, records[-1].offset + 1, self._generation))
        self._note_positions(consumer)

    def _note_positions(self, consumer: Any) -> None:
        """Report positions that moved past offsets never delivered; only fetched partitions, only once nothing is buffered for them."""
        for tp in consumer.assignment():
            partition = (tp.topic, tp.partition)
            if partition in self._paused:
                continue
            position = consumer.position(tp, timeout_ms=1000)
            if position is not None and position != self._reported.get(partition):
                self._reported[partition] = position
                self.deliveries.put(Delivery(partition, [], position, self._generation))

    def _apply_pauses(self, consumer: Any) -> None:
        wanted, now = self._paused, consumer.paused()
        for tp in consumer.assignment():
            partition = (tp.topic, tp.partition)
            if partition in wanted and tp not in now:
                consumer.pause(tp)
            elif partition not in wanted and tp in now:
                consumer.resume(tp)

    def _disconnected(self, error: Exception) -> None:
        if self.connected:
            logger.warning("the broker is away (%s); waiting for it", error)
        self.connected = False
        self._stop.wait(0.5)

    def _refuse_calls(self) -> None:
        while not self._calls.empty():
            _, future = self._calls.get_nowait()
            future.set_exception(self._failure or BrokerError("the reader has stopped"))
