"""Sending: idempotent, acknowledged by all replicas, bounded in memory, and never silently lossy."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kafka import KafkaProducer
from kafka.errors import InvalidProducerEpochError, KafkaError, ProducerFencedError

from schemas.base import Message
from schemas.errors import BadRecord, BrokerError, DeadLetterReason, Fenced
from schemas.topics import MAX_LETTER_BYTES, Topic
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, explain

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

BUFFER_BYTES = 32_000_000
"""Most bytes sent but not yet acknowledged; `send` waits above it."""
FLUSH_SECONDS = 130.0
"""Longest wait of `flush`: a little over the time after which kafka-python itself gives a record up."""

Headers = Iterable[tuple[str, bytes]]


class Producer:
    """Sends messages; `flush` raises if any record since the last flush was not acknowledged.

    Safe to share between threads. With a `transactional_id`, sends belong in a `with producer.transaction():` block, and an older
    producer of the same id is fenced.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str | None = None, buffer_bytes: int = BUFFER_BYTES) -> None:
        self.settings = settings
        self._buffer_bytes = buffer_bytes
        self._room = threading.Condition()
        self._unacknowledged = 0
        self._failures: list[BaseException] = []
        with self._errors("connecting a producer"):
            self._client = KafkaProducer(
                **settings.client_options(),
                transactional_id=transactional_id,
                enable_idempotence=True,
                acks="all",
                allow_auto_create_topics=False,
                linger_ms=5,
                batch_size=128_000,
                max_request_size=MAX_LETTER_BYTES + 200_000,
                max_block_ms=30_000,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
            )
            if transactional_id:
                self._client.init_transactions()

    def send(self, topic: Topic, key: str, message: Message, headers: Headers = ()) -> Any:
        """Send one message; returns kafka-python's future, which most callers need not look at: `flush` does.

        Raises:
            BadRecord: `too_large` for its topic.
            BrokerError: the producer can send no more.
        """
        value = message.encode()
        if len(value) > topic.max_message_bytes:
            raise BadRecord(DeadLetterReason.TOO_LARGE, f"{len(value)} bytes; {topic.name} takes at most {topic.max_message_bytes}")
        return self.send_bytes(topic.name, key.encode(), value, headers)

    def send_bytes(self, topic_name: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Any:
        """Send one record as it is; a value of None is a tombstone. Waits while the buffer is full.

        Raises:
            BrokerError: the producer can send no more, or the topic is missing.
            Fenced: a newer producer has this transactional id.
        """
        size = len(key or b"") + len(value or b"") + 100
        self._take_room(size)
        try:
            with self._errors(f"sending to {topic_name}"):
                future = self._client.send(topic_name, value=value, key=key, headers=list(headers))
        except BaseException:
            self._give_room(size)
            raise
        future.add_both(lambda result: self._acknowledged(size, result))
        return future

    def flush(self, timeout: float = FLUSH_SECONDS) -> None:
        """Wait until everything sent is acknowledged. `timeout` in seconds.

        Raises:
            BrokerError: at least one record since the last flush was not acknowledged; says how many, and why the first.
            Fenced: a newer producer has this transactional id.
        """
        with self._errors("waiting for acknowledgements"):
            self._client.flush(timeout=timeout)
        with self._room:
            failures, self._failures = self._failures, []
        if failures:
            if isinstance(failures[0], (ProducerFencedError, InvalidProducerEpochError)):
                raise Fenced(str(failures[0]))
            first = explain(self.settings, "sending", failures[0])
            raise BrokerError(f"{len(failures)} records were not acknowledged; {first}") from failures[0]

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
            with self._errors("aborting a transaction"):
                self._client.abort_transaction()
            raise

    def close(self, timeout: float = 30.0) -> None:
        """Send what is buffered and disconnect. `timeout` in seconds. Call `flush` first to learn of failures."""
        self._client.close(timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close(timeout=30.0 if kind is None else 5.0)

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            with broker_errors(self.settings, doing):
                yield
        except BrokerError as error:
            if isinstance(error.__cause__, (ProducerFencedError, InvalidProducerEpochError)):
                raise Fenced(str(error)) from error.__cause__
            raise

    def _take_room(self, size: int) -> None:
        with self._room:
            # A record larger than the whole buffer goes alone.
            self._room.wait_for(lambda: self._unacknowledged == 0 or self._unacknowledged + size <= self._buffer_bytes)
            self._unacknowledged += size

    def _give_room(self, size: int) -> None:
        with self._room:
            self._unacknowledged -= size
            self._room.notify_all()

    def _acknowledged(self, size: int, result: object) -> None:
        """Called by kafka-python's sender thread, with metadata or with the error."""
        with self._room:
            if isinstance(result, KafkaError):
                self._failures.append(result)
            self._unacknowledged -= size
            self._room.notify_all()
