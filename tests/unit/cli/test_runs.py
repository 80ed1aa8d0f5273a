"""From flags to a run: where it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runs import checkpoint_at, options_from
from schemas.errors import ConfigError
from schemas.topics import Topics

V1 = Path(__file__).parents[2] / "data" / "checkpoint-v1"
FLAGS = {
    "run_id": "r",
    "run_dir": None,
    "until_consumed": False,
    "closed_file": None,
    "dataset_path": (),
    "wait_for": (),
    "workers_run_id": None,
    "metrics_port": None,
    "wandb_project": None,
    "from_timestamp": None,
    "from_checkpoint": None,
    "replay": (),
}


def test_without_flags_a_run_starts_at_the_log_s_beginning_and_does_not_end():
    options = options_from(FLAGS, Topics())
    assert not options.start.given
    assert not options.until_consumed


def test_a_replayed_range_ends_the_run_with_it():
    options = options_from(FLAGS | {"replay": ("sft.0:5-9",)}, Topics())
    assert options.until_consumed
    assert options.start.firsts() == {("pelton.curriculum.sft.0", 0): 5}


def test_a_date_and_a_range_together_are_refused():
    with pytest.raises(ConfigError, match="give one of them"):
        options_from(FLAGS | {"replay": ("sft.0:5-9",), "from_timestamp": "0"}, Topics())


@pytest.mark.parametrize("path", [V1, V1 / "checkpoints" / "e000001-s00000010-c000004"])
def test_another_run_is_named_by_its_folder_or_by_one_of_its_checkpoints(path):
    options = options_from(FLAGS | {"from_checkpoint": path}, Topics())
    assert options.start.checkpoint == V1 / "checkpoints" / "e000001-s00000010-c000004"


def test_a_folder_without_a_checkpoint_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="--from-checkpoint"):
        checkpoint_at(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(ConfigError, match="no checkpoint that is whole"):
        checkpoint_at(tmp_path)
