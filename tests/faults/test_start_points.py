"""A run may begin at a date, on a range of the log alone, or from another run's checkpoint; and any sample can be traced."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from click.testing import CliRunner

from cli.checkpoints import checkpoints as checkpoints_command
from cli.dead_letters import dead_letters
from cli.trace import trace
from schemas.sample import Sample, Split
from streams.augmenter.ids import variant_id
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from tests.faults.runs import ALL_THERE_ONCE, account, produce, same_weights, sample
from trainer_node.intake.start_point import StartPoint, parse_range, parse_timestamp


def test_a_run_from_a_date_trains_what_was_sent_since_and_a_replayed_range_exactly_its_offsets(settings, new_run):
    produce(settings, 100)
    time.sleep(0.05)
    moment = datetime.fromtimestamp(time.time(), UTC).isoformat()
    time.sleep(0.05)
    later = produce(settings, 64, first=100)
    dated = new_run("dated")
    dated.finish(options={"start": StartPoint(timestamp_ms=parse_timestamp(moment))})
    assert account(dated.trained(), later) == ALL_THERE_ONCE

    span = parse_range("sft.1:3-12", settings.topics)
    wanted = [record.key.decode() for record in read_range(settings, span.topic, {0: 3}, {0: 13})]
    replayed = new_run("replayed", batch_size=4, epochs=2)
    child = replayed.start(("batch", 2), options={"start": StartPoint(ranges=(span,))})
    child.wait_for("waiting")
    child.kill()
    replayed.finish()
    for number in (1, 2):
        assert account(replayed.trained(number), wanted) == ALL_THERE_ONCE


def test_a_new_run_goes_on_from_another_run_s_weights_optimizer_and_positions(settings, new_run):
    first, second = produce(settings, 128), produce(settings, 0)
    parent = new_run("parent")
    parent.finish()
    second = produce(settings, 64, first=128)
    child = new_run("child")
    child.finish(options={"start": StartPoint(checkpoint=parent.newest.path)})
    assert account(child.trained(), second) == ALL_THERE_ONCE
    assert child.newest.manifest.parent["checkpoint"] == parent.newest.manifest.name
    parent.finish()  # the same samples, by the parent itself, in a round of its own
    assert account(parent.trained(1) + parent.trained(2), first + second) == ALL_THERE_ONCE
    assert same_weights(child.weights(), parent.weights())


def test_a_sample_is_traced_from_its_topic_to_the_checkpoints_that_hold_it(settings, new_run):
    produce(settings, 96)
    held_out = sample(1000, split=Split.VALIDATION)
    variant = sample(1001, sample_id=variant_id("s5", 1, 0), parent_id="s5", generation=1)
    keyed = Sample(prompt="what is it?", answer="found by its key")
    with Producer(settings) as producer:
        producer.send_bytes(settings.topics.band("sft", 0).name, b"broken", b"{")
        for more in (held_out, variant):
            producer.send(settings.topics.band("sft", 0), more.sample_id, more)
    run = new_run()
    child = run.start(("batch", 3))
    child.wait_for("waiting")
    child.kill()
    flags = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]

    def ask(sample_id, *more):
        result = CliRunner().invoke(trace, [sample_id, "--json", *more, *flags], catch_exceptions=False)
        return json.loads(result.stdout)

    assert ask("s90", "--run-dir", str(run.folder))["waiting"][0]["behind"] > 0
    run.finish()
    with Producer(settings) as producer:  # nobody bands it: a run that is to end would wait for it
        producer.send(settings.topics.samples, "my-key", keyed)
    story = ask("s5", "--run-dir", str(run.folder))
    assert story["trained"][0]["pass"] == 1
    assert story["banded"][0]["band"] == 0
    assert story["losses"][0]["step"] == story["trained"][0]["step"]
    assert story["checkpoints"][-1] == run.newest.manifest.name
    assert [model["path"] for model in story["models"]][-1] == str(run.newest.path)
    assert story["waiting"] == []
    assert [told["sample_id"] for told in story["variants"]] == [variant.sample_id]
    assert ask("s5")["trained"] == story["trained"], "the newest run that was announced is found by itself"
    assert ask(held_out.sample_id)["skipped"][0]["why"] == "validation"
    produce(settings, 4, first=2000)  # after the run's end
    for stranger in (held_out.sample_id, "s2001", "my-key"):
        told = ask(stranger, "--run-dir", str(run.folder))
        assert told["found"]
        assert (told["models"], told["checkpoints"], told["trained"]) == ([], [], []), "no model held it"
    assert ask("s2001")["waiting"][0]["behind"] == 0
    assert ask("my-key")["sample_id"] == keyed.sample_id
    assert ask("broken")["dead_letters"][0]["reason"] == "bad_json"
    assert ask("never-sent")["found"] is False
    printed = CliRunner().invoke(trace, ["s5", "--run-dir", str(run.folder), *flags], catch_exceptions=False).output
    assert "trained    pass 1" in printed
    lines = CliRunner().invoke(checkpoints_command, ["ledger", str(run.folder)], catch_exceptions=False).output.splitlines()
    assert sum(json.loads(line)["outcome"] == "trained" for line in lines) == 97
    assert sum(json.loads(line)["outcome"] == "dead_letter" for line in lines) == 1
    assert CliRunner().invoke(checkpoints_command, ["verify", str(run.folder)]).exit_code == 0


def test_a_dead_letter_replayed_twice_is_trained_once(settings, new_run):
    samples = produce(settings, 64)
    long = sample(1, sample_id="long", completion="a b c d e f g " * 12)
    with Producer(settings) as producer:
        producer.send(settings.topics.band("sft", 0), "long", long)
    run = new_run(too_long="dead-letter")
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    flags = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    for _ in range(2):
        result = CliRunner().invoke(dead_letters, ["replay", "--reason", "too_long", *flags], catch_exceptions=False)
        assert "replayed 1 of 1" in result.output
    run.finish(config={"max_seq": 512})
    assert account(run.trained(1) + run.trained(2), [*samples, "long"]) == ALL_THERE_ONCE
