"""What a checkpoint says of the stream: it does not change, and begins where a run begins."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from schemas.training_sample import Objective
from trainer_node.commit.state import FeedState, PartitionState, StreamPosition


@pytest.mark.parametrize(
    ("offset", "done"), [(4, True), (5, False), (6, False), (7, True), (8, True), (9, False), (10, False), (11, True), (12, False)]
)
def test_done_is_what_lies_below_the_watermark_or_in_a_range(offset, done):
    assert PartitionState(watermark=5, done=((7, 8), (11, 11))).is_done(offset) is done


def test_a_run_begins_with_the_first_pass_nothing_trained_and_only_the_easiest_band_open():
    assert json.loads(FeedState(objective=Objective.SFT).model_dump_json()) == {
        "version": 2,
        "objective": "sft",
        "step": 0,
        "samples_trained": 0,
        "position": {"partitions": {}, "pass_start": {}, "bounds": {}, "data_losses": [], "topic_ids": {}},
        "objectives": {},
        "repeats": {"dead_lettered": {}},
    }
    assert json.loads(FeedState(objective=Objective.SFT).of(Objective.SFT).model_dump_json()) == {
        "pass_number": 1,
        "first_pass": 1,
        "finished": False,
        "begun": False,
        "steps": 0,
        "credit": 0.0,
        "pacing": {"highest": 0, "steps": 0, "tokens": 0, "taken": [0] * 5, "reached": [-1] * 5, "reverse": False, "arms": []},
        "early_stopping": {"measure": None, "best": None, "since_best": 0, "last": None, "at": 0, "candidates": 0},
    }


def test_a_partition_s_state_has_nothing_done_above_its_watermark_unless_it_says_so():
    assert PartitionState(watermark=3).done == ()


def test_what_a_checkpoint_says_does_not_change_and_what_a_newer_version_added_is_passed_over():
    state = FeedState.model_validate({"objective": "sft", "of_a_newer_version": 1})
    assert state == FeedState(objective=Objective.SFT)
    with pytest.raises(ValidationError, match="frozen"):
        state.step = 9  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        StreamPosition().bounds = {}  # type: ignore[misc]
