"""A second start cannot harm a healthy trainer: it finds that out before it claims anything, and says where the other is."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import pytest
from kafka import KafkaConsumer

from schemas.errors import Fenced
from schemas.model_version import ModelVersion
from streams.kafka.admin import committed_offsets
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.node import group_name
from tests.faults.runs import ALL_THERE_ONCE, Run, account, produce
from tests.models.checkpoints import commit
from trainer_node.commit.fencing import Fence
from trainer_node.commit.manifest import verify
from trainer_node.run import publisher as publishing


def test_a_second_start_is_refused_from_the_same_folder_and_from_another_and_the_first_trains_on(settings, new_run, tmp_path, tiny_model):
    samples = produce(settings, 100)
    run = new_run("live")
    first = run.start(("batch", 2))
    first.wait_for("waiting")
    elsewhere = Run(settings, tmp_path / "elsewhere", tiny_model, "live")
    (tmp_path / "elsewhere").mkdir()
    for second in (run.start(), elsewhere.start(), run.start(config={"model": "/no/such"})):
        assert second.wait() == 2
    assert f"run live is at work: process {first.process.pid} on " in run.children[1].log
    assert "stop it first, or end it with --take-over" in run.children[1].log
    assert f"run live is at work from another folder: process {first.process.pid} on " in elsewhere.children[0].log
    assert sorted(path.name for path in (run.folder / "epochs").glob("*") if path.suffix == "") == ["000001"]
    assert not (elsewhere.folder / "epochs").exists()
    first.go_on()
    first.wait_for("batch", 4)
    successor = run.start(options={"take_over": True})
    assert first.wait() == 1
    assert "epoch 2 has taken over this run" in first.log
    successor.succeed()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    elsewhere.close()


def test_of_two_starts_at_one_moment_one_trains_and_the_other_is_refused(settings, new_run):
    samples = produce(settings, 100)
    run = new_run()
    starts = [run.start(), run.start()]
    assert sorted(child.wait() for child in starts) == [0, 2]
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_the_run_s_group_has_a_member_while_the_trainer_lives_that_no_other_consumer_can_push_out(settings, new_run):
    """One that was there first is told of, and what is said of the rest is true."""
    produce(settings, 100)
    run, group = new_run("grouped", checkpoint_steps=2), group_name(settings, "trainer", "grouped")
    topic = settings.topics.band("sft", 0).name
    console = KafkaConsumer(topic, **settings.client_options(), group_id=group, auto_offset_reset="earliest")
    while not console.assignment():
        console.poll(timeout_ms=100)
    child = run.start(until_consumed=False)
    child.wait_for("commit", 9)
    child.listen(lambda event: event[:2] == ("commit", 9) and "a consumer of another kind uses the name of our group" in child.log)
    console.close()
    with open_admin(settings, "looking at the group") as admin:
        while (found := admin.describe_groups([group])[group])["group_state"] != "Stable":
            time.sleep(0.1)
        members = found["members"]
        assert json.loads(members[0]["member_metadata"]["user_data"])["pid"] == child.process.pid
        assert members[0]["client_id"] == "pelton.trainer.grouped.group"
    while not committed_offsets(settings, group):
        pass
    assert "could not be published" not in child.log
    child.kill()


def test_an_announcement_that_was_suspended_for_too_long_is_made_again_by_a_new_producer_unless_another_has_taken_over(
    settings, tmp_path, monkeypatch, caplog
):
    """The broker ends a transaction that stays open, and takes the producer that wakes up for an older one."""
    monkeypatch.setattr(publishing, "OPEN_MS", 1_000)
    nothing = SimpleNamespace(save_pretrained=lambda folder: None, model_max_length=8)
    (path,) = commit(tmp_path, [SimpleNamespace(model=nothing, tokenizer=nothing, precision=None)], tmp_path)
    checkpoint = verify(path)
    fence = Fence(tmp_path)
    publisher = publishing.Publisher(settings, "r", fence, threading.Event())
    send, slept = Producer.send, []

    def send_and_sleep(*args, **kwargs):
        sent = send(*args, **kwargs)
        if not slept:
            slept.append(True)
            args[0].flush()
            time.sleep(13)  # the broker looks every ten seconds
        return sent

    monkeypatch.setattr(Producer, "send", send_and_sleep)
    publisher(checkpoint)
    publisher.finish()
    assert "the broker had given our producer up" in caplog.text
    models = [ModelVersion.decode(record.value) for record in read_range(settings, settings.topics.models.name)]
    assert [model.version for model in models] == ["r/1"]
    newer = publishing.Publisher(settings, "r", Fence(tmp_path), threading.Event())
    with pytest.raises(Fenced, match="epoch 3 has taken over this run"):
        publisher(checkpoint)
    publisher.close()
    newer.close()
