"""A record that cannot be used is dead-lettered whole, found again, and sent back as one and the same sample."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import pelton
from schemas.errors import BadRecord, DeadLetterReason, UserError
from schemas.sample import Sample
from streams.kafka.consumer import Record, read_range
from streams.kafka.dead_letters import REPLAY_HEADER, DeadLetterWriter, read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

BROKEN = b'\xff{"prompt": '


def run(settings: KafkaSettings, *words: str) -> Result:
    flags = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    return CliRunner().invoke(pelton, [*words, *flags])


def ran(settings: KafkaSettings, *words: str) -> str:
    done = run(settings, *words)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def dead_letter(settings: KafkaSettings, *values: bytes | None, reason: DeadLetterReason = DeadLetterReason.BAD_JSON) -> list[Record]:
    """Send values to `samples`, and dead-letter each of them as a curriculum worker would."""
    samples = settings.topics.samples.name
    with Producer(settings) as producer:
        for number, value in enumerate(values):
            producer.send_bytes(samples, f"k{number}".encode(), value, [("trace", b"1")])
        producer.flush()
        records = list(read_range(settings, samples))
        writer = DeadLetterWriter(producer, settings, "curriculum")
        for record in records:
            writer.put(record, BadRecord(reason, "cannot be read"))
    return records


def position(record: Record) -> str:
    return f"{record.topic}:{record.partition}:{record.offset}"


def test_the_original_bytes_are_kept_and_found(settings: KafkaSettings) -> None:
    [record] = dead_letter(settings, BROKEN)
    [(letter, kept)] = read_dead_letters(settings)
    assert (kept.key, kept.value) == (b"k0", BROKEN)
    assert dict(kept.headers)["trace"] == b"1"
    assert (letter.topic, letter.partition, letter.offset) == (record.topic, record.partition, record.offset)


def test_the_largest_sample_is_dead_lettered_though_cut_and_says_so(settings: KafkaSettings) -> None:
    whole = b"x" * (settings.topics.samples.max_message_bytes - 100)
    dead_letter(settings, whole)
    [(letter, kept)] = read_dead_letters(settings)
    assert letter.truncated_from == len(whole)
    assert kept.value is not None
    assert whole.startswith(kept.value)
    assert "0 of 1" in ran(settings, "dead-letters", "replay", "--all")


def test_foreign_records_on_the_topic_are_passed_over(settings: KafkaSettings) -> None:
    with Producer(settings) as producer:
        producer.send_bytes(settings.topics.dead_letters.name, b"k", b"not ours")
    dead_letter(settings, BROKEN)
    assert len(list(read_dead_letters(settings))) == 1


def test_list_counts_and_filters(settings: KafkaSettings) -> None:
    dead_letter(settings, BROKEN, b"{", reason=DeadLetterReason.BAD_JSON)
    assert "2  curriculum   bad_json" in ran(settings, "dead-letters", "list")
    assert "no dead letters" in ran(settings, "dead-letters", "list", "--reason", "empty")
    assert "no dead letters" in ran(settings, "dead-letters", "list", "--stage", "trainer")
    assert len(json.loads(ran(settings, "dead-letters", "list", "--json"))) == 2


def test_show_prints_headers_and_payload(settings: KafkaSettings) -> None:
    [record] = dead_letter(settings, BROKEN)
    shown = ran(settings, "dead-letters", "show", position(record))
    for part in ("pelton.reason: bad_json", "trace: 1", "key: k0", r'\xff{"prompt": '):
        assert part in shown
    assert json.loads(ran(settings, "dead-letters", "show", position(record), "--json"))["payload"] == r'\xff{"prompt": '


def test_an_unknown_position_is_named(settings: KafkaSettings) -> None:
    done = run(settings, "dead-letters", "show", f"{settings.topics.samples.name}:0:99")
    assert isinstance(done.exception, UserError)


def test_replay_sends_the_same_bytes_under_the_same_key_with_provenance(settings: KafkaSettings) -> None:
    [record] = dead_letter(settings, BROKEN)
    assert "replayed 1 of 1" in ran(settings, "dead-letters", "replay", "--reason", "bad_json")
    _, again = read_range(settings, settings.topics.samples.name)
    assert (again.key, again.value, again.partition) == (record.key, record.value, record.partition)
    assert again.headers == (("trace", b"1"), (REPLAY_HEADER, f"{settings.topics.dead_letters.name}:0:0".encode()))


def test_a_repaired_value_replayed_twice_is_one_sample(settings: KafkaSettings, tmp_path: Path) -> None:
    [record] = dead_letter(settings, BROKEN)
    mended = tmp_path / "mended.json"
    mended.write_text('{"prompt": "q", "answer": "a"}\n')
    for _ in range(2):
        ran(settings, "dead-letters", "replay", "--position", position(record), "--value-file", str(mended))
    _, first, second = read_range(settings, settings.topics.samples.name)
    assert first.key == second.key == record.key
    assert Sample.decode(first.value).sample_id == Sample.decode(second.value).sample_id


def test_a_value_that_is_still_bad_is_refused(settings: KafkaSettings, tmp_path: Path) -> None:
    [record] = dead_letter(settings, BROKEN)
    bad = tmp_path / "bad.json"
    bad.write_text('{"prompt": ')
    done = run(settings, "dead-letters", "replay", "--position", position(record), "--value-file", str(bad))
    assert isinstance(done.exception, UserError)
    assert "still no good" in str(done.exception)
    assert len(list(read_range(settings, settings.topics.samples.name))) == 1


def test_a_tombstone_comes_back_as_one(settings: KafkaSettings) -> None:
    dead_letter(settings, None, reason=DeadLetterReason.EMPTY)
    ran(settings, "dead-letters", "replay", "--all")
    assert [record.value for record in read_range(settings, settings.topics.samples.name)] == [None, None]


@pytest.mark.parametrize("stage", ["curriculum", "trainer"])
def test_replay_takes_only_what_the_filter_names(settings: KafkaSettings, stage: str) -> None:
    dead_letter(settings, BROKEN)
    done = json.loads(ran(settings, "dead-letters", "replay", "--stage", stage, "--json"))
    assert done == {"replayed": 1 if stage == "curriculum" else 0, "left": []}
