"""Labels seen, of training too, are what a sample without a label set may be given: bounded, and kept in the checkpoint."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

from schemas.sample import Task
from schemas.training_sample import Objective
from trainer_node.commit.held_out_file import HELD_OUT, feed_of, write_held_out
from trainer_node.commit.state import FeedState
from trainer_node.intake.held_out import LABELS_BYTES, MOST_LABELS, HeldOut


def labelled(make_sample, label: str, **more):
    return make_sample(label[:50], "a text", label, task=Task.CLASSIFICATION, **more)


def test_labels_of_samples_without_a_set_are_remembered_and_no_others(make_sample):
    held_out = HeldOut()
    for label in ("b", "a", "b"):
        held_out.see(labelled(make_sample, label))
    held_out.see(labelled(make_sample, "yes", label_set=("yes", "no")))
    held_out.see(make_sample("q", "what?", "an answer"))
    assert list(held_out.labels) == ["b", "a"]


def test_they_are_bounded_in_number_and_bytes_and_the_bound_is_told_once(make_sample, caplog):
    held_out = HeldOut()
    with caplog.at_level(logging.WARNING):
        for number in range(MOST_LABELS + 5):
            held_out.see(labelled(make_sample, f"label {number}"))
    assert len(held_out.labels) == MOST_LABELS
    assert [record.message.split(":")[0] for record in caplog.records] == ["more labels than are kept"]
    long = HeldOut()
    for number in range(10):
        long.see(labelled(make_sample, f"{number}" * (LABELS_BYTES // 4)))
    assert len(long.labels) == 4


def test_a_checkpoint_keeps_them_and_one_of_before_has_none(make_sample, tmp_path):
    held_out = HeldOut()
    held_out.see(labelled(make_sample, "größer"))
    state = held_out.snapshot()
    write_held_out(tmp_path, state)
    checkpoint = SimpleNamespace(path=tmp_path, manifest=SimpleNamespace(feed=FeedState(objective=Objective.SFT)))
    again = HeldOut()
    again.restore(feed_of(checkpoint).held_out)
    assert list(again.labels) == ["größer"]
    again.see(labelled(make_sample, "größer"))
    assert len(again.labels) == 1
    (tmp_path / HELD_OUT).write_text(json.dumps({"fixed": ["sft"]}) + "\n")
    old = feed_of(checkpoint).held_out
    assert (old.labels, old.fixed) == ((), (Objective.SFT,))
