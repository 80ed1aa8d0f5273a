"""Reading only what transactions have committed: Faust's consumer made to do so, a range of one partition, what is new in a topic, and
the markers at a partition's end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiokafka
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata as AioOffset
from aiokafka.structs import TopicPartition as AioPartition
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from kafka import KafkaConsumer, TopicPartition
from mode.services import WaitResults

from schemas.errors import BrokerError
from streams.kafka.connection import broker_errors
from streams.kafka.consumer import POLL_MS, Record, make_consumer, topic_partitions
from streams.kafka.settings import KafkaSettings
from streams.kafka.topic_ids import heard_ids, made_anew
from streams.positions import Committed, GroupPositions

START_PATIENCE_SECONDS = 25.0
"""How long a worker that was given partitions tries to learn where to go on in them."""
FULL_SECONDS = 1.0
"""How long full buffers are waited for before it is looked whether the partitions have moved meanwhile."""

logger = logging.getLogger(__name__)
_faust_log = logging.getLogger("faust.transport")


async def seek_to_group(consumer: aiokafka.AIOKafkaConsumer, positions: GroupPositions) -> dict[TopicPartition, int | None]:
    """Go to where the group stands in each assigned partition, or to where it must go on; returns where that is.

    Where the group has committed nothing yet, to the log's beginning: what was fetched there and thrown away in a rebalance would never
    come again, and the first commit would pass over it. (aiokafka's own `seek_to_committed` leaves such a partition where it is.)
    """
    partitions = list(consumer.assignment())
    committed = await consumer._coordinator.fetch_committed_offsets(partitions)
    said: dict[TopicPartition, Committed | None] = {TopicPartition(*tp): None for tp in partitions}
    said.update({TopicPartition(*tp): (one.offset, one.metadata) for tp, one in committed.items() if one.offset >= 0})
    starts = {tuple(tp): offset for tp, offset in (await asyncio.to_thread(_starts, positions, said)).items()}
    assigned = consumer.assignment()  # it may have changed while the broker was asked
    for tp in partitions:
        if tp in assigned:
            consumer.seek(tp, starts[tuple(tp)])
    return {tp: starts[tuple(tp)] for tp in partitions}


def _starts(positions: GroupPositions, committed: Mapping[TopicPartition, Committed | None]) -> dict[TopicPartition, int]:
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        try:
            return positions.starts(committed)
        except BrokerError as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("finding where to go on: %s; trying again", error)
            time.sleep(1.0)


class _CommittedThread(AIOKafkaConsumerThread):
    logger = _faust_log

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        assert consumer._isolation_level == "read_uncommitted"  # used when it starts, which is later
        consumer._isolation_level = "read_committed"
        self._positions: GroupPositions = transport.positions
        return consumer

    async def seek_to_committed(self) -> Any:
        """Go to where the group stands, or to where it must go on."""
        return await self.call_thread(self._seek_to_committed)

    async def _seek_to_committed(self) -> dict[TopicPartition, int | None]:
        return await seek_to_group(self._ensure_consumer(), self._positions)

    async def _commit(self, offsets: Any) -> bool:
        """As Faust does, with the topic's id beside each offset. Where the partitions have moved, nothing happens."""
        consumer = self._ensure_consumer()
        mine = {tp: offset for tp, offset in offsets.items() if tp in self.assignment()}
        metadata = self._positions.metadata
        try:
            await consumer.commit({AioPartition(*tp): AioOffset(offset, metadata) for tp, offset in mine.items()})
        except (CommitFailedError, IllegalStateError) as error:
            logger.info("a commit was refused: %s", error)
            return False
        now = time.monotonic()
        self.tp_last_committed_at.update(dict.fromkeys(mine, now))
        return True

    async def refusal(self) -> str | None:
        """Why the group could not be joined, if it could not. aiokafka tries again once it was asked, and Faust never asks."""
        return cast(str | None, await self.call_thread(self._refusal))

    async def _refusal(self) -> str | None:
        try:
            self._ensure_consumer()._coordinator.check_errors()
        except KafkaError as error:
            return " ".join(str(error).split()) or type(error).__name__
        return None

    async def rejoin(self) -> None:
        """Have the group hand out its partitions again, of the topic that there is now."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        consumer = self._ensure_consumer()
        await consumer._client.force_metadata_update()
        consumer._coordinator.request_rejoin()


class _Rest:
    """What is left of a coroutine that was begun and waits for something."""

    def __init__(self, begun: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._begun, self._waits_for = begun, waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    came = yield waits_for
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is meant for the coroutine
                    waits_for = self._begun.throw(error)
                else:
                    waits_for = self._begun.send(came)
        except StopIteration as ended:
            return ended.value


class _CommittedConsumer(Consumer):
    logger = _faust_log

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_room = asyncio.Event()

    def on_buffer_drop(self, tp: TP) -> None:
        """A partition's buffer was full, and can take more."""
        super().on_buffer_drop(tp)
        self._has_room.set()

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        """What was fetched. Where the buffers of all partitions are full Faust sleeps for a second, and they have long run dry: here, until
        one has room.
        """
        if self.flow_active and self._buffered_partitions and not self._get_active_partitions():
            self._has_room.clear()
            await self.wait(self._has_room.wait(), timeout=FULL_SECONDS)
            return {}, self._get_active_partitions()
        return await super()._wait_next_records(timeout)

    async def wait_first(self, *waited: Any, timeout: Any = None) -> WaitResults:
        """The first of what is waited for. Faust asks of each record whether it is delivered before the partitions move, which takes four
        tasks; nearly all are delivered without any waiting, and that is tried first.
        """
        first, *others = waited
        if timeout is not None or self.should_stop or not isinstance(first, Coroutine):
            return await super().wait_first(*waited, timeout=timeout)
        try:
            rest = _Rest(first, first.send(None))
        except BaseException as error:
            for other in others:
                other.close()
            if not isinstance(error, StopIteration):
                raise
            return WaitResults([first], [error.value], False)
        return await super().wait_first(rest, *others)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)

    async def refusal(self) -> str | None:
        """Why the group could not be joined, if it could not; it is tried again then."""
        return await cast(_CommittedThread, self._thread).refusal()

    async def rejoin(self) -> None:
        """Begin anew with what the group has committed."""
        await cast(_CommittedThread, self._thread).rejoin()


class CommittedTransport(Transport):
    """Faust's Kafka transport, which by itself also reads what was never committed, and has no setting for it.

    Where the group goes on is asked of `positions`.
    """

    Consumer = _CommittedConsumer

    def __init__(self, *args: Any, positions: GroupPositions, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.positions = positions


@dataclass
class ReadSoFar:
    """How far a reader without a group has come in a topic, and in which topic of that name."""

    offsets: dict[int, int] = field(default_factory=dict)
    """Partition -> first offset not read yet."""
    ids: dict[str, str] = field(default_factory=dict)
    """Topic -> its id, once anything was read."""


def read_partition(settings: KafkaSettings, topic_name: str, partition: int, start: int, end: int) -> Iterator[Record]:
    """The committed records of one partition from offset `start` up to, without, `end`.

    Raises:
        BrokerError: the broker is away.
    """
    with _at(settings, topic_name, partition, start) as (consumer, tp):
        last = min(end, consumer.end_offsets([tp])[tp])
        while consumer.position(tp) < last:
            for raw in consumer.poll(timeout_ms=POLL_MS).get(tp, []):
                if raw.offset < last:
                    yield Record.of(raw)


def past_markers(settings: KafkaSettings, topic_name: str, partition: int, start: int) -> int:
    """The end of a partition's committed part where no record is left from offset `start` on, only markers; else `start`.

    Raises:
        BrokerError: the broker is away.
    """
    with _at(settings, topic_name, partition, start) as (consumer, tp):
        end: int = consumer.end_offsets([tp])[tp]
        while consumer.position(tp) < end:
            if consumer.poll(timeout_ms=POLL_MS):
                return start
        return max(start, end)


def newer_records(
    settings: KafkaSettings, topic_name: str, read: ReadSoFar, look_back: int, since: float | None = None
) -> Iterator[Record]:
    """The committed records of a topic's partitions from where `read` ends, which is moved to the ends there are now.

    At most the last `look_back` offsets of each partition, and none sent before `since` (seconds since the epoch). A topic made anew
    is read from its beginning; what retention has removed since the last call is told.

    Raises:
        BrokerError: the broker is away, or the topic missing.
    """
    with broker_errors(settings, f"reading {topic_name}"):
        consumer = make_consumer(settings)
        try:
            partitions = [TopicPartition(topic_name, number) for number in sorted(topic_partitions(consumer, topic_name))]
            ends, begins = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
            dated = consumer.offsets_for_times(dict.fromkeys(partitions, round(since * 1000))) if since is not None else {}
            _follow_topic(read, topic_name, heard_ids(consumer, [topic_name]), {tp.partition: ends[tp] for tp in partitions})
        finally:
            consumer.close()
    for tp in partitions:
        known = read.offsets.get(tp.partition, begins[tp])
        if known < begins[tp]:
            logger.warning("retention has overtaken this reader: offsets %d to %d of %s:%d are gone", known, begins[tp] - 1, *tp)
        first = max(known, begins[tp], ends[tp] - look_back)
        if since is not None:
            first = max(first, found.offset if (found := dated.get(tp)) is not None else ends[tp])
        if first < ends[tp]:
            yield from read_partition(settings, topic_name, tp.partition, first, ends[tp])
        read.offsets[tp.partition] = ends[tp]


def _follow_topic(read: ReadSoFar, topic_name: str, found: dict[str, str], ends: dict[int, int]) -> None:
    """Begin anew where the topic is another than the one that was read."""
    is_shorter = any(offset > ends.get(partition, 0) for partition, offset in read.offsets.items())
    if made_anew(read.ids, found) or is_shorter:
        logger.warning("topic %s was deleted and made anew: it is read from its beginning", topic_name)
        read.offsets.clear()
    read.ids = found


@contextmanager
def _at(settings: KafkaSettings, topic_name: str, partition: int, start: int) -> Iterator[tuple[KafkaConsumer, TopicPartition]]:
    """A consumer of one partition that stands at `start`, or at the first offset kept where that is later."""
    tp = TopicPartition(topic_name, partition)
    with broker_errors(settings, f"reading {topic_name}"):
        consumer = make_consumer(settings)
        try:
            consumer.assign([tp])
            consumer.seek(tp, max(start, consumer.beginning_offsets([tp])[tp]))
            yield consumer, tp
        finally:
            consumer.close()
