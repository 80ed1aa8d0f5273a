"""A Faust app around one node: the only place where agents are wired, events acknowledged and offsets committed.

What Faust would do, and why we do not leave it to Faust:

- It acknowledges an event whose agent raised or was cancelled, and one that it skips in a rebalance, and may then commit past events
  still in flight. So its acknowledgements are off: we commit ourselves, after each batch, the offset behind the batch's last record in
  each partition.
- Work in its event loop would delay heartbeats. So a batch is handled in one thread, one batch at a time.
- It would make topics, a leader topic, tables and a web server. All are off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, cast

import faust
from aiokafka import client
from aiokafka.consumer import fetcher
from aiokafka.errors import InconsistentGroupProtocolError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest
from faust.app.base import BootStrategy
from faust.transport.consumer import Consumer as FaustConsumer
from faust.types import TP

from schemas.errors import BrokerError, PeltonError, UserError
from streams import metrics
from streams.committed import CommittedTransport, past_markers
from streams.kafka.admin import committed_offsets
from streams.kafka.connection import client_id, listens
from streams.kafka.consumer import Record
from streams.kafka.decompression import bound_decompression
from streams.kafka.header_names import tolerate_header_names
from streams.kafka.settings import KafkaSettings
from streams.node import StreamNode
from streams.scratch import scratch_folder

DRAIN_SECONDS = 10.0
"""How long a stop waits for the batch in flight. What is not done by then is not committed, and will be read again."""
STOP_SECONDS = 15.0
"""After this a stopping process leaves as it stands: clients wait for minutes on a broker that hangs, and waiting saves nothing."""
SESSION_SECONDS = 8.0
"""A worker that was killed is noticed after this, and its partitions move."""
IDLE_SECONDS = 1.0
"""A node without records for this long looks whether only transaction markers are left before the end."""
LOOK_SECONDS = 5.0
"""How often the broker is asked whether the topic is still the same one."""
BATCH_ATTEMPTS = 4
"""How often a batch is tried that fails for the broker although that is there."""
PROBE_EVERY_SECONDS = 2.0
"""How often the broker is asked whether it is there, for readiness."""

logger = logging.getLogger(__name__)

tolerate_header_names(fetcher)
bound_decompression(fetcher)
# Its consumers have no option for it: a missing topic was made, with the broker's defaults, by whoever asked where it is.
client.MetadataRequest = partial(MetadataRequest, allow_auto_topic_creation=False)


class NodeFailed(PeltonError):  # noqa: N818 - as its siblings
    """Faust itself failed; the text says how."""


class _ReadsOnly(BootStrategy):
    """Only what reads: no web server, and no producer of Faust's."""

    enable_web = False
    enable_kafka_producer = False


class _App(faust.App):
    BootStrategy = _ReadsOnly
    logger = logging.getLogger("faust.app")


def build_app(settings: KafkaSettings, group: str, folder: str) -> faust.App:
    """A Faust app that reads as `group` and writes nothing, neither to topics of its own nor to `folder`, which it wants to have."""
    return _App(
        group,
        **settings.faust_options(),
        broker_client_id=client_id("records"),
        datadir=folder,
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=round(LOOK_SECONDS * 1000),  # by which the group's leader finds a topic that comes, goes or grows
        stream_wait_empty=False,
        stream_buffer_maxsize=1024,
        broker_max_poll_records=512,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 4,
        broker_request_timeout=30.0,
    )


def run(node: StreamNode, metrics_port: int | None = None, metrics_host: str = "127.0.0.1") -> None:
    """Run a node in this thread until SIGTERM or SIGINT. The batch in flight is finished first.

    Raises:
        BrokerError: the broker cannot be reached, or took something not.
        ConfigError: the metrics port is taken.
        TooManyDeadLetters: the breaker opened.
        NodeFailed: Faust failed.
    """
    with scratch_folder() as folder, ExitStack() as at_the_end:
        at_the_end.callback(node.close)
        runner = Runner(node, folder)
        settings = node.settings
        metrics.INSTALLATION_INFO.labels(node.name, settings.bootstrap_servers, settings.topic_prefix).set(1)
        server = at_the_end.enter_context(metrics.start_metrics(node.name, metrics_port, metrics_host, runner.waiting_for, node.remarks))
        at_the_end.enter_context(metrics.computed({metrics.BROKER_UP: lambda: float(not runner.broker_away), **node.told_of}, node.name))
        server.announce(node.state_folder, node.run_id)
        try:
            asyncio.run(runner.serve())
        finally:
            runner.stopped()


class Runner:
    """One node and its app, in one event loop."""

    def __init__(self, node: StreamNode, folder: str) -> None:
        self._node = node
        self._folder = folder
        self._failure: BaseException | None = None
        self._assigned = self._reassigned = False
        self.broker_away = False
        """Whether no broker answered when one was asked for last."""
        self._strangers = ""
        self._missing = False
        self._last_batch = 0.0
        self._done: dict[TP, int] = {}
        self._looked: dict[TP, int] = {}
        self._leaving = threading.Timer(STOP_SECONDS, self._leave)
        self._leaving.daemon = True

    def waiting_for(self) -> str | None:
        """What keeps this node from working, or None; for `/readyz`, so called from another thread."""
        if (what := self._node.waiting_for()) is not None:
            return what
        if self.broker_away:
            return f"the broker at {self._node.settings.bootstrap_servers}"
        if self._missing:
            return f"topic {self._node.topic.name}, which is not there; `pelton topics create` makes it"
        return None if self._assigned else f"its partitions{self._strangers}"

    async def serve(self) -> None:
        """Start, work, stop."""
        self._stopping = asyncio.Event()
        self._at_work = asyncio.Lock()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._node.name)
        app = self._wire()
        chores = [asyncio.create_task(chore) for chore in self._chores(app)]
        try:
            await self._stopping.wait()
            self._leaving.start()
            await self._drain()
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            self._node.close()
            with suppress(Exception):  # what fails now was not committed
                await app.stop()
            self._thread.shutdown(wait=True, cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    def _chores(self, app: faust.App) -> list[Coroutine[Any, Any, None]]:
        return [self._start(app), self._watch(app), self._probe(), self._pass_markers(app), self._look_at_topic(app)]

    def stopped(self) -> None:
        """All is stopped in order."""
        self._leaving.cancel()

    def _leave(self) -> None:
        why = self._failure or f"left after {STOP_SECONDS:.0f} s; what was not committed will be read again"
        logger.critical("%s: %s", self._node.name, why)
        os._exit(2 if isinstance(self._failure, UserError) else 1 if self._failure else 0)

    def _wire(self) -> faust.App:
        app = build_app(self._node.settings, self._node.group, self._folder)
        topic = app.topic(self._node.topic.name, key_type=bytes, value_type=bytes, acks=False, allow_empty=True)

        async def agent(stream: Any) -> None:
            async for events in stream.noack_take(self._node.batch, within=self._node.linger):
                await self._batch(app, events)

        async def assigned(*_: object, **__: object) -> None:
            if not self._assigned:
                logger.info("%s: reading %s as group %s", self._node.name, self._node.topic.name, self._node.group)
            self._assigned = self._reassigned = True

        app.transport = CommittedTransport(app.conf.broker_consumer, app, positions=self._node.positions)
        app.agent(topic, name=self._node.name, concurrency=1)(agent)
        app.on_partitions_assigned.connect(assigned, weak=False)
        return app

    async def _batch(self, app: faust.App, events: list[Any]) -> None:
        async with self._at_work:  # held for good once the node is stopping
            try:
                failures = 0
                while True:
                    try:
                        await self._try_batch(app, events)
                        break
                    except (BrokerError, KafkaError) as error:
                        failures = await self._wait_to_try_again(failures + 1, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the node stops; what is not done yet is not committed
                self._fail(_told(error, self._node.settings) if isinstance(error, KafkaError) else error)
            self._last_batch = asyncio.get_running_loop().time()
        if self._failure is not None:
            await asyncio.Event().wait()  # until cancelled: to return would have Faust start the agent again

    async def _try_batch(self, app: faust.App, events: list[Any]) -> None:
        # Those fetched before a rebalance come again, from where the group stands. Until it is known where that is, nothing flows.
        messages = [event.message for event in events if event.message.generation_id == app.consumer_generation_id]
        if not messages or not cast(Any, app.consumer).flow_active:
            return
        if self._reassigned:
            self._reassigned = False
            self._done.clear()
            self._looked.clear()
            try:
                await self._in_thread(self._node.reassigned)
            except BaseException:
                self._reassigned = True
                raise
        await self._handle(app, messages)

    async def _wait_to_try_again(self, failures: int, error: BrokerError | KafkaError) -> int:
        """A broker that goes away while a batch is handled is waited for: the batch is not committed, and is handled again.

        Returns:
            How often the batch has failed with the broker there.

        Raises:
            BrokerError, KafkaError: as often as is tried.
        """
        logger.warning("%s: %s; the batch is not committed, and is tried again", self._node.name, " ".join(str(error).split()))
        await asyncio.sleep(PROBE_EVERY_SECONDS)
        while not any([await asyncio.to_thread(listens, server) for server in self._node.settings.servers]):
            failures = 0
            await asyncio.sleep(PROBE_EVERY_SECONDS)
        if failures >= BATCH_ATTEMPTS:
            raise error
        return failures

    async def _handle(self, app: faust.App, messages: list[Any]) -> None:
        topic_id = self._node.positions.topic_id
        await self._look_at_gaps(messages)
        await self._in_thread(self._node.handle, [_record(message) for message in messages])
        if topic_id == self._node.positions.topic_id:  # else these offsets are of a topic that is no more
            await self._commit(app, {message.tp: message.offset + 1 for message in messages})
        self._node.committed()

    async def _look_at_gaps(self, messages: list[Any]) -> None:
        """Where the first record of a partition is not the one behind the last: ask whether the log has lost what is between."""
        firsts = {message.tp: message.offset for message in reversed(messages)}
        for tp, offset in firsts.items():
            if offset > (expected := self._done.get(tp, offset)):
                try:
                    await self._in_thread(self._node.positions.look_at_gap, tp, expected, offset)
                except BrokerError as error:
                    logger.warning(
                        "%s: offsets %d to %d of %s did not come, and why was not told: %s", self._node.name, expected, offset, tp, error
                    )

    async def _look_at_topic(self, app: faust.App) -> None:
        """Begin at the beginning of a topic made anew, whatever was fetched or committed of the one that was."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._tell_strangers(await asyncio.to_thread(self._node.positions.strangers, self._node.group))
                if not self._assigned and app.consumer is not None and (why := await cast(Any, app.consumer).refusal()):
                    logger.info("%s: group %s could not be joined (%s); trying again", self._node.name, self._node.group, why)
                self._tell_missing(await asyncio.to_thread(self._node.positions.is_missing))
                if self._assigned and app.consumer.assignment() and await asyncio.to_thread(self._node.positions.is_made_anew):
                    await cast(Any, app.consumer).rejoin()
            except Exception as error:  # noqa: BLE001 - it is looked at again
                logger.log(
                    logging.DEBUG if isinstance(error, BrokerError) else logging.WARNING, "%s: its topic: %s", self._node.name, error
                )

    def _tell_missing(self, is_missing: bool) -> None:
        """Say that the topic is gone; it is read from its beginning when it comes back."""
        if is_missing and not self._missing:
            logger.warning("%s: topic %s is not there any more; it is read once it is made again", self._node.name, self._node.topic.name)
        self._missing = is_missing

    def _tell_strangers(self, found: list[str]) -> None:
        """Say who else is in the group: its name is taken from us, or a part of our records."""
        told = f"; consumers of another kind use its group {self._node.group}: {', '.join(found)}" if found else ""
        if told and told != self._strangers:
            harm = "they are given records that nobody bands or judges then" if self._assigned else "it cannot be joined until they leave"
            logger.warning("%s: %s; %s", self._node.name, told.removeprefix("; "), harm)
        self._strangers = told

    async def _commit(self, app: faust.App, offsets: dict[TP, int]) -> None:
        """Commit; where the partitions have moved meanwhile, nothing happens, and their new owner reads the batch again."""
        await cast(FaustConsumer, app.consumer)._commit(offsets)
        self._done.update(offsets)

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stopping.set()

    async def _drain(self) -> None:
        """Wait for the batch in flight, and let no other begin."""
        try:
            await asyncio.wait_for(self._at_work.acquire(), DRAIN_SECONDS)
        except TimeoutError:
            logger.warning("%s: the batch in flight did not end in %.0f s; it will be read again", self._node.name, DRAIN_SECONDS)

    async def _start(self, app: faust.App) -> None:
        try:
            await self._in_thread(self._node.prepare)
            await app.start()
        except Exception as error:  # noqa: BLE001 - told as one line
            self._fail(_told(error, self._node.settings))

    async def _watch(self, app: faust.App) -> None:
        """Notice that a service of Faust's has crashed; Faust itself would only log it."""
        await app.wait_until_stopped()
        if not self._stopping.is_set():
            self._fail(_told(app.crash_reason or RuntimeError("Faust stopped"), self._node.settings))

    async def _probe(self) -> None:
        """Ask now and then whether a broker answers."""
        servers = self._node.settings.servers
        while True:
            self.broker_away = not await asyncio.to_thread(lambda: any(listens(server) for server in servers))
            await asyncio.sleep(PROBE_EVERY_SECONDS)

    async def _pass_markers(self, app: faust.App) -> None:
        """Commit the end of partitions in which only transaction markers are left, so that lag becomes zero."""
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            async with self._at_work:
                if not self._assigned or asyncio.get_running_loop().time() - self._last_batch < IDLE_SECONDS:
                    continue
                ends = {tp: app.consumer.highwater(tp) or 0 for tp in app.consumer.assignment() if tp.topic == self._node.topic.name}
                behind = {tp: end for tp, end in ends.items() if max(self._done.get(tp, 0), self._looked.get(tp, 0)) < end}
                if behind and (past := await self._in_thread(self._past_markers, behind)):
                    await self._commit(app, past)

    def _past_markers(self, ends: dict[TP, int]) -> dict[TP, int]:
        """For partitions with these ends: where to go on, behind markers that are last."""
        settings = self._node.settings
        try:
            committed = committed_offsets(settings, self._node.group)
            starts = {tp: committed.get(tp, 0) for tp in ends}
            found = {tp: past_markers(settings, tp.topic, tp.partition, start) for tp, start in starts.items()}
        except BrokerError as error:
            logger.debug("%s: looking for markers: %s", self._node.name, error)
            return {}
        self._looked.update(ends)  # what was found will not change until the end does
        return {tp: offset for tp, offset in found.items() if offset > starts[tp]}


def _record(message: Any) -> Record:
    headers = tuple((name, value or b"") for name, value in message.headers or ())
    stamp = round((message.timestamp or 0) * 1000)
    return Record(message.topic, message.partition, message.offset, message.key, message.value, headers, stamp)


def _told(error: BaseException, settings: KafkaSettings) -> PeltonError:
    if isinstance(error, PeltonError):
        return error
    if isinstance(error, InconsistentGroupProtocolError):
        return BrokerError("a consumer of another kind uses the name of our group, and we cannot join it: stop it, and start this again")
    if isinstance(error, KafkaError | OSError):
        return BrokerError(f"reading from {settings.bootstrap_servers}: {' '.join(str(error).split()) or type(error).__name__}")
    return NodeFailed(f"{type(error).__name__}: {' '.join(str(error).split())}")
