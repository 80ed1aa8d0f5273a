"""What `pelton export` would write over, or cannot write, is refused before anything is loaded, and nothing is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.export import export
from cli.export_targets import make_folders
from schemas.errors import UserError
from tests.models.checkpoints import commit
from tests.models.tiny import build
from trainer_node.config import TrainConfig
from trainer_node.models.restore import load_for_training


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose base is gone: whatever loads it fails by another word than a refusal of targets."""
    folder = tmp_path_factory.mktemp("run")
    base = build(folder / "base")
    (path,) = commit(folder / "run", [load_for_training(TrainConfig(model=str(base), bits=32, lora_r=2), None)], base)
    shutil.rmtree(base)
    return path


def run(checkpoint: Path, *arguments: object) -> Result:
    return CliRunner().invoke(export, [str(checkpoint), *map(str, arguments)])


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.exception
    return " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "targets",
    [
        ("--merge", "m", "--adapter", "m"),
        ("--merge", "m", "--adapter", "x/../m"),
        ("--merge", "m", "--adapter", "m/a"),
        ("--adapter", "m/a/b", "--merge", "m"),
        ("--merge", "m", "--gguf", "m/model.gguf"),
        ("--gguf", "f.gguf", "--gguf-adapter", "f.gguf"),
        ("--gguf", "f.gguf", "--merge", "f.gguf.md"),
        ("--merge", "f.gguf.Modelfile", "--gguf", "f.gguf"),
    ],
)
def test_targets_that_would_be_written_into_each_other_are_refused(checkpoint, tmp_path, targets):
    places = [part if part.startswith("--") else tmp_path / part for part in targets]
    assert "written into each other" in refused(run(checkpoint, *places))
    assert not list(tmp_path.iterdir())


def test_a_link_to_another_target_is_that_target(checkpoint, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "link").symlink_to("m")
    assert "written into each other" in refused(run(checkpoint, "--merge", tmp_path / "m", "--adapter", tmp_path / "link"))


@pytest.mark.parametrize("option", ["--gguf", "--gguf-adapter"])
@pytest.mark.parametrize("name", ["noext", "v1.2-run", "model.GGUF", "model.gguf.bin", ".gguf"])
def test_a_gguf_file_is_named_as_one(checkpoint, tmp_path, option, name):
    assert "must end in .gguf" in refused(run(checkpoint, option, tmp_path / name))


@pytest.mark.parametrize("there", ["v1.2.gguf", "v1.2.gguf.md", "v1.2.gguf.Modelfile"])
def test_no_file_is_overwritten_also_none_beside_a_gguf_file(checkpoint, tmp_path, there):
    (tmp_path / there).write_text("mine", encoding="utf-8")
    told = refused(run(checkpoint, "--gguf", tmp_path / "v1.2.gguf"))
    assert "is there already" in told
    assert there in told.replace(" ", "")
    assert (tmp_path / there).read_text(encoding="utf-8") == "mine"


def test_a_folder_that_holds_something_or_is_a_file_is_refused_and_so_is_a_checkpoint_s_own(checkpoint, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for option in ("--merge", "--adapter"):
        assert "is not empty" in refused(run(checkpoint, option, tmp_path / "full"))
        assert "is there already" in refused(run(checkpoint, option, tmp_path / "full" / "mine"))
        assert "inside the checkpoint" in refused(run(checkpoint, option, checkpoint / "out"))


@pytest.mark.parametrize("option", ["--merge", "--adapter"])
@pytest.mark.parametrize("place", ["file/sub", "file/sub/sub", "dangling"])
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_loaded(checkpoint, tmp_path, option, place):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at" / "all")
    told = refused(run(checkpoint, option, tmp_path / place))
    assert "cannot be written" in told or "is there already" in told


@pytest.mark.parametrize("place", ["file/model.gguf", "file/sub/model.gguf", "/proc/model.gguf"])
def test_a_file_s_folder_that_cannot_be_written_is_refused(tmp_path, place):
    import click

    (tmp_path / "file").touch()
    with pytest.raises(click.BadParameter, match="cannot be written"):
        make_folders({"gguf": tmp_path / place})


def test_folders_are_made_where_a_file_is_to_be_written_and_nothing_is_left_in_them(tmp_path):
    make_folders({"gguf": tmp_path / "a" / "b" / "m.gguf", "merge": tmp_path / "c" / "d"})
    assert not list((tmp_path / "a" / "b").iterdir())
    assert not list((tmp_path / "c" / "d").iterdir())


def test_one_target_that_is_impossible_refuses_them_all(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("PELTON_LLAMA_CPP", str(tmp_path))
    result = run(checkpoint, "--adapter", tmp_path / "a", "--gguf", tmp_path / "m.gguf")
    assert isinstance(result.exception, UserError)
    assert "llama.cpp's converter is not here" in str(result.exception)
    assert not list(tmp_path.iterdir())
