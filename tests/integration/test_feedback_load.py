"""A feedback worker under load: it stays in its group while a batch of thousands of long outputs is parsed, and says what it measured."""

import os
import subprocess
import sys
import threading
import time

import pytest
from worker_process import REPOSITORY, WorkerProcess, eventually, producer_of_books

from schemas.model_output import ModelOutput
from streams.app import SESSION_SECONDS
from streams.kafka.admin import committed_offsets
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range

OUTPUTS = 2_500
LONG = " ".join(f"Dune was written by Frank Herbert in {1900 + number}, and Emma was written by Jane Austen." for number in range(6))
ONE_BATCH = """
import sys
from pathlib import Path
from feedback_node.agent import FeedbackNode
from streams.app import run
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology

class Patient(FeedbackNode):
    batch = {count}
    linger = 60.0

    def process(self, records):
        print(len(records), flush=True)
        super().process(records)

if __name__ == "__main__":
    run(Patient(KafkaSettings.load(), Ontology.load(Path(sys.argv[1]))))
"""


class GroupWatch(threading.Thread):
    """Asks the broker for a group's members again and again."""

    def __init__(self, settings, group):
        super().__init__(daemon=True)
        self._settings, self._group, self._end = settings, group, threading.Event()
        self.seen = []

    def run(self):
        with open_admin(self._settings, "watching a group") as admin:
            while not self._end.wait(0.5):
                described = admin.describe_groups([self._group])[self._group]
                self.seen.append((str(described["group_state"]), tuple(member["member_id"] for member in described["members"])))

    def close(self):
        self._end.set()
        self.join(30)


@pytest.fixture
def producer(settings, tmp_path):
    with producer_of_books(settings, tmp_path) as made:
        yield made


def output(number, completion, **fields):
    return ModelOutput(
        prompt_id=f"p{number}", prompt="Who is the author of Dune?", completion=completion, model_version="r1/1", run_id="r1", **fields
    )


def judged(settings):
    topic = settings.topics.rewards
    return [topic.value.decode(record.value) for record in read_range(settings, topic.name)]


def test_heartbeats_are_not_lost_while_a_batch_of_thousands_of_long_outputs_is_parsed(settings, producer, tmp_path):
    for number in range(OUTPUTS):
        producer.send(settings.topics.outputs, f"p{number}", output(number, LONG))
    producer.flush()
    program = tmp_path / "one_batch.py"
    program.write_text(ONE_BATCH.format(count=OUTPUTS))
    group = settings.topic_prefix + "feedback"
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(REPOSITORY)}
    with (tmp_path / "stderr").open("wb") as stderr:
        worker = subprocess.Popen([sys.executable, program, tmp_path / "books.yaml"], env=environ, stdout=subprocess.PIPE, stderr=stderr)
    with worker:
        try:
            assert worker.stdout.readline() == b"%d\n" % OUTPUTS, "all are one batch"
            begun, watch = time.monotonic(), GroupWatch(settings, group)
            watch.start()
            while sum(committed_offsets(settings, group).values()) < OUTPUTS:
                assert worker.poll() is None, (tmp_path / "stderr").read_text()
                assert time.monotonic() - begun < 500, "it hangs"
                time.sleep(1)
            watch.close()
            lasted = time.monotonic() - begun
        finally:
            worker.terminate()
    assert lasted > 1.5 * SESSION_SECONDS, "too short to lose a heartbeat"
    assert len(watch.seen) > 5
    assert {state for state, _ in watch.seen} == {"Stable"}
    assert len({members for _, members in watch.seen}) == 1, "the same member all the time"
    rewards = judged(settings)
    assert len(rewards) == OUTPUTS, "none is judged twice"
    assert len({reward.prompt_id for reward in rewards}) == OUTPUTS


def test_a_worker_serves_its_reward_metrics(settings, producer, tmp_path):
    texts = [
        "Dune was written by Frank Herbert.",
        "Dune was written by Jane Austen.",
        "Dune was written by Frank Herbert. Emma was written by Frank Herbert. Rome was written by Pip Smith.",
        "I cannot say.",
    ]
    with WorkerProcess("feedback", settings, tmp_path, "--ontology", "books.yaml") as worker:
        worker.ready()
        for number, text in enumerate(texts):
            producer.send(settings.topics.outputs, f"p{number}", output(number, text, created_at=time.time()))
        producer.flush()
        eventually(lambda: len(judged(settings)) == len(texts), "all judged")
        assert worker.metric("reward_avg", run_id="r1") == pytest.approx((1 + 0 + 1 / 3) / 3)
        assert worker.metric("pelton_hallucination_ratio", run_id="r1") == pytest.approx(2 / 5)
        verdicts = {
            name: worker.metric("pelton_verdicts_total", run_id="r1", verdict=name) for name in ("verified", "contradicted", "unknown")
        }
        assert verdicts == {"verified": 2, "contradicted": 2, "unknown": 1}
        assert worker.metric("pelton_extraction_seconds_count", node="feedback") >= 1
        assert worker.metric("pelton_extraction_seconds_sum", node="feedback") > 0
        assert worker.metric("pelton_reward_seconds_count", run_id="r1") == len(texts)
        assert worker.metric("pelton_reward_seconds_sum", run_id="r1") > 0
