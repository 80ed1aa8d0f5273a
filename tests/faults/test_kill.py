"""After SIGKILL at any moment, each sample stands in the surviving weights exactly once, and the weights are those of an unbroken run."""

from __future__ import annotations

import itertools

from schemas.sample import Split
from schemas.training_sample import Objective
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from tests.faults.runs import ALL_THERE_ONCE, Run, account, produce, same_weights, sample
from tests.models.order import band_by_decile, order_kept
from trainer_node.commit.history import read_history
from trainer_node.commit.ledger import Outcome
from trainer_node.run.record import read_record


def kill_at(run: Run, event: tuple[str, int], after_step: int = 0) -> None:
    child = run.start(event, after_step=after_step)
    child.wait_for("waiting")
    child.kill()


def test_sigkill_at_every_step_of_the_commit_and_in_mid_step_leaves_each_sample_exactly_once_and_the_same_weights(settings, new_run):
    samples = produce(settings, 640)
    unbroken = new_run("unbroken", curriculum="difficulty", pace_steps=None)
    unbroken.finish()
    order = unbroken.bands_in_order()
    assert order_kept(order) >= 0.9, "easy to hard, over as many samples as there are"
    assert max(earlier - later for earlier, later in itertools.pairwise(band_by_decile(order))) < 0.1
    run = new_run("killed", curriculum="difficulty", pace_steps=None)
    for number in range(1, 10):
        kill_at(run, ("commit", number), after_step=1)
    kill_at(run, ("micro", 18))
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
    assert same_weights(run.weights(), unbroken.weights())
    assert run.bands_in_order() == order


def test_sigkill_around_the_end_of_a_pass_and_of_an_objective_changes_neither_weights_nor_the_reference(settings, new_run):
    samples = produce(settings, 264)  # 9 steps a pass, the last one with eight samples
    pairs = produce(settings, 264, Objective.PREFERENCE)
    config = {"trainer": "auto", "epochs": 2, "checkpoint_steps": 5}
    unbroken = new_run("unbroken", **config)
    unbroken.finish()
    run = new_run("killed", **config)
    kill_at(run, ("batch", 9))  # the last of the first pass, journalled
    kill_at(run, ("batch", 10))  # the first of the second pass, right after its checkpoint
    kill_at(run, ("batch", 19))  # the first of the other objective
    kill_at(run, ("micro", 20))
    kill_at(run, ("commit", 7), after_step=22)
    kill_at(run, ("batch", 28))  # the first of its second pass
    run.finish()
    for number in (1, 2):
        assert account(run.trained(number), samples) == ALL_THERE_ONCE
        assert account(run.trained(number, "preference"), pairs) == ALL_THERE_ONCE
    assert same_weights(run.weights(), unbroken.weights())
    assert same_weights(run.weights("ref/adapter_model.safetensors"), unbroken.weights("ref/adapter_model.safetensors"))
    assert not same_weights(run.weights(), run.weights("ref/adapter_model.safetensors"))


def test_the_first_batch_after_a_kill_is_the_journalled_one_with_accumulation_too(settings, new_run):
    samples = produce(settings, 300)
    run = new_run(accumulation=4, batch_size=20)
    child = run.start(("micro", 7))  # the first of four micro-batches of step 7; much more is read ahead by now
    child.wait_for("waiting")
    before = dict(child.batches)
    child.kill()
    after = dict(run.finish().batches)
    assert min(after) == 5, "the checkpoint stands at step 4"
    assert [after[step] for step in (5, 6, 7)] == [before[step] for step in (5, 6, 7)]
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_bad_records_are_dead_lettered_once_whatever_is_killed_and_poison_never_holds_up_the_next_record(settings, new_run):
    topic = settings.topics.band("sft", 0).name
    poison = [b"{not json", b"\xff\xfe\x00", None, b"[1, 2]", b'{"schema_version": "7.0"}', b'{"sample_id": 5}', b"[" * 50 + b"]" * 50]
    good = []
    with Producer(settings) as producer:
        for number, value in enumerate(poison):
            producer.send_bytes(topic, b"k", value)
            for one in (sample(number * 40 + n) for n in range(40)):
                producer.send(settings.topics.band("sft", 0), one.sample_id, one)
                good.append(one.sample_id)
        held_out = sample(9999, sample_id="v", split=Split.VALIDATION)
        producer.send(settings.topics.band("sft", 0), "v", held_out)
    run = new_run(batch_size=20)
    kill_at(run, ("batch", 2))
    kill_at(run, ("commit", 4), after_step=3)
    run.finish()
    steps = [row["step"] for row in read_history(run.folder).to_pylist() if row["name"] == "training_loss"]
    assert steps == [*range(1, run.newest.manifest.step + 1)], "the history has each step once, in order"
    assert len(read_record(run.folder)["starts"]) == 3
    letters = [dict(record.headers) for record in read_range(settings, settings.topics.dead_letters.name)]
    offsets = [int(headers["pelton.offset"]) for headers in letters]
    assert sorted(offsets) == [number * 41 for number in range(len(poison))]
    assert {headers["pelton.reason"].decode() for headers in letters} == {
        "bad_json", "bad_encoding", "empty", "unknown_version", "invalid", "too_deep",
    }  # fmt: skip
    assert account(run.trained(), good) == ALL_THERE_ONCE
    assert sorted(row.offset for row in run.rows() if row.outcome is Outcome.DEAD_LETTER) == sorted(offsets)
