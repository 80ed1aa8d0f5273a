"""Several workers, transactions, and a broker that goes away: the log is read once by a group, to its end, whatever happens."""

import time
from contextlib import suppress

from worker_process import WorkerProcess, eventually

from schemas.sample import Sample
from schemas.training_sample import TrainingSample
from streams.kafka.admin import committed_offsets, end_offsets
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.node import group_name


def send_samples(settings, first, last):
    with Producer(settings) as producer:
        for number in range(first, last):
            producer.send(settings.topics.samples, f"s{number}", Sample(sample_id=f"s{number}", text="word " * (1 + number % 50)))


def banded(settings):
    return [TrainingSample.decode(record.value) for topic in settings.topics.bands("sft") for record in read_range(settings, topic.name)]


def is_at_end(settings, node, topic):
    committed = committed_offsets(settings, group_name(settings, node, None))
    return all(committed.get(tp) == end for tp, end in end_offsets(settings, [topic.name]).items() if end)


def test_two_workers_share_the_partitions_and_lose_nothing_when_one_comes_and_one_goes(settings, tmp_path):
    options = ("--state-dir", str(tmp_path / "state"))
    with WorkerProcess("curriculum", settings, tmp_path, *options, name="one") as first:
        first.ready()
        send_samples(settings, 0, 1500)
        with WorkerProcess("curriculum", settings, tmp_path, *options, name="two") as second:
            second.ready()
            send_samples(settings, 1500, 3000)
            eventually(lambda: second.metric("pelton_records_in_total") > 0, "the second at work")
            first.kill()
            send_samples(settings, 3000, 4000)
            wanted = {f"s{number}" for number in range(4000)}
            eventually(lambda: {sample.sample_id for sample in banded(settings)} == wanted, "every sample in a band")
            eventually(lambda: is_at_end(settings, "curriculum", settings.topics.samples), "no lag")


def test_lag_becomes_zero_although_transaction_markers_are_last(settings, tmp_path):
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        worker.ready()
        with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer:
            for round_ in range(3):
                with producer.transaction():
                    for number in range(10):
                        sample = Sample(sample_id=f"t{round_}-{number}", text="some words")
                        producer.send(settings.topics.samples, sample.sample_id, sample)
        eventually(lambda: len({sample.sample_id for sample in banded(settings)}) == 30, "all samples")
        eventually(lambda: is_at_end(settings, "curriculum", settings.topics.samples), "no lag")
        assert sum(end_offsets(settings, [settings.topics.samples.name]).values()) > 30, "there were markers"


def test_what_a_transaction_takes_back_is_never_read_and_leaves_no_lag(settings, tmp_path):
    send_and_take_back(settings, 10)
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        worker.ready()
        eventually(lambda: is_at_end(settings, "curriculum", settings.topics.samples), "no lag before the first record")
        send_samples(settings, 0, 5)
        send_and_take_back(settings, 10)
        eventually(lambda: len(banded(settings)) == 5, "what was committed")
        eventually(lambda: is_at_end(settings, "curriculum", settings.topics.samples), "no lag")
        assert {sample.sample_id for sample in banded(settings)} == {f"s{number}" for number in range(5)}
        assert worker.metric("pelton_records_in_total") == 5


def test_an_open_transaction_is_waited_for(settings, tmp_path):
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        worker.ready()
        with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer, producer.transaction():
            producer.send(settings.topics.samples, "open", Sample(sample_id="open", text="some words"))
            producer.flush()
            send_samples(settings, 0, 20)
            time.sleep(3)  # long enough for an idle worker to look for markers: it must not go past what is open
        eventually(lambda: {sample.sample_id for sample in banded(settings)} == {"open", *(f"s{n}" for n in range(20))}, "all of them")


def send_and_take_back(settings, count):
    with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer, suppress(ZeroDivisionError), producer.transaction():
        for number in range(count):
            producer.send(settings.topics.samples, f"never-{number}", Sample(sample_id=f"never-{number}", text="some words"))
        producer.flush()
        raise ZeroDivisionError


def test_a_worker_starts_at_the_log_s_beginning_and_goes_on_where_it_stopped(settings, tmp_path):
    send_samples(settings, 0, 20)
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        eventually(lambda: len(banded(settings)) == 20, "what was there before")
        assert worker.ready().stop() == 0
    send_samples(settings, 20, 25)
    with WorkerProcess("curriculum", settings, tmp_path) as worker:
        eventually(lambda: len(banded(settings)) == 25, "what came meanwhile, and nothing twice")
        worker.ready()
