"""A second start cannot harm a healthy trainer: it finds that out before it claims anything, and says where the other is."""

from __future__ import annotations

import json

from kafka import KafkaConsumer

from streams.kafka.admin import committed_offsets
from streams.kafka.connection import open_admin
from streams.node import group_name
from tests.faults.runs import ALL_THERE_ONCE, Run, account, produce


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
        while not (members := admin.describe_groups([group])[group]["members"]):
            pass
        assert json.loads(members[0]["member_metadata"]["user_data"])["pid"] == child.process.pid
    while not committed_offsets(settings, group):
        pass
    assert "could not be published" not in child.log
    child.kill()
