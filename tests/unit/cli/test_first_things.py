"""What is wrong with a start is said before anything is started, in one line that names it; and nothing is left behind."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import hub_data, logs, main
from cli.ask import questions_of
from cli.files_first import check_files
from cli.main import pelton
from cli.sample_reader import read_options
from cli.terminal import zoned
from schemas.errors import DownloadError, UserError
from trainer_node.commit.durable import as_the_umask_says


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    """A node's command sets up its process's log."""
    yield
    logging.captureWarnings(False)
    for name in logs.OURS:
        logging.getLogger(name).setLevel(logging.NOTSET)


def written(path: Path, *rows: object) -> str:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "nothing to train on: there is no sample in"),
        ([{"text": "a", "label": "b", "split": "validation"}] * 2, "nothing to train on: all 2 samples are held out"),
        ([{"text": "a", "label": "b"}, {"nothing": 1}], "rows.jsonl:2: "),
    ],
    ids=["empty", "all held out", "a bad row"],
)
def test_a_file_that_trains_nothing_is_refused_without_a_broker_and_leaves_no_folder(tmp_path, clean_environ, rows, told):
    path = written(tmp_path / "rows.jsonl", *rows)
    run_dir = tmp_path / "runs" / "new"
    done = CliRunner().invoke(pelton, ["train", "--dataset-path", path, "--run-dir", str(run_dir), "--model", str(tmp_path)])
    assert isinstance(done.exception, UserError)
    assert told in str(done.exception)
    assert not (tmp_path / "runs").exists()


def test_files_that_have_something_to_train_on_pass(tmp_path):
    empty, good = written(tmp_path / "empty.jsonl"), written(tmp_path / "good.jsonl", {"text": "a", "label": "b"})
    check_files([empty, good], read_options(), [], None)


def test_a_model_that_is_not_there_is_said_before_a_broker_is_started(tmp_path, clean_environ):
    path = written(tmp_path / "rows.jsonl", {"text": "a", "label": "b"})
    words = ["train", "--dataset-path", path, "--run-dir", str(tmp_path / "run"), "--model", str(tmp_path / "absent")]
    done = CliRunner().invoke(pelton, words)
    assert isinstance(done.exception, UserError)
    assert "there is no such file or folder" in str(done.exception)
    assert not (tmp_path / "run").exists()


def test_a_data_set_of_a_hub_that_cannot_be_reached_is_one_line(monkeypatch):
    def gone(*_: object) -> None:
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    monkeypatch.setattr("datasets.load_dataset_builder", gone)
    with pytest.raises(DownloadError, match=r"data set some/set cannot be had: the hub cannot be reached; give a file instead"):
        hub_data.fetched("some/set")


@pytest.mark.parametrize(("typed", "meant"), [(["trian"], "train"), (["topics", "chekc"], "check"), (["dead-letter"], "dead-letters")])
def test_a_command_that_is_none_is_told_what_it_may_be(monkeypatch, capsys, typed, meant):
    monkeypatch.setattr("sys.argv", ["pelton", *typed])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_arguments_with_blanks_are_a_question_each_and_words_are_one():
    assert questions_of(("who", "composed", "Carmen?")) == ["who composed Carmen?"]
    assert questions_of(("who composed Carmen?", "Why?")) == ["who composed Carmen?", "Why?"]


def test_questions_come_from_standard_input_one_a_line():
    @click.command()
    def told() -> None:
        click.echo(json.dumps(questions_of(("-",))))

    assert json.loads(CliRunner().invoke(told, input="one?\n\ntwo three?\n").output) == ["one?", "two three?"]
    assert CliRunner().invoke(told, input="\n").exit_code == 2


def test_a_time_has_its_zone(monkeypatch):
    assert zoned(0.0)[-6] in "+-"
    assert zoned(0.0)[10] == " "


def test_files_of_a_checkpoint_and_an_export_can_be_read_by_whom_the_umask_lets(tmp_path):
    private = tmp_path / "weights.safetensors"
    private.write_text("x")
    private.chmod(0o600)
    before = os.umask(0o027)
    try:
        as_the_umask_says(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(private.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
