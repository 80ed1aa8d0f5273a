"""What the producer refuses before the broker would, and how it tells of fencing."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFencedError

from schemas.errors import BadRecord, DeadLetterReason
from streams.kafka.producer import Producer, is_fenced
from streams.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings()
LIMIT = SETTINGS.topics.losses.max_message_bytes


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    """One that never connects: the checks come before the client."""
    monkeypatch.setattr("streams.kafka.producer.connect", lambda kind, *_, **options: None)
    return Producer(SETTINGS)


@pytest.mark.parametrize(
    ("topic", "key", "value", "reason"),
    [
        (SETTINGS.topics.losses.name, b"k", b"x" * LIMIT, DeadLetterReason.TOO_LARGE),
        (SETTINGS.topics.losses.name, b"k" * LIMIT, b"", DeadLetterReason.TOO_LARGE),
        ("another", b"k", b"x" * 1_048_588, DeadLetterReason.TOO_LARGE),
        (SETTINGS.topics.facts.name, None, b"x", DeadLetterReason.INVALID),
        (SETTINGS.topics.losses.name, None, None, DeadLetterReason.INVALID),
    ],
)
def test_what_the_broker_would_refuse_is_refused_here(
    producer: Producer, topic: str, key: bytes | None, value: bytes | None, reason: DeadLetterReason
) -> None:
    with pytest.raises(BadRecord) as caught:
        producer.send_bytes(topic, key, value)
    assert caught.value.reason is reason


def test_headers_count_too(producer: Producer) -> None:
    with pytest.raises(BadRecord):
        producer.send_bytes(SETTINGS.topics.losses.name, b"k", b"v", [("h", b"x" * LIMIT)])


def test_fencing_is_told_from_other_errors() -> None:
    assert is_fenced(ProducerFencedError())
    assert is_fenced(KafkaError("in an error state: [Error 90] ProducerFencedError"))
    assert not is_fenced(MessageSizeTooLargeError())
