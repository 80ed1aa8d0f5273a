"""Sending: idempotent, acknowledged by all replicas, bounded in memory, and never silently lossy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.record.default_records import DefaultRecordBatchBuilder

from schemas.base import Message
from schemas.errors import BadRecord, BrokerError, DeadLetterReason, Fenced
from schemas.topics import MAX_LETTER_BYTES, Topic
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, connect, explain, listens
from streams.kafka.keys import SigningKey
from streams.kafka.partitioner import KeyPartitioner
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signer
from streams.kafka.unacknowledged import Unacknowledged

BUFFER_BYTES = 32_000_000
"""Most bytes sent but not yet acknowledged; `send` waits above it."""
FLUSH_SECONDS = 130.0
"""Longest wait of `flush`: a little over the time after which kafka-python itself gives a record up."""
DELIVERY_MS = 120_000
"""How long kafka-python tries to deliver a record before it gives it up, in milliseconds."""
TRANSACTION_MS = 35_000
"""The same in a transaction, whose client does not recover from a leader's death before it has given the record up; kafka-python wants
more than its 30 s for one request."""
FOR_EVER_MS = 10 * 365 * 86_400_000
"""The same for a producer that waits for its broker."""
RECONNECT_MS = 3_000
"""Longest pause between two tries to reach a broker that is away, in milliseconds; kafka-python's own 30 s would outlast its return."""
LOOK_SECONDS = 1.0
"""How often it looks whether it is to go on waiting; WARN_SECONDS is a multiple."""
WARN_SECONDS = 20.0
"""How often a producer that waits for its broker says so."""
SAY_SECONDS = 5.0
"""When one that gives up in the end says so for the first time."""
METADATA_MS = 15_000
"""How long a first send waits to hear of its topic, in milliseconds."""
OTHER_TOPIC_BYTES = 1_048_588
"""Kafka's own default for the largest record batch, taken for topics that are not in the catalogue."""
LINGER_MS = 5
"""How long a record waits for others to share its batch, in milliseconds."""
OVERHEAD = 100
"""More than what a batch of one record takes beside key, value and headers, in bytes: 61 of the batch, at most 31 of the record."""

Headers = Iterable[tuple[str, bytes]]

logger = logging.getLogger(__name__)


class Producer:
    """Sends messages; `flush` raises if any record since the last flush was not acknowledged.

    Safe to share between threads. With a `transactional_id`, sends belong in a `with producer.transaction():` block, and an older
    producer of the same id is fenced.

    One refused record puts kafka-python's idempotent producer in a state in which it refuses everything. So records that the broker
    would refuse (too large, no key on a compacted topic) are refused here first, and after any failure a new client takes over.

    With `waits_for_broker`, a broker that is away is waited for, however long that takes, and said so: nothing that was sent is given up.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        transactional_id: str | None = None,
        buffer_bytes: int = BUFFER_BYTES,
        waits_for_broker: bool = False,
        linger_ms: int = LINGER_MS,
        while_waiting: Callable[[], None] = lambda: None,
        open_ms: int = 60_000,
    ) -> None:
        """Args beside those above:
        while_waiting: called every second by one that waits for its broker; what it raises ends the wait.
        open_ms: how long the broker bears a transaction that is open, in milliseconds.
        """
        self.settings = settings
        self._transactional_id = transactional_id
        self._unacknowledged = Unacknowledged(buffer_bytes)
        self._waits_for_broker = waits_for_broker
        self._linger_ms = linger_ms
        self._while_waiting = while_waiting
        self._open_ms = open_ms
        self._signer = Signer(SigningKey.load(settings.sign_key)) if settings.sign_key else None
        self._topics = {topic.name: topic for topic in settings.topics}
        self._client = self._open()

    @property
    def _delivery_ms(self) -> int:
        if self._waits_for_broker:
            return FOR_EVER_MS
        return TRANSACTION_MS if self._transactional_id else DELIVERY_MS

    def _open(self) -> KafkaProducer:
        with self._errors("connecting a producer"):
            client = connect(
                KafkaProducer,
                "announcements" if self._transactional_id else None,
                **self.settings.client_options(),
                transactional_id=self._transactional_id,
                transaction_timeout_ms=self._open_ms,
                enable_idempotence=True,
                acks="all",
                partitioner=KeyPartitioner(),
                linger_ms=self._linger_ms,
                batch_size=128_000,
                max_request_size=MAX_LETTER_BYTES + 200_000,
                delivery_timeout_ms=self._delivery_ms,
                max_block_ms=METADATA_MS,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                reconnect_backoff_max_ms=RECONNECT_MS,
            )
            if self._transactional_id:
                client.init_transactions()
        return client

    def send(self, topic: Topic, key: str, message: Message, headers: Headers = ()) -> Any:
        """Send one message; returns kafka-python's future, which most callers need not look at: `flush` does.

        Raises:
            BadRecord: `too_large` for its topic.
            BrokerError: the producer can send no more, or the topic is missing.
        """
        return self.send_bytes(topic.name, key.encode(), message.encode(), headers)

    def send_bytes(self, topic_name: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Any:
        """Send one record as it is; a value of None is a tombstone. Waits while the buffer is full.

        Raises:
            BadRecord: the topic would refuse it: too large, or without the key that a compacted topic needs.
            BrokerError: the producer can send no more, or the topic is missing.
            Fenced: a newer producer has this transactional id.
        """
        pairs = list(headers) if self._signer is None else self._signed(self._signer, topic_name, key, value, list(headers))
        size = self._checked_size(topic_name, key, value, pairs)
        self._unacknowledged.take_room(size, LOOK_SECONDS, self._while_waiting)
        try:
            future = self._sent(topic_name, key, value, pairs)
        except BaseException:
            self._unacknowledged.give_room(size)
            with self._errors(f"sending to {topic_name}"):  # entered only when it is needed: a send costs enough without it
                raise
        self._unacknowledged.add(future, size)
        return future

    def _signed(
        self, signer: Signer, topic_name: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """With this process's signature; a dead letter keeps its original's."""
        if topic_name == self.settings.topics.dead_letters.name:
            return headers
        return signer.headers(topic_name, key, value, headers)

    def _sent(self, topic_name: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        """A first send to a topic has to hear of it. A producer that waits for its broker asks on until one that listens does not tell."""
        listened = False
        while True:
            try:
                return self._client.send(topic_name, value=value, key=key, headers=headers)
            except KafkaTimeoutError:
                was_there, listened = listened, any(listens(address) for address in self.settings.servers)
                if not self._waits_for_broker or (was_there and listened):
                    raise
            self._while_waiting()
            logger.warning("the broker at %s has not told of %s; asking again", self.settings.bootstrap_servers, topic_name)

    @property
    def unacknowledged(self) -> int:
        """Bytes sent and not yet acknowledged."""
        return self._unacknowledged.bytes

    def flush(self, timeout: float = FLUSH_SECONDS, waiting: Callable[[], None] = lambda: None) -> None:
        """Wait until everything sent is acknowledged.

        Args:
            timeout: in seconds, for a producer that does not wait for its broker.
            waiting: called every second by one that does.

        Raises:
            BrokerError: at least one record since the last flush was not acknowledged; says how many, and why the first.
            Fenced: a newer producer has this transactional id.
        """
        with self._errors("waiting for acknowledgements"):
            try:
                self._wait(lambda seconds: self._client.flush(timeout=seconds), timeout, waiting=waiting)
            except KafkaTimeoutError as error:
                where, why = self.settings.bootstrap_servers, "is it away, or its disk full?"
                raise BrokerError(f"the broker at {where} has not acknowledged all that was sent within {timeout:.0f} s: {why}") from error
        failures = self._unacknowledged.take_failures()
        if not failures:
            return
        if is_fenced(failures[0]):
            raise Fenced(str(failures[0])) from failures[0]
        if not self._transactional_id:
            self._replace_client()
        first = explain(self.settings, "sending", failures[0])
        raise BrokerError(f"{len(failures)} records were not acknowledged; {first}") from failures[0]

    def wait_for(self, sent: Any, timeout: float = FLUSH_SECONDS) -> None:
        """Wait until one record, whose `send` returned this, is acknowledged; waits on as `flush` does.

        Raises:
            BrokerError: it was not acknowledged.
        """
        with self._errors("waiting for an acknowledgement"):
            self._wait(lambda seconds: sent.get(timeout=seconds), timeout, lambda: bool(sent.is_done))

    def _wait(
        self,
        wait: Callable[[float], object],
        timeout: float,
        given_up: Callable[[], bool] = lambda: False,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        waited, silent, left, told = 0.0, 0.0, self.unacknowledged, False
        while True:
            try:
                wait(LOOK_SECONDS if self._waits_for_broker else min(LOOK_SECONDS, timeout - waited))
                return
            except KafkaTimeoutError:
                if given_up() or not (self._waits_for_broker or waited + LOOK_SECONDS < timeout):
                    raise
            waiting()
            self._while_waiting()
            before, left = left, self.unacknowledged
            waited, silent = waited + LOOK_SECONDS, silent + LOOK_SECONDS if left == before else 0.0
            # Again and again where there is no end to it; else once, and soon, since somebody may be looking on.
            is_due = silent > 0 and silent % WARN_SECONDS == 0 if self._waits_for_broker else silent == SAY_SECONDS and not told
            if is_due:
                told = True
                self._tell_of_silence(silent, timeout - waited)

    def _tell_of_silence(self, silent: float, left: float) -> None:
        then = "waiting for it, nothing is lost"
        if not self._waits_for_broker:
            then = f"is it away, or its disk full? Trying on for {left:.0f} s"
        logger.warning("the broker at %s has acknowledged nothing for %.0f s; %s", self.settings.bootstrap_servers, silent, then)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All sends of the block become visible together, or not at all.

        Raises:
            Fenced: a newer producer has this transactional id.
            BrokerError: the transaction could not be committed; nothing of it is visible.
        """
        with self._errors("beginning a transaction"):
            self._client.begin_transaction()
        try:
            yield
            self.flush()
            with self._errors("committing a transaction"):
                self._client.commit_transaction()
        except Fenced:
            raise
        except BaseException:
            self._abort()
            raise

    def _abort(self) -> None:
        try:
            self._client.abort_transaction()
        except KafkaError as error:
            if is_fenced(error):
                raise Fenced(str(error)) from error
            self._replace_client()  # a new client of the same id aborts what the old one left open
        self._unacknowledged.forget()  # the transaction's own error is told; the next one is not to be told of records that are given up

    def close(self, timeout: float = 30.0) -> None:
        """Send what is buffered and disconnect. `timeout` in seconds. Call `flush` first to learn of failures.

        Raises:
            BrokerError: the broker is away, and something was left unsent.
        """
        with self._errors("disconnecting"):
            _close(self._client, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            with suppress(BrokerError):  # the block's own error says more
                self.close(timeout=5.0)
            return
        try:
            self.flush()
        except BaseException:
            with suppress(BrokerError):  # what has not been acknowledged by now is not waited for again
                self.close(timeout=0)
            raise
        self.close()

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            with broker_errors(self.settings, doing):
                yield
        except BrokerError as error:
            if is_fenced(error):
                raise Fenced(str(error)) from error.__cause__
            raise

    def begin_anew(self) -> None:
        """Go on with a new client. Of a transactional one it is the newest producer of its id from then on.

        Raises:
            BrokerError: the broker is away.
        """
        self._replace_client()
        self._unacknowledged.forget()

    def _replace_client(self) -> None:
        old = self._client
        self._client = self._open()
        with suppress(KafkaError):
            _close(old, 0)

    def _checked_size(self, topic_name: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> int:
        """Bytes that the record will take in the topic, alone in its batch, or a few more."""
        topic = self._topics.get(topic_name)
        limit = topic.max_message_bytes if topic else OTHER_TOPIC_BYTES
        size = len(key or b"") + len(value or b"") + OVERHEAD
        for name, content in headers:
            size += 4 * len(name) + len(content) + 10
        if size > limit:
            size = int(DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers))
        if size > limit:
            raise BadRecord(DeadLetterReason.TOO_LARGE, f"{size} bytes with key and headers; {topic_name} takes at most {limit}")
        if key is None and (value is None or (topic is not None and topic.compacted)):
            raise BadRecord(DeadLetterReason.INVALID, f"a record without a key cannot stand in {topic_name}")
        return size


def _close(client: KafkaProducer, timeout: float) -> None:
    """Disconnect. Where something is left unsent, kafka-python raises before it has closed, and once more, with a traceback, when the
    client is collected: so it is made to let go first."""
    try:
        client.close(timeout=timeout)
    except KafkaError:
        client._sender.force_close()
        client._closed = True
        raise


def is_fenced(error: BaseException) -> bool:
    """Whether a newer producer has the transactional id; later calls tell of it only in their text."""
    return "ProducerFenced" in f"{type(error).__name__} {error}" or "InvalidProducerEpoch" in f"{type(error).__name__} {error}"
