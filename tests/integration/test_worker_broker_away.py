"""A worker and its broker: not ready while the broker is away, at work again when it is back."""

import psutil
from worker_process import WorkerProcess, eventually

from schemas.sample import Sample
from streams.kafka.admin import create_topics
from streams.kafka.consumer import read_range
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


def send(settings, sample_id):
    with Producer(settings) as producer:
        producer.send(settings.topics.samples, sample_id, Sample(sample_id=sample_id, text="some text"))


def banded(settings):
    return {record.key.decode() for topic in settings.topics.bands("sft") for record in read_range(settings, topic.name)}


def test_a_worker_leaves_a_broker_that_hangs(tmp_path, clean_environ):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    own = EmbeddedBroker(tmp_path / "broker")
    own.start()
    frozen = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    try:
        settings = KafkaSettings(bootstrap_servers=own.bootstrap_servers)
        create_topics(settings, settings.topics).raise_if_wrong()
        with WorkerProcess("curriculum", settings, tmp_path) as worker:
            worker.ready()
            for process in frozen:
                process.suspend()
            assert worker.stop() == 0
    finally:
        for process in frozen:
            process.resume()
        own.stop()


def test_a_worker_is_not_ready_while_its_broker_is_away_and_goes_on_when_it_is_back(tmp_path, clean_environ):
    own = EmbeddedBroker(tmp_path / "broker")
    own.start()
    try:
        settings = KafkaSettings(bootstrap_servers=own.bootstrap_servers)
        create_topics(settings, settings.topics).raise_if_wrong()
        with WorkerProcess("curriculum", settings, tmp_path) as worker:
            worker.ready()
            send(settings, "before")
            eventually(lambda: banded(settings) == {"before"}, "the first sample")
            own.stop()
            _, says = eventually(lambda: (found := worker.get("/readyz"))[0] == 503 and found, "not ready")
            assert own.bootstrap_servers in says
            assert worker.get("/healthz")[0] == 200
            own.start()
            eventually(lambda: worker.get("/readyz")[0] == 200, "ready again")
            send(settings, "after")
            eventually(lambda: banded(settings) == {"before", "after"}, "the second sample")
            assert worker.stop() == 0
    finally:
        own.stop()
