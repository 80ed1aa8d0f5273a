"""Dead letters: bad records kept whole, with the reason; the breaker that stops a node all of whose input is bad."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.dead_letter import HEADER_PREFIX, REPLAY_HEADER, DeadLetter
from schemas.errors import BadRecord, BrokerError, DeadLetterReason, TooManyDeadLetters
from streams.kafka.consumer import Record, read_range
from streams.kafka.signatures import REASONS as SIGNATURE_REASONS
from streams.kafka.sources import source_of

if TYPE_CHECKING:
    from streams.kafka.producer import Producer
    from streams.kafka.settings import KafkaSettings

MAX_ERROR_CHARS = 2000
"""Longest error text kept in a header."""
OVERHEAD_BYTES = 1000
"""Room left for the record batch's own framing."""
OUR_HEADERS = frozenset(HEADER_PREFIX + name for name in DeadLetter.model_fields)

logger = logging.getLogger(__name__)


class Breaker:
    """Opens, for good, when all of the latest records were bad and nobody can tell who sent them: `window` records, or all since the start
    once these are `minimum`.

    What comes from a source that can be told from others never opens it (see `sources`). Counting never raises: a node stops by `check`
    where it can first commit how far it came, so that its next start goes on behind what is in the dead letters.
    """

    def __init__(self, window: int = 200, minimum: int = 50) -> None:
        self.window = window
        self.minimum = minimum
        self._good_seen = False
        self._bad = 0
        self._why: str | None = None

    def record(self, ok: bool, named: bool = False) -> None:
        """Count one record; `named` where its source is known."""
        if ok or named:
            self._good_seen, self._bad = True, 0
            return
        self._bad += 1
        if self._why is None and self._bad >= (self.window if self._good_seen else self.minimum):
            self._why = (
                f"all of the last {self._bad} records went to the dead letters, and nothing tells who sent them; see `pelton dead-letters"
                " list`, mend the producer (a `producer` header lets one be paused alone), and start again: what is in the dead letters is"
                " not read again"
            )

    @property
    def is_open(self) -> bool:
        """Whether the node is to stop."""
        return self._why is not None

    @property
    def bad_in_a_row(self) -> int:
        """Bad records since the last good one, of whom nothing tells who sent them."""
        return self._bad

    def check(self) -> None:
        """Stop where all records are bad.

        Raises:
            TooManyDeadLetters: all that came lately was bad, from sources that nobody can tell.
        """
        if self._why is not None:
            raise TooManyDeadLetters(self._why)


class DeadLetterWriter:
    """Puts bad records on the dead-letter topic, so that the node may then go on: waiting until the broker has each, or by `put_soon`."""

    def __init__(
        self, producer: Producer, settings: KafkaSettings, stage: str, run_id: str | None = None, breaker: Breaker | None = None
    ) -> None:
        self.topic = settings.topics.dead_letters
        self.stage = stage
        self.run_id = run_id
        self.breaker = breaker
        self._producer = producer

    def put(self, record: Record, bad: BadRecord, sample_id: str | None = None) -> DeadLetter:
        """Dead-letter one record, byte for byte where it fits, and count it on the breaker.

        Raises:
            BrokerError: the broker did not take it; the caller must not go past the record.
        """
        letter, sent = self.put_soon(record, bad, sample_id)
        try:
            self._producer.wait_for(sent)
        except BrokerError as error:
            raise BrokerError(f"a dead letter was not acknowledged: {error} ({record.topic} {record.partition}:{record.offset})") from error
        self._count(letter)
        return letter

    def put_before_flush(self, record: Record, bad: BadRecord, sample_id: str | None = None) -> DeadLetter:
        """As `put`, for a caller that flushes the producer before it commits anything: thousands of bad records in a row are not waited for
        one by one.
        """
        letter, _ = self.put_soon(record, bad, sample_id)
        self._count(letter)
        return letter

    def _count(self, letter: DeadLetter) -> None:
        if self.breaker is not None:
            # Whoever writes without a right to must not be able to stop a node by it.
            self.breaker.record(ok=False, named=letter.source is not None or letter.reason in SIGNATURE_REASONS)

    def put_soon(self, record: Record, bad: BadRecord, sample_id: str | None = None) -> tuple[DeadLetter, Any]:
        """Send the dead letter without waiting for the broker; the caller must not go past the record before the producer's `flush`.

        Returns:
            The letter, and what `Producer.wait_for` takes.
        """
        key, value, headers, cut_from = self._fit(record)
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            stage=self.stage,
            reason=bad.reason,
            error=bad.detail[:MAX_ERROR_CHARS],
            sample_id=sample_id,
            run_id=self.run_id,
            source=source_of(record),
            truncated_from=cut_from,
            was_null=True if record.value is None else None,
        )
        sent = self._producer.send_bytes(self.topic.name, key, value, [*headers, *letter.headers()])
        level = logging.DEBUG if bad.reason is DeadLetterReason.SOURCE_PAUSED else logging.WARNING  # that was said when it was paused
        logger.log(level, "dead letter %s %d:%d (%s): %s", record.topic, record.partition, record.offset, bad.reason.value, letter.error)
        return letter, sent

    def _fit(self, record: Record) -> tuple[bytes | None, bytes, list[tuple[str, bytes]], int | None]:
        """Key, value and headers that fit the topic, and the value's whole length where it had to be cut."""
        value = record.value or b""
        headers = [(name, content) for name, content in record.headers if name not in OUR_HEADERS]
        room = self.topic.max_message_bytes - OVERHEAD_BYTES - 8 * MAX_ERROR_CHARS
        key = record.key[: room // 4] if record.key is not None else None
        room -= len(key or b"") + sum(len(name) * 4 + len(content) + 10 for name, content in headers)
        if room < self.topic.max_message_bytes // 4:  # headers of the original's that leave no room for its value
            room += sum(len(name) * 4 + len(content) + 10 for name, content in headers)
            headers = []
        return key, value[:room], headers, len(value) if len(value) > room else None


def read_dead_letters(settings: KafkaSettings, records: Iterable[Record] | None = None) -> Iterator[tuple[DeadLetter, Record]]:
    """Every dead letter now on the topic (or of these records of it), oldest first. The record is as it lies there: the original's key and
    value, all headers.

    A record whose headers are not ours is passed over with a warning.
    """
    for record in read_range(settings, settings.topics.dead_letters.name) if records is None else records:
        try:
            yield DeadLetter.from_headers(record.headers), record
        except ValidationError as error:
            logger.warning(
                "%s %d:%d is no dead letter of ours: %s", record.topic, record.partition, record.offset, error.errors()[0]["msg"]
            )


def original(letter: DeadLetter, record: Record) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """Key, value and headers with which to send a dead letter back, and a header that says which dead letter it was."""
    headers = [(name, value) for name, value in record.headers if name not in OUR_HEADERS and name != REPLAY_HEADER]
    provenance = f"{record.topic}:{record.partition}:{record.offset}"
    return record.key, None if letter.was_null else record.value, [*headers, (REPLAY_HEADER, provenance.encode())]
