"""What older formats said of the stream is what the newest says, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from trainer_node.commit.old_formats import FORMAT, upgraded

OLD: dict[str, Any] = {
    "objective": "sft",
    "pass": 2,
    "step": 7,
    "samples_trained": 50,
    "positions": {"sft.0:0": {"watermark": 9, "done": [[11, 12]]}},
    "pass_start": {"sft.0:0": 3},
    "pacing": {"highest": 1, "steps_here": 4},
    "validation": ["v"],
    "prompts": ["p"],
}
V1: dict[str, Any] = {
    "objective": "sft",
    "pass_number": 2,
    "step": 7,
    "samples_trained": 50,
    "position": {
        "partitions": {"sft.0:0": {"watermark": 9, "done": [[11, 12]]}},
        "pass_start": {"sft.0:0": 3},
        "bounds": {},
        "data_losses": [],
    },
    "pacing": {"highest": 1, "steps_here": 4},
    "repeats": {"dead_lettered": {}},
    "early_stopping": {},
    "held_out": {"validation": ["v"], "prompts": ["p"]},
}
OF_OBJECTIVES = ("pass_number", "pacing", "early_stopping")
OWN = {"pass_number": 2, "pacing": {"highest": 1, "steps_here": 4}, "early_stopping": {}, "steps": 7, "begun": True}
NEW: dict[str, Any] = {name: value for name, value in V1.items() if name not in OF_OBJECTIVES} | {"objectives": {"sft": OWN}}


@pytest.mark.parametrize("version", [1, 2])
def test_a_feed_of_an_older_format_is_read_field_by_field(version):
    wanted = {"format": version, "name": "c", "feed": NEW, "trainers": {"sft": ""}}
    assert upgraded({"format": version, "name": "c", "feed": OLD}) == wanted


def test_format_3_had_one_objective_at_a_time_and_what_was_measured_of_it_beside():
    feed = V1 | {"version": 1, "early_stopping": {"measure": "val_loss", "best": 1.0, "since_best": 1}}
    read = upgraded({"format": 3, "metrics": {"val_metric": 1.5}, "feed": feed})
    early = {"measure": "val_loss", "best": 1.0, "since_best": 1, "last": 1.5}
    assert read["feed"] == NEW | {"objectives": {"sft": OWN | {"early_stopping": early}}}


def test_a_run_that_trained_pairs_by_then_had_done_its_passes_over_samples():
    read = upgraded({"format": 3, "settings": {"epochs": 3}, "feed": V1 | {"objective": "preference"}})
    done = {"pass_number": 3, "finished": True, "begun": True, "pacing": {"highest": 4}}
    assert read["feed"]["objectives"] == {"preference": OWN, "sft": done}


@pytest.mark.parametrize(
    ("version", "dead"), [(1, [["sft.0", 0, 5], ["sft.0", 0, 4], ["sft.1", 0, 2]]), (2, {"sft.0:0": ((4, 5),), "sft.1:0": ((2, 2),)})]
)
def test_dead_letters_were_positions_in_format_1_and_ranges_in_format_2(version, dead):
    read = upgraded({"format": version, "feed": OLD | {"dead": dead}})
    assert read["feed"]["repeats"] == {"dead_lettered": {"sft.0:0": ((4, 5),), "sft.1:0": ((2, 2),)}}


@pytest.mark.parametrize(
    ("early", "read"),
    [
        ({"best": 2.0, "since_best": 1}, {"measure": "val_loss", "best": 2.0, "since_best": 1}),
        ({"best": 0.9, "measure": "val_accuracy"}, {"measure": "val_accuracy", "best": 0.9}),
        ({"since_best": 0}, {"since_best": 0}),
    ],
)
def test_early_stopping_of_format_1_knew_the_loss_alone(early, read):
    assert upgraded({"format": 1, "feed": OLD | {"early": early}})["feed"]["objectives"]["sft"]["early_stopping"] == read


def test_bounds_and_what_retention_took_are_kept():
    loss = {"topic": "sft.0", "partition": 0, "first": 1, "last": 4}
    read = upgraded({"format": 2, "feed": OLD | {"bounds": {"sft.0:0": 90}, "data_losses": [loss | {"pass": 2}]}})
    assert read["feed"]["position"]["bounds"] == {"sft.0:0": 90}
    assert read["feed"]["position"]["data_losses"] == [loss | {"pass_number": 2}]


def test_the_newest_format_is_left_as_it_is():
    document = {"format": FORMAT, "feed": {"anything": 1}}
    assert upgraded(document) is document
    assert FORMAT == 4
