"""How workers begin and end: what a user sees, and what is kept."""

import contextlib
import signal
import socket

import pytest
from worker_process import ONTOLOGY, WorkerProcess, eventually

from schemas.sample import Sample
from streams.kafka.admin import committed_offsets
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.node import group_name

KINDS = ("curriculum", "augmenter", "feedback")


def error_lines(worker):
    return [line for line in worker.stderr.splitlines() if line.startswith("error:")]


def sft_records(settings):
    return [record for topic in settings.topics.bands("sft") for record in read_range(settings, topic.name)]


def ends_well(worker, number):
    """Whether a signal ends it with exit code 0 and no error."""
    worker.process.send_signal(number)
    return worker.wait() == 0 and error_lines(worker) == [] and "Traceback" not in worker.stderr


def test_a_stopped_worker_has_finished_and_committed_its_batch(settings, tmp_path):
    with WorkerProcess("curriculum", settings, tmp_path) as worker, Producer(settings) as producer:
        worker.ready()
        for number in range(4000):
            producer.send(settings.topics.samples, f"s{number}", Sample(sample_id=f"s{number}", text=f"text {number}"))
        producer.flush()
        eventually(lambda: worker.metric("pelton_records_in_total") > 0, "some work")
        assert ends_well(worker, signal.SIGTERM)
    done = sum(committed_offsets(settings, group_name(settings, "curriculum", None)).values())
    banded = sft_records(settings)
    assert done > 0
    assert len(banded) == done, "what is in the bands is what is committed: no duplicate is to come"


def test_a_broker_that_is_away_is_one_line_and_exit_code_2(tmp_path, clean_environ):
    away = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with contextlib.ExitStack() as stack:
        for worker in [stack.enter_context(WorkerProcess(kind, away, tmp_path)) for kind in KINDS]:
            assert worker.wait() == 2
            (line,) = error_lines(worker)
            assert "127.0.0.1:1" in line
            assert "Traceback" not in worker.stderr


def test_an_ontology_that_is_not_there_is_one_line_and_exit_code_2(settings, tmp_path):
    with WorkerProcess("feedback", settings, tmp_path, "--ontology", "nowhere.yaml") as worker:
        assert worker.wait() == 2
        (line,) = error_lines(worker)
        assert "nowhere.yaml" in line


def test_a_taken_metrics_port_is_one_line_and_exit_code_2(settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with WorkerProcess("augmenter", settings, tmp_path, "--metrics-port", str(port)) as worker:
            assert worker.wait() == 2
            (line,) = error_lines(worker)
            assert str(port) in line


def test_missing_topics_are_one_line_and_exit_code_2(settings, tmp_path):
    other = settings.model_copy(update={"topic_prefix": "nobody-made-these."})
    with WorkerProcess("curriculum", other, tmp_path) as worker:
        assert worker.wait() == 2
        (line,) = error_lines(worker)
        assert "nobody-made-these." in line


def test_poison_goes_to_the_dead_letters_and_the_stream_goes_on(settings, tmp_path):
    poison = {
        b"not json": "bad_json",
        b"\xff\xfe": "bad_encoding",
        None: "empty",
        b'{"schema_version": "9.0"}': "unknown_version",
        b'{"prompt": 7}': "invalid",
        b'{"sample_id": "x", "task": "qa", "prompt": "q"}': "untrainable",
        b"[" * 100_000: "too_deep",
        b'{"text": "' + b"a" * 2_000_000 + b'"}': "too_large",
    }
    with WorkerProcess("curriculum", settings, tmp_path) as worker, Producer(settings) as producer:
        worker.ready()
        for number, value in enumerate(poison):
            producer.send_bytes(settings.topics.samples.name, b"bad", value)
            producer.send(settings.topics.samples, f"s{number}", Sample(sample_id=f"s{number}", text="good"))
        producer.flush()
        eventually(lambda: len(sft_records(settings)) == len(poison), "all good ones in bands")
        eventually(lambda: len(list(read_dead_letters(settings))) == len(poison), "all bad ones dead-lettered")
        letters = list(read_dead_letters(settings))
        assert sorted(letter.reason.value for letter, _ in letters) == sorted(poison.values())
        assert all(letter.stage == "curriculum" and letter.topic == settings.topics.samples.name for letter, _ in letters)
        assert [letter.sample_id for letter, _ in letters if letter.reason == "untrainable"] == ["x"]
        assert worker.metric("pelton_dead_letters_total") == len(poison)
        assert ends_well(worker, signal.SIGINT)


@pytest.mark.parametrize(("kind", "topic"), [("augmenter", "losses"), ("feedback", "outputs")])
def test_other_nodes_dead_letter_bad_records_too_and_a_signal_ends_them_with_exit_code_0_and_no_error(settings, tmp_path, kind, topic):
    with WorkerProcess(kind, settings, tmp_path) as worker, Producer(settings) as producer:
        worker.ready()
        producer.send_bytes(getattr(settings.topics, topic).name, b"bad", b"{}")
        producer.flush()
        ((letter, _),) = eventually(lambda: list(read_dead_letters(settings)), "a dead letter")
        assert (letter.stage, letter.reason.value) == (kind, "invalid")
        assert ends_well(worker, signal.SIGINT)


def test_bad_facts_are_dead_lettered_once_and_the_graph_is_kept(settings, tmp_path):
    (tmp_path / "books.yaml").write_text(ONTOLOGY)
    with Producer(settings) as producer:
        producer.send_bytes(settings.topics.facts.name, b"f", b'{"subject": "Dune", "predicate": "eaten_by", "object": "worms"}')
    for number in (signal.SIGTERM, signal.SIGINT):
        with WorkerProcess("feedback", settings, tmp_path, "--ontology", "books.yaml") as worker:
            worker.ready()
            eventually(lambda: list(read_dead_letters(settings)), "a dead letter")
            assert ends_well(worker, number)
    ((letter, _),) = read_dead_letters(settings)
    assert (letter.stage, letter.reason.value) == ("facts", "bad_fact")


def test_a_stream_of_poison_stops_the_worker_with_one_line_and_exit_code_1_and_started_again_it_goes_on_behind_it(settings, tmp_path):
    """Each is put away once, however often it is started, and what comes after them is done."""
    samples = settings.topics.samples
    with Producer(settings) as producer:
        for number in range(300):
            producer.send_bytes(samples.name, str(number).encode(), b"{")
        producer.flush()
        producer.send(samples, "good", Sample(sample_id="good", text="all is well"))
    starts = 0
    while not sft_records(settings):
        starts += 1
        assert starts < 10
        with WorkerProcess("curriculum", settings, tmp_path, name=f"start-{starts}") as worker:
            eventually(lambda: worker.process.poll() is not None or sft_records(settings), "an end")
            if worker.process.poll() is not None:
                assert worker.process.returncode == 1
                (line,) = error_lines(worker)
                assert "went to the dead letters" in line
                assert "Traceback" not in worker.stderr
    assert starts > 1, "it stopped at least once"
    put_away = [(letter.partition, letter.offset) for letter, _ in read_dead_letters(settings)]
    assert len(put_away) == len(set(put_away)) == 300
