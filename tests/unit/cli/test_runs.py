"""From flags to a run: where it starts."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.runs import checkpoint_at, folder_of_run, make_folder, options_from
from cli.train import train
from schemas.errors import ConfigError
from schemas.topics import Topics

V1 = Path(__file__).parents[2] / "data" / "checkpoint-v1"
FLAGS = {
    "run_id": "r",
    "run_dir": None,
    "until_consumed": False,
    "closed_file": None,
    "take_over": False,
    "dataset_path": (),
    "wait_for": (),
    "workers_run_id": None,
    "metrics_port": None,
    "metrics_host": "127.0.0.1",
    "vram_cap_gib": None,
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


def test_names_that_are_made_up_are_new():
    names = {options_from(FLAGS | {"run_id": None}, Topics()).run_id for _ in range(50)}
    assert len(names) == 50


def test_the_folder_of_a_made_up_name_is_nobody_else_s(tmp_path):
    make_folder(tmp_path / "runs" / "a", is_new=True)
    make_folder(tmp_path / "runs" / "a", is_new=False)
    with pytest.raises(ConfigError, match="there already"):
        make_folder(tmp_path / "runs" / "a", is_new=True)


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made or written to"):
        make_folder(tmp_path / "file" / "run", is_new=False)


def test_a_share_that_cannot_rename_a_folder_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    """As object stores mounted as folders answer."""

    def refuse(source, target, **_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(ConfigError, match=r"cannot be renamed there \(Too many open files\)"):
        make_folder(tmp_path / "run", is_new=False)
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("name", ["../../x", "a/b", "", ".", "-x", "a b", "x" * 101, "a\n"])
@pytest.mark.parametrize("flag", ["--run-id", "--workers-run-id"])
def test_a_name_that_would_lead_out_of_the_folder_is_refused(flag, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(train, [flag, name, "--print-config"])
    assert told.exit_code == 2
    assert "is no name of a run" in told.output
    assert not list(tmp_path.iterdir())


def test_a_start_that_fails_before_it_has_anything_to_keep_leaves_no_folder_and_one_that_has_something_leaves_it(tmp_path):
    with contextlib.suppress(ConfigError), folder_of_run(tmp_path / "runs" / "a", is_new=True):
        raise ConfigError("no such model")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    with contextlib.suppress(ConfigError), folder_of_run(tmp_path / "runs" / "a", is_new=True):
        (tmp_path / "runs" / "a" / "epochs").mkdir()
        raise ConfigError("no such model")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
