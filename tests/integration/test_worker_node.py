"""What every node does with a record that it cannot handle."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from click.testing import CliRunner
from worker_process import REPOSITORY

from cli.main import pelton
from schemas.errors import BrokerError, TooManyDeadLetters
from schemas.sample import Sample
from streams.kafka.admin import committed_offsets, end_offsets
from streams.kafka.consumer import Record, read_range
from streams.kafka.dead_letters import Breaker, read_dead_letters
from streams.kafka.producer import Producer
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode


class Picky(StreamNode):
    """Passes samples on; raises what their text asks for."""

    name = "picky"

    def process(self, records):
        for record in self.admitted(records):
            with self.guarded(record) as case:
                sample = Sample.decode(record.value)
                case.sample_id = sample.sample_id
                if sample.text == "a bug":
                    raise KeyError("no such thing")
                if sample.text == "no broker":
                    raise BrokerError("gone")
                self.send(self.settings.topics.band("sft", 0), sample.sample_id, sample)


@pytest.fixture
def node(settings):
    made = Picky(settings, settings.topics.samples, Ontology(), "r1", breaker=Breaker(window=20, minimum=10))
    yield made
    made.close()


def records(settings, *texts, first=0, headers=()):
    name = settings.topics.samples.name
    samples = [Sample(sample_id=f"s{n}", text=text) for n, text in enumerate(texts, first)]
    return [Record(name, 0, n, sample.sample_id.encode(), sample.encode(), headers, 0) for n, sample in enumerate(samples, first)]


def passed_on(settings):
    return [record.key.decode() for record in read_range(settings, settings.topics.band("sft", 0).name)]


def test_an_error_of_ours_dead_letters_its_record_with_its_text_and_the_batch_goes_on(settings, node):
    node.handle(records(settings, "good", "a bug", "good"))
    assert passed_on(settings) == ["s0", "s2"]
    ((letter, record),) = read_dead_letters(settings)
    assert (letter.reason.value, letter.stage, letter.offset, letter.sample_id, letter.run_id) == (
        "processing_error",
        "picky",
        1,
        "s1",
        "r1",
    )
    assert letter.error == "KeyError: 'no such thing'"
    assert record.value == records(settings, "good", "a bug")[1].value


def test_a_failure_that_is_not_the_records_stops_the_batch_and_dead_letters_nothing(settings, node):
    with pytest.raises(BrokerError, match="gone"):
        node.handle(records(settings, "no broker", "good"))
    assert list(read_dead_letters(settings)) == []


def test_nothing_but_bad_records_stop_the_node_once_all_of_the_batch_is_safely_dead_lettered(settings, node):
    node.handle(records(settings, *["a bug"] * 30))
    assert len(list(read_dead_letters(settings))) == 30
    with pytest.raises(TooManyDeadLetters):
        node.committed()


def test_bad_records_among_good_ones_do_not(settings, node):
    node.handle(records(settings, *["good", "a bug", "a bug"] * 20))
    node.committed()
    assert len(list(read_dead_letters(settings))) == 40
    assert len(passed_on(settings)) == 20


def test_a_bad_source_is_put_away_whole_over_a_restart_and_comes_back_by_replay_and_by_its_good_probes(settings, tmp_path):
    atlas = (("producer", b"atlas"),)

    def incarnation():
        made = Picky(settings, settings.topics.samples, Ontology(), "r1", tmp_path)
        made.view.start()
        return made

    def reasons():
        return Counter(letter.reason.value for letter, _ in read_dead_letters(settings))

    node = incarnation()
    mixed = [
        pair for n in range(300) for pair in (*records(settings, "a bug", first=n, headers=atlas), *records(settings, "good", first=n))
    ]
    node.handle(mixed)
    node.committed()
    assert len(passed_on(settings)) == 300, "the others go on"
    assert reasons() == {"processing_error": 50 + 50, "source_paused": 200}, "one in five is a probe"
    assert "atlas were bad, 200 put away" in node.remarks()[0]
    node.close()
    node = incarnation()
    try:
        assert "atlas were bad, 200 put away" in node.remarks()[0], "a restart knows it"
        node.handle(records(settings, *["good"] * 4, first=1000, headers=atlas))
        assert reasons()["source_paused"] == 204
        (letter, kept) = list(read_dead_letters(settings))[-1]
        assert (letter.source, kept.key, kept.headers[0]) == ("atlas", b"s1003", ("producer", b"atlas"))
        words = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
        done = CliRunner().invoke(
            pelton, ["dead-letters", "replay", "--reason", "source_paused", "--source", "atlas", *words], catch_exceptions=False
        )
        assert "replayed 204 of 204" in done.stdout
        back = list(read_range(settings, settings.topics.samples.name))
        node.handle(back)
        assert reasons() == {"processing_error": 300, "source_paused": 204}, "what was sent back is tried, each"
        assert Counter(passed_on(settings)) == Counter([f"s{n}" for n in range(300)] + [f"s{n}" for n in range(1000, 1004)])
        node.handle(records(settings, *["good"] * 30, first=2000, headers=atlas))
        assert node.remarks() == [], "its probes were good"
        assert len([key for key in passed_on(settings) if key.startswith("s20")]) >= 10
    finally:
        node.close()


def test_a_batch_is_done_when_all_of_it_is_acknowledged(settings, node):
    node.handle(records(settings, *["word " * 2000] * 500))
    assert sum(end_offsets(settings, [settings.topics.band("sft", 0).name]).values()) == 500


SLOW = """
import logging, sys, time
from streams.app import run
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from schemas.sample import Sample
from streams.node import StreamNode

class Slow(StreamNode):
    name = "slow"

    def process(self, records):
        print("at work", flush=True)
        time.sleep(3)
        for record in records:
            sample = Sample.decode(record.value)
            self.send(self.settings.topics.band("sft", 0), sample.sample_id, sample)

settings = KafkaSettings.load()
run(Slow(settings, settings.topics.samples, Ontology()))
"""


def test_a_signal_waits_for_the_batch_in_flight_and_its_commit(settings):
    with Producer(settings) as producer:
        producer.send(settings.topics.samples, "s1", Sample(sample_id="s1", text="some text"))
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, "-c", SLOW], env=environ, stdout=subprocess.PIPE, encoding="utf-8") as worker:
        assert worker.stdout.readline() == "at work\n"
        worker.terminate()
        assert worker.wait() == 0
    assert passed_on(settings) == ["s1"]
    assert sum(committed_offsets(settings, settings.topic_prefix + "slow").values()) == 1
