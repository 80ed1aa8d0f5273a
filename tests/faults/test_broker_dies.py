"""A broker that dies, is away, or is slow costs time and no sample; the trainer stays alive, says that it is not ready, and goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from schemas.model_output import ModelOutput
from streams.kafka import producer as producing
from streams.kafka.admin import create_topics
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.embedded import free_port
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, PATIENCE, Run, account, produce
from trainer_node.rewards.client import RewardClient


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A broker of this file's own, to be killed."""
    own = EmbeddedBroker(tmp_path_factory.mktemp("mortal"))
    own.start()
    yield own
    own.stop()


@pytest.fixture
def at_mortal(mortal, request):
    """Settings with topics of this test's own, on the broker that may die."""
    mortal.start()
    made = KafkaSettings(bootstrap_servers=mortal.bootstrap_servers, topic_prefix=f"{request.node.name[5:25]}.")
    create_topics(made, made.topics).raise_if_wrong()
    return made


@pytest.fixture
def run_at_mortal(at_mortal, tmp_path, tiny_model):
    run = Run(at_mortal, tmp_path, tiny_model)
    yield run
    run.close()


def health(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def eventually(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.1)


def test_a_broker_killed_during_fetch_and_away_for_a_minute_at_a_commit_loses_and_doubles_nothing(mortal, at_mortal, run_at_mortal):
    samples = produce(at_mortal, 600)
    port = free_port()
    child = run_at_mortal.start(("batch", 6), ("commit", 7), after_step=10, options={"metrics_port": port})
    child.wait_for("waiting", 6)
    eventually(lambda: health(port, "/readyz") == 200, "readiness")
    mortal.kill()
    child.go_on()
    eventually(lambda: health(port, "/readyz") == 503, "readiness to go down")
    assert health(port, "/healthz") == 200
    mortal.start()
    child.wait_for("waiting", 7)
    mortal.kill()
    child.go_on()
    eventually(lambda: "could not be published" in child.log, "the delay of the news")
    time.sleep(60)
    assert health(port, "/healthz") == 200
    mortal.start()
    eventually(lambda: health(port, "/readyz") == 200, "readiness to come back")
    child.succeed()
    assert account(run_at_mortal.trained(), samples) == ALL_THERE_ONCE


def test_a_slow_broker_only_costs_time(mortal, at_mortal, run_at_mortal):
    samples = produce(at_mortal, 300)
    child = run_at_mortal.start(("batch", 3))
    child.wait_for("waiting")
    os.kill(mortal.processes[0].pid, signal.SIGSTOP)
    child.go_on()
    time.sleep(8)  # longer than the feed's patience with what the log is known to have
    os.kill(mortal.processes[0].pid, signal.SIGCONT)
    child.succeed()
    assert account(run_at_mortal.trained(), samples) == ALL_THERE_ONCE


def test_a_stop_while_the_broker_is_away_does_not_wait_for_it_and_loses_nothing(mortal, at_mortal, run_at_mortal):
    samples = produce(at_mortal, 300)
    child = run_at_mortal.start(("micro", 6), config={"grace_s": 3600.0})
    child.wait_for("waiting")
    mortal.kill()
    child.signal(signal.SIGTERM)
    child.go_on()
    assert child.wait() == 0
    assert "stopped where nothing is lost by it" in child.log
    mortal.start()
    run_at_mortal.finish()
    assert account(run_at_mortal.trained(), samples) == ALL_THERE_ONCE


def test_asking_for_rewards_waits_for_a_broker_that_is_away_and_sends_every_output_and_as_with_acknowledgements_the_others_are_told(
    mortal, at_mortal, monkeypatch
):
    """The other processes of the training hear that it waits."""
    monkeypatch.setattr(producing, "WARN_SECONDS", 0.5)
    outputs = [
        ModelOutput(output_id=f"o{n}", prompt_id=f"p{n}", prompt="?", completion=f"{n}.", model_version="r/0", run_id="r")
        for n in range(50)
    ]
    asking, acknowledged = threading.Event(), threading.Event()
    with (
        Producer(at_mortal, waits_for_broker=True) as producer,
        Producer(at_mortal, waits_for_broker=True) as other,
        ThreadPoolExecutor(2) as beside,
    ):
        send = partial(other.send_bytes, at_mortal.topics.samples.name, b"k", b"v")
        send()
        other.flush(waiting=acknowledged.set)
        mortal.kill()
        send()
        flushed = beside.submit(other.flush, waiting=acknowledged.set)
        asked = beside.submit(RewardClient(at_mortal, producer, "r", 1.0, threading.Event(), asking.set).judge, outputs)
        assert acknowledged.wait(PATIENCE)
        assert asking.wait(PATIENCE)
        assert not flushed.done()
        assert not asked.done()
        mortal.start()
        flushed.result(PATIENCE)
        assert set(asked.result(PATIENCE).values()) == {None}, "nobody judges here: late rewards are none, not zero"
    assert {record.key for record in read_range(at_mortal, at_mortal.topics.outputs.name)} == {f"p{n}".encode() for n in range(50)}


def test_training_goes_on_when_the_leader_of_three_brokers_is_killed(tmp_path, tiny_model):
    cluster = EmbeddedBroker(tmp_path / "cluster", brokers=3)
    cluster.start()
    try:
        made = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers, replication_factor=3)
        create_topics(made, made.topics).raise_if_wrong()
        samples = produce(made, 300)
        run = Run(made, tmp_path, tiny_model)
        child = run.start(("batch", 4))
        child.wait_for("waiting")
        with open_admin(made, "finding the leader") as admin:
            (topic,) = admin.describe_topics([made.topics.band("sft", 4).name])
        cluster.processes[topic["partitions"][0]["leader_id"] - 1].kill()
        child.go_on()
        child.succeed()
        assert account(run.trained(), samples) == ALL_THERE_ONCE
        run.close()
    finally:
        cluster.stop()


def test_sigterm_in_mid_step_finishes_the_step_and_checkpoints_it(settings, new_run):
    samples = produce(settings, 300)
    run = new_run(accumulation=2)
    child = run.start(("micro", 6), ("micro", 7))
    child.wait_for("waiting")
    child.signal(signal.SIGTERM)
    child.go_on()
    child.succeed()
    assert run.newest.manifest.step == 6
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_sigterm_while_waiting_for_a_batch_to_fill_ends_at_once_and_leaves_the_samples_on_the_log(settings, new_run):
    samples = produce(settings, 300)
    run = new_run(linger_s=3600.0, batch_size=2000)
    child = run.start(until_consumed=False)
    child.wait_for("commit", 9)  # the checkpoint at step 0: from now on it waits for a batch, for an hour if need be
    child.signal(signal.SIGTERM)
    child.succeed()
    assert run.newest.manifest.step == 0
    run.finish(config={"linger_s": 0.2, "batch_size": 32})
    assert account(run.trained(), samples) == ALL_THERE_ONCE
