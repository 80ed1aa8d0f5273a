"""The one thread that owns the trainer's consumer: fetches and decodes while the model trains, pauses and rewinds when told.

What it does costs processor time that the model trains with, and the interpreter that launches kernels: with nothing to read it rests, and
it reads while the training thread waits for its device.

Partitions are assigned, never subscribed to: after a rebalance newly given ones would arrive unpaused. The run's group has a member that
commits (`run/group_member.py`).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Any

from schemas.errors import BrokerError, DataLossError
from streams.kafka.connection import broker_errors, listens
from streams.kafka.consumer import Record, forget_drained, make_consumer, next_offset
from streams.kafka.settings import KafkaSettings
from streams.kafka.topic_ids import heard_ids, raise_if_made_anew
from trainer_node.commit.positions import Partition
from trainer_node.data.decoding import Decoded
from trainer_node.intake.flow_control import Delivery, DeliveryQueue, GilWindow
from trainer_node.intake.lost_records import MADE_ANEW, Gap, truncated

logger = logging.getLogger(__name__)

POLL_MS = 100
LOOK_AT_ENDS_S = 1.0
"""Seconds between two looks at how far the log goes in bands that are not fetched."""
REST_S = 0.4
"""Longest pause between two polls while nothing comes and nobody waits: each costs processor time that the model trains with."""
MAX_POLL_RECORDS = 32
"""Small, since what one poll decompresses is in memory at once, however large it turns out to be."""
DECODED_AT_ONCE = 8
"""Records after which this thread looks whether the training thread needs the interpreter: half a millisecond's work."""
CLOSE_S = 1.5
"""Longest wait for the thread's end: it only reads, and ends with the process."""
PROBE_S = 1.0
"""Seconds for which an answer to "is a broker there" is good, and how long one may take."""


class ConsumerThread:
    """Reads assigned partitions into a queue, on a thread of its own."""

    def __init__(
        self,
        settings: KafkaSettings,
        decode: Callable[[list[Record]], list[Decoded]],
        on_data_loss: str = "fail",
        while_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """`while_waiting`: called every second while the broker's answer is waited for; what it raises ends the wait."""
        self._settings = settings
        self._decode = decode
        self._on_data_loss = on_data_loss
        self._while_waiting = while_waiting
        self._calls: queue.Queue[tuple[Callable[[Any], Any], Future[Any]]] = queue.Queue()
        self._stop = threading.Event()
        self._paused: set[Partition] = set()
        self._bounds: dict[Partition, int] = {}
        self.topic_ids: dict[str, str] = {}
        """Which topics are read, by name."""
        self._ends: dict[Partition, int] = {}
        self._generation = 0
        self._reported: dict[Partition, tuple[int, int]] = {}
        self._noted_at = 0.0
        self._looked_at = 0.0
        self.wanted = threading.Event()
        """Set while somebody waits for what this thread does; it rests no longer then."""
        self.gil_window = GilWindow()
        self._probed: tuple[float, bool] = (0.0, False)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.deliveries = DeliveryQueue()
        self.gaps: queue.Queue[Gap] = queue.Queue()

    def next_delivery(self, wait_s: float = 0.0) -> Delivery:
        """Take what was delivered next; its room is free again.

        Raises:
            queue.Empty: nothing has come, in `wait_s` seconds.
        """
        if wait_s:
            self._want()
        return self.deliveries.take(wait_s)

    @property
    def ends(self) -> dict[Partition, int]:
        """End of every partition as far as is known, of those that are not fetched, too; safe to ask from any thread."""
        return {partition: self._bounded(partition, offset) for partition, offset in list(self._ends.items())}

    @property
    def connected(self) -> bool:
        """Whether a broker answers now; safe to ask from any thread."""
        asked_at, answer = self._probed
        if time.monotonic() - asked_at > PROBE_S:
            answer = any(listens(server, PROBE_S) for server in self._settings.servers)
            self._probed = (time.monotonic(), answer)
        return answer

    def start(
        self,
        positions: dict[Partition, int],
        bounds: dict[Partition, int] | None = None,
        timestamp_ms: int | None = None,
        topic_ids: Mapping[str, str] | None = None,
    ) -> dict[Partition, int]:
        """Assign the partitions, each at its position (a negative one means the beginning of the log), and begin to fetch.

        Args:
            positions: first offset wanted.
            bounds: offsets from which on nothing is wanted.
            timestamp_ms: what a negative position means instead of the log's beginning: the first record of this time.
            topic_ids: of the topics that the positions are of, as far as they are known.

        Returns:
            The positions really taken.

        Raises:
            DataLossError: a position lies before the log's start, and the policy is `fail`; or in a topic that was made anew.
        """
        self._bounds = dict(bounds or {})
        self.topic_ids = dict(topic_ids or {})
        taken: Future[dict[Partition, int]] = Future()
        self._thread = threading.Thread(target=self._run, args=(positions, timestamp_ms, taken), name="consumer", daemon=True)
        self._thread.start()
        return taken.result()

    def _want(self) -> None:
        """Somebody waits for what this thread does."""
        self.wanted.set()
        self.gil_window.open()

    def set_paused(self, partitions: set[Partition]) -> None:
        """These are not fetched until they are left out of the set again; their backlog stays in Kafka."""
        if partitions != self._paused:
            self._paused = set(partitions)
            self.wanted.set()

    def rewind(self, positions: dict[Partition, int]) -> int:
        """Seek these partitions; returns the generation that deliveries from there on carry. Waits for a broker that is away.

        Raises:
            DataLossError: the log no longer holds such a position, and the policy is `fail`; or a topic was made anew.
            BrokerError: it was closed meanwhile.
        """

        def seek(consumer: Any) -> int:
            self._ask_which_topics(consumer)
            self._seek(consumer, self._checked(consumer, positions))
            self._generation += 1
            self._reported.clear()
            return self._generation

        while True:
            try:
                return int(self.call(seek))
            except BrokerError as error:
                if self._stop.is_set():
                    raise
                logger.warning("the rewind waits: %s", error)

    def end_offsets(self, timeout_s: float = 60.0) -> dict[Partition, int]:
        """End of the log of every assigned partition, asked of the broker now; from any thread. Raises what `call` does."""

        def ends(consumer: Any) -> dict[Partition, int]:
            found = consumer.end_offsets(list(consumer.assignment()))
            return {(tp.topic, tp.partition): self._bounded((tp.topic, tp.partition), offset) for tp, offset in found.items()}

        offsets: dict[Partition, int] = self.call(ends, timeout_s)
        return offsets

    def call(self, function: Callable[[Any], Any], timeout_s: float = 60.0) -> Any:
        """Run something with the consumer on the thread that owns it.

        Raises:
            BrokerError: the broker did not answer, or refused.
        """
        from kafka.errors import KafkaError

        self.raise_failure()
        future: Future[Any] = Future()
        self._calls.put((function, future))
        self._want()
        until = time.monotonic() + timeout_s
        while True:
            try:
                return future.result(min(1.0, timeout_s))
            except KafkaError as error:
                raise BrokerError(f"the broker at {self._settings.bootstrap_servers}: {' '.join(str(error).split())}") from error
            except NotInTime:
                self.raise_failure()
                self._while_waiting()
                if time.monotonic() > until:
                    raise BrokerError(f"the broker at {self._settings.bootstrap_servers} did not answer for {timeout_s:.0f} s") from None

    def raise_failure(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Stop the thread and leave."""
        self._stop.set()
        self._want()
        if self._thread:
            self._thread.join(CLOSE_S)

    # --- on the thread -------------------------------------------------------------------------------------------------------

    def _run(self, positions: dict[Partition, int], timestamp_ms: int | None, taken: Future[dict[Partition, int]]) -> None:
        consumer = None
        try:
            consumer = make_consumer(self._settings, purpose="bands", auto_offset_reset="none", max_poll_records=MAX_POLL_RECORDS)
            taken.set_result(self._assign(consumer, positions, timestamp_ms))
            while not self._stop.is_set():
                self.wanted.clear()
                self._serve(consumer)
                if not self._poll(consumer):
                    self.wanted.wait(REST_S)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._failure = error
            if not taken.done():
                taken.set_exception(error)
        finally:
            if consumer is not None:
                consumer.close()
            self._refuse_calls()

    def _assign(self, consumer: Any, positions: dict[Partition, int], timestamp_ms: int | None) -> dict[Partition, int]:
        from kafka import TopicPartition

        partitions = [TopicPartition(*tp) for tp in positions]
        with broker_errors(self._settings, "finding where to start"):
            consumer.assign(partitions)
            self._ask_which_topics(consumer)
            dated = consumer.offsets_for_times(dict.fromkeys(partitions, timestamp_ms)) if timestamp_ms is not None else {}
            self._ends = {(tp.topic, tp.partition): offset for tp, offset in consumer.end_offsets(partitions).items()}
            begins = {(tp.topic, tp.partition): offset for tp, offset in consumer.beginning_offsets(partitions).items()}
        if timestamp_ms is not None:  # a partition without a record of that time or later starts at its end
            begins = {(tp.topic, tp.partition): found.offset if found else self._ends[tp] for tp, found in dated.items()}
        wanted = self._checked(consumer, {tp: begins[tp] if offset < 0 else offset for tp, offset in positions.items()})
        self._seek(consumer, wanted)
        return wanted

    def _ask_which_topics(self, consumer: Any) -> None:
        consumer.topics()  # asks the broker now
        self._see_which_topics(consumer)

    def _see_which_topics(self, consumer: Any) -> None:
        """Compare with what the client has heard, at no cost; the client hears when a fetch is refused, and every five minutes.

        Raises:
            TopicMadeAnew: one is another now.
        """
        found = heard_ids(consumer, dict.fromkeys(tp.topic for tp in consumer.assignment()))
        raise_if_made_anew(self.topic_ids, found, MADE_ANEW)
        self.topic_ids |= found

    def _checked(self, consumer: Any, positions: dict[Partition, int]) -> dict[Partition, int]:
        """Positions that the log still holds: a later one, and a gap noted, where the policy is `skip`; never a silent reset."""
        from kafka import TopicPartition

        partitions = [TopicPartition(*tp) for tp in positions]
        begins = {(tp.topic, tp.partition): offset for tp, offset in consumer.beginning_offsets(partitions).items()}
        ends = {(tp.topic, tp.partition): offset for tp, offset in consumer.end_offsets(partitions).items()}
        for (topic, number), offset in positions.items():
            begin, end = begins[topic, number], ends[topic, number]
            if offset > end:
                raise DataLossError(
                    f"{topic}:{number} ends at offset {end}, before the position {offset} that was to be read from: this is another"
                    " broker's log, or it was truncated; nothing was changed"
                )
            if offset < begin:
                self._note_gap(Gap((topic, number), offset, begin))
        return {tp: max(offset, begins[tp]) for tp, offset in positions.items()}

    def _note_gap(self, gap: Gap) -> None:
        topic, number = gap.partition
        if self._on_data_loss != "skip":
            raise DataLossError(
                f"{topic}:{number}: offsets {gap.position} to {gap.begin - 1} were not trained on and the log no longer holds them"
                f" (it starts at {gap.begin}); raise the topic's retention, or pass --on-data-loss skip to go on without them"
            )
        logger.warning("%s:%d: skipping the lost offsets %d to %d", topic, number, gap.position, gap.begin - 1)
        self.gaps.put(gap)

    def _bounded(self, partition: Partition, offset: int) -> int:
        return min(offset, self._bounds.get(partition, offset))

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

    def _poll(self, consumer: Any) -> bool:
        """Deliver what has come; whether anything has."""
        from kafka.errors import KafkaError, LogTruncationError, OffsetOutOfRangeError

        self._apply_pauses(consumer)
        forget_drained(consumer)
        self.gil_window.wait()
        try:
            found = consumer.poll(timeout_ms=POLL_MS)
            self._see_which_topics(consumer)
            for tp, messages in found.items():
                partition = (tp.topic, tp.partition)
                records = [Record.of(message) for message in messages if message.offset < self._bounds.get(partition, message.offset + 1)]
                self._deliver(consumer, partition, records, messages[-1].offset + 1)
            if not found or time.monotonic() - self._noted_at > POLL_MS / 1000:
                self._note_positions(consumer)
            self._look_at_ends(consumer)
            return bool(found)
        except OffsetOutOfRangeError as error:
            self._overtaken(consumer, error.args[0])
        except LogTruncationError as error:
            self._ask_which_topics(consumer)
            raise DataLossError(truncated(error.divergent_offsets)) from error
        except KafkaError as error:
            logger.warning("reading failed (%s); trying again", error)
            self._stop.wait(0.5)
        return True

    def _deliver(self, consumer: Any, partition: Partition, records: list[Record], position: int) -> None:
        from kafka import TopicPartition

        self._ends[partition] = max(self._ends[partition], consumer.highwater(TopicPartition(*partition)) or 0)
        end = self._bounded(partition, self._ends[partition])
        position = self._bounded(partition, position)
        if records or self._reported.get(partition) != (position, end):
            self._reported[partition] = (position, end)
            delivery = Delivery(partition, records, self._decoded(records), position, end, self._generation)
            self.deliveries.put(delivery)

    def _decoded(self, records: list[Record]) -> list[Decoded]:
        found: list[Decoded] = []
        for start in range(0, len(records), DECODED_AT_ONCE):
            self.gil_window.wait()
            found += self._decode(records[start : start + DECODED_AT_ONCE])
        return found

    def _note_positions(self, consumer: Any) -> None:
        """Report positions that moved past offsets never delivered, and ends that moved; only of partitions that are fetched."""
        self._noted_at = time.monotonic()
        for tp in consumer.assignment():
            partition = (tp.topic, tp.partition)
            if partition not in self._paused and (position := next_offset(consumer, tp)) is not None:
                self._deliver(consumer, partition, [], position)

    def _look_at_ends(self, consumer: Any) -> None:
        """Ask now and then how far partitions go that are not fetched: pacing goes by how much each band has."""
        if self._paused and time.monotonic() - self._looked_at > LOOK_AT_ENDS_S:
            self._looked_at = time.monotonic()
            paused = [tp for tp in consumer.assignment() if (tp.topic, tp.partition) in self._paused]
            self._ends |= {(tp.topic, tp.partition): offset for tp, offset in consumer.end_offsets(paused).items()}

    def _overtaken(self, consumer: Any, positions: dict[Any, int]) -> None:
        """Retention removed what a partition was to fetch next: fail naming the gap, or go past it, as the policy says."""
        self._ask_which_topics(consumer)
        wanted = {(tp.topic, tp.partition): offset for tp, offset in positions.items()}
        with broker_errors(self._settings, "finding the log's start"):
            self._seek(consumer, self._checked(consumer, wanted))

    def _apply_pauses(self, consumer: Any) -> None:
        wanted, now = self._paused, consumer.paused()
        for tp in consumer.assignment():
            partition = (tp.topic, tp.partition)
            ended = partition in self._bounds and (next_offset(consumer, tp) or 0) >= self._bounds[partition]
            closed = ended or partition in wanted or self.deliveries.is_full(partition)
            if closed and tp not in now:
                consumer.pause(tp)
            elif not closed and tp in now:
                consumer.resume(tp)

    def _refuse_calls(self) -> None:
        while not self._calls.empty():
            _, future = self._calls.get_nowait()
            future.set_exception(self._failure or BrokerError("the consumer has stopped"))
