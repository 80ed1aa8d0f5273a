"""Workers that come and go, die with an event in flight, or meet poison: every sample is trained once, or dead-lettered with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from schemas.sample import Sample
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from tests.faults.runs import ALL_THERE_ONCE, account
from tests.integration.worker_process import WorkerProcess, eventually
from trainer_node.commit.ledger import Outcome

ROOT = Path(__file__).parents[2]
POISON = [
    b"{not json",
    b"\xff\xfe\x00",
    None,
    b"[1]",
    b'{"schema_version": "7.0"}',
    b'{"sample_id": 5, "prompt": {}}',
    b"[" * 60 + b"]" * 60,
]


def send(settings, numbers):
    """Questions of different length, so that quantiles, and with them bands, move."""
    ids = []
    with Producer(settings) as producer:
        for number in numbers:
            prompt = "what is " + "a " * (number * 37 % 23) + f"{number}?"
            producer.send(settings.topics.samples, f"q{number}", Sample(sample_id=f"q{number}", prompt=prompt, answer=f"a{number}"))
            ids.append(f"q{number}")
    return ids


def banded(settings):
    """How many records stand in the bands."""
    return sum(1 for topic in settings.topics.bands("sft") for _ in read_range(settings, topic.name))


def test_a_rebalance_storm_with_repeats_in_other_bands_trains_each_sample_once(settings, new_run, tmp_path):
    produced = send(settings, range(300))
    workers = [WorkerProcess("curriculum", settings, tmp_path, name="first")]
    try:
        eventually(lambda: banded(settings) > 0, "the first samples in bands")
        workers[0].kill()
        for round_number in range(2):
            workers += [WorkerProcess("curriculum", settings, tmp_path, name=f"w{round_number}{n}") for n in range(2)]
            produced += send(settings, range(300 + 200 * round_number, 500 + 200 * round_number))
            workers[-1].ready()
            workers[-2].kill()
        produced += send(settings, range(700, 1000))
        send(settings, range(0, 1000, 7))  # and the producer repeats itself
        run = new_run(batch_size=50, linger_s=1.0)
        run.finish(options={"wait_for": ("curriculum",)})
    finally:
        for worker in workers:
            worker.__exit__()
    assert account(run.trained(), produced) == ALL_THERE_ONCE
    assert sum(row.outcome is Outcome.DUPLICATE for row in run.rows()) >= len(range(0, 1000, 7))


def test_a_worker_without_its_broker_for_a_moment_or_killed_with_a_slow_event_in_flight_or_raising_loses_no_sample(
    settings, new_run, tmp_path
):
    produced = send(settings, range(500))
    with Producer(settings) as producer:
        for sample_id in ("raises", "slow"):
            producer.send(settings.topics.samples, sample_id, Sample(sample_id=sample_id, prompt="what?", answer="that"))
        for number, value in enumerate(POISON):
            producer.send_bytes(settings.topics.samples.name, b"poison%d" % number, value)
    produced += [*send(settings, range(500, 1000)), "slow"]
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(ROOT)}
    with (tmp_path / "slow.err").open("wb") as stderr:
        slow = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "faults" / "slow_worker.py")], env=environ, stdout=subprocess.PIPE, stderr=stderr
        )
    assert slow.stdout is not None
    assert slow.stdout.readline() == b"in flight\n", "a batch that failed for the broker is tried again"
    slow.kill()
    slow.wait()
    slow.stdout.close()
    with WorkerProcess("curriculum", settings, tmp_path):
        run = new_run(linger_s=1.0)
        run.finish(options={"wait_for": ("curriculum",)})
    letters = [dict(record.headers) for record in read_range(settings, settings.topics.dead_letters.name)]
    reasons = {headers["pelton.reason"].decode() for headers in letters}
    raised = sum(headers.get("pelton.sample_id") == b"raises" for headers in letters)
    trained = run.trained()
    assert reasons - {"processing_error"} == {"bad_json", "bad_encoding", "empty", "unknown_version", "invalid", "too_deep"}
    assert account([sample_id for sample_id in trained if sample_id != "raises"], produced) == ALL_THERE_ONCE
    assert raised + trained.count("raises") >= 1, "the sample whose handling raised is neither dead-lettered nor trained"
