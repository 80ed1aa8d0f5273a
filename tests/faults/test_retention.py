"""When retention overtakes the position, nothing is skipped silently: the gap is named, and going past it is asked for and recorded."""

from __future__ import annotations

from kafka import TopicPartition

from streams.kafka.connection import open_admin
from tests.faults.runs import produce


def expire(settings, topic, before):
    """What retention does: the log begins later."""
    with open_admin(settings, "expiring records") as admin:
        admin.delete_records({TopicPartition(topic, 0): before})


def lost_in(run):
    losses = run.newest.manifest.feed.position.data_losses
    return {(loss.topic, offset) for loss in losses for offset in range(loss.first, loss.last + 1)}


def test_a_start_before_the_log_s_beginning_fails_naming_the_gap_and_skip_records_exactly_what_was_lost(settings, new_run):
    samples = produce(settings, 1000)
    run = new_run()
    child = run.start(("batch", 6))
    child.wait_for("waiting")
    child.kill()
    topic = settings.topics.band("sft", 3).name
    watermark = run.newest.manifest.feed.position.partitions[f"{topic}:0"].watermark
    expire(settings, topic, watermark + 5)
    refused = run.start()
    assert refused.wait() == 2
    assert f"{topic}:0: offsets {watermark} to {watermark + 4} were not trained on" in refused.log
    run.finish(config={"on_data_loss": "skip"})
    offsets = {row.sample_id: (row.topic, row.offset) for row in run.rows()}
    missing = set(samples) - set(run.trained())
    assert lost_in(run) == {(topic, offset) for offset in range(watermark, watermark + 5)}
    assert len(missing) == 5
    assert not missing & set(offsets)


def test_a_paused_band_that_expires_while_the_trainer_runs_is_noticed_too(settings, new_run):
    samples = produce(settings, 1000)
    topic = settings.topics.band("sft", 4).name
    run = new_run(pace_steps=100)
    child = run.start(("batch", 1))
    child.wait_for("waiting")
    expire(settings, topic, 10)
    child.go_on()
    assert child.wait() == 2
    assert f"{topic}:0: offsets 0 to 9 were not trained on" in child.log
    run.finish(config={"on_data_loss": "skip"})
    assert lost_in(run) == {(topic, offset) for offset in range(10)}
    assert len(set(samples) - set(run.trained())) == 10
