"""When the breaker opens, and what is kept of a record that is dead-lettered."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.dead_letter import DeadLetter
from schemas.errors import BadRecord, BrokerError, DeadLetterReason, TooManyDeadLetters
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import REPLAY_HEADER, Breaker, DeadLetterWriter, original
from streams.kafka.settings import KafkaSettings

SETTINGS = KafkaSettings(topic_prefix="t.")
BAD = BadRecord(DeadLetterReason.BAD_JSON, "no closing brace")


class RecordingProducer:
    """Keeps what it is given; stands for a broker that takes everything, or nothing."""

    def __init__(self, refuses: bool = False) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, list[tuple[str, bytes]]]] = []
        self.refuses = refuses

    def send_bytes(self, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> Any:
        self.sent.append((topic, key, value, headers))
        return self

    def wait_for(self, sent: Any) -> None:
        if self.refuses:
            raise BrokerError("nobody there")


def record(value: bytes | None = b"{", key: bytes | None = b"k", headers: tuple[tuple[str, bytes], ...] = (("trace", b"1"),)) -> Record:
    return Record("t.samples", 1, 42, key, value, headers, 1700000000000)


def put(given: Record, bad: BadRecord = BAD, **other: Any) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]], DeadLetter]:
    producer = RecordingProducer()
    letter = DeadLetterWriter(producer, SETTINGS, "curriculum", **other).put(given, bad)  # type: ignore[arg-type]
    [(topic, key, value, headers)] = producer.sent
    assert topic == "t.dead-letters"
    assert DeadLetter.from_headers(headers) == letter
    return key, value, headers, letter


def opens(breaker: Breaker, records: str) -> bool:
    """Whether it is open after these: `.` good, `x` bad, `n` bad of a source that is known."""
    for one in records:
        breaker.record(ok=one == ".", named=one == "n")
    try:
        breaker.check()
    except TooManyDeadLetters as error:
        return "went to the dead letters" in str(error)
    return False


@pytest.mark.parametrize(
    ("records", "is_open"),
    [
        ("x" * 9, False),
        ("x" * 10, True),
        ("x" * 10 + "." * 100, True),
        ("." + "x" * 19, False),
        ("." + "x" * 20, True),
        ("xxxxxxxxx." * 10, False),
        ("n" * 500, False),
        ("xxxxn" * 100, False),
        ("n" + "x" * 20, True),
    ],
    ids=[
        "few",
        "all-since-the-start",
        "for-good",
        "one-good-one-lately",
        "all-lately",
        "most",
        "one-source",
        "some-of-a-source",
        "a-source-once",
    ],
)
def test_the_breaker_opens_only_where_all_lately_is_bad_and_nothing_tells_who_sent_it(records: str, is_open: bool) -> None:
    assert opens(Breaker(window=20, minimum=10), records) is is_open


def test_the_original_is_kept_byte_for_byte() -> None:
    key, value, headers, letter = put(record(value=b"\xff\x00{", key=b"\x80"))
    assert (key, value) == (b"\x80", b"\xff\x00{")
    assert ("trace", b"1") in headers
    assert (letter.topic, letter.partition, letter.offset) == ("t.samples", 1, 42)
    assert (letter.stage, letter.reason, letter.error) == ("curriculum", DeadLetterReason.BAD_JSON, "no closing brace")


def test_a_value_too_large_for_the_topic_is_still_recorded_and_says_so() -> None:
    whole = b"x" * (SETTINGS.topics.dead_letters.max_message_bytes + 1)
    _, value, _, letter = put(record(value=whole))
    assert value is not None
    assert len(value) > SETTINGS.topics.dead_letters.max_message_bytes // 2
    assert letter.truncated_from == len(whole)


def test_headers_too_large_for_the_topic_do_not_lose_the_record() -> None:
    limit = SETTINGS.topics.dead_letters.max_message_bytes
    key, value, headers, _ = put(record(key=b"k" * limit, headers=(("big", b"h" * limit),)))
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(content) for name, content in headers)
    assert size < limit
    assert value == b"{"


def test_a_record_without_a_value_comes_back_without_one() -> None:
    given = record(value=None)
    key, value, headers, letter = put(given)
    assert value == b""
    back = original(letter, Record("t.dead-letters", 0, 7, key, value, tuple(headers), 0))
    assert back == (b"k", None, [("trace", b"1"), (REPLAY_HEADER, b"t.dead-letters:0:7")])


def test_a_record_that_fails_again_after_a_replay_carries_its_new_reason_only() -> None:
    key, value, headers, letter = put(record())
    sent_back = original(letter, Record("t.dead-letters", 0, 7, key, value, tuple(headers), 0))
    again = Record("t.samples", 0, 99, sent_back[0], sent_back[1], tuple(sent_back[2]), 0)
    _, _, headers, letter = put(again, BadRecord(DeadLetterReason.INVALID, "other"))
    assert [value for name, value in headers if name == "pelton.reason"] == [b"invalid"]
    assert dict(headers)[REPLAY_HEADER] == b"t.dead-letters:0:7"
    assert letter.offset == 99


def test_headers_that_look_like_ours_do_not_hide_the_real_ones() -> None:
    _, _, headers, _ = put(record(headers=(("pelton.reason", b"empty"), ("pelton.offset", b"7"), ("other", b"1"))))
    assert [value for name, value in headers if name in ("pelton.reason", "pelton.offset")] == [b"42", b"bad_json"]
    assert ("other", b"1") in headers


def test_a_dead_letter_that_is_not_acknowledged_raises() -> None:
    writer = DeadLetterWriter(RecordingProducer(refuses=True), SETTINGS, "curriculum")  # type: ignore[arg-type]
    with pytest.raises(BrokerError, match="not acknowledged"):
        writer.put(record(), BAD)


@pytest.mark.parametrize(("headers", "is_open"), [((), True), ((("producer", b"atlas"),), False)], ids=["unknown", "known"])
def test_a_dead_letter_counts_on_the_breaker_once_it_is_safe_with_what_is_known_of_its_source(
    headers: tuple[tuple[str, bytes], ...], is_open: bool
) -> None:
    producer, breaker = RecordingProducer(), Breaker(window=2, minimum=1)
    writer = DeadLetterWriter(producer, SETTINGS, "curriculum", breaker=breaker)  # type: ignore[arg-type]
    letter = writer.put(record(headers=headers), BAD)
    assert letter.source == ("atlas" if headers else None)
    assert len(producer.sent) == 1
    assert opens(breaker, "") is is_open


def test_a_dead_letter_that_is_not_waited_for_is_the_same() -> None:
    producer = RecordingProducer(refuses=True)
    writer = DeadLetterWriter(producer, SETTINGS, "curriculum")  # type: ignore[arg-type]
    letter, _ = writer.put_soon(record(), BAD, "s1")
    [(_, key, value, headers)] = producer.sent
    assert (key, value, DeadLetter.from_headers(headers)) == (b"k", b"{", letter)
    assert letter.sample_id == "s1"
