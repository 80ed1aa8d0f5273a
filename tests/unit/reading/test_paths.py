"""Which files are meant: folders and patterns are sorted, what is hidden is left out, what is named as held out is held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reading.paths import expanded
from schemas.errors import UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touched(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_a_folder_gives_its_files_of_rows_in_order(folder: Path) -> None:
    touched("set/b.jsonl", "set/a.csv.gz", "set/deep/c.parquet", "set/.git/d.jsonl", "set/.e.jsonl", "set/README.md", "set/state.json")
    assert [str(file.path) for file in expanded(["set"])] == ["set/a.csv.gz", "set/b.jsonl", "set/deep/c.parquet"]


def test_a_pattern_gives_the_files_that_match_in_order(folder: Path) -> None:
    touched("b.jsonl", "a.jsonl", "c.csv", ".d.jsonl", "deep/e.jsonl")
    assert [str(file.path) for file in expanded(["*.jsonl"])] == ["a.jsonl", "b.jsonl"]
    assert [str(file.path) for file in expanded(["**/*.jsonl"])] == ["a.jsonl", "b.jsonl", "deep/e.jsonl"]


def test_a_file_whose_name_has_the_signs_of_a_pattern_is_that_file(folder: Path) -> None:
    touched("rows[1].jsonl")
    assert [str(file.path) for file in expanded(["rows[1].jsonl", "-"])] == ["rows[1].jsonl", "-"]


def test_files_of_a_folder_that_are_for_measuring_are_held_out(folder: Path) -> None:
    touched("set/train-00000-of-00001.parquet", "set/test-00000-of-00001.parquet", "set/contest.jsonl", "set/dev/a.jsonl")
    assert {str(file.path): file.split for file in expanded(["set"])} == {
        "set/contest.jsonl": None,
        "set/dev/a.jsonl": "validation",
        "set/test-00000-of-00001.parquet": "validation",
        "set/train-00000-of-00001.parquet": None,
    }


def test_files_that_are_named_themselves_or_have_nothing_beside_them_are_trained_on(folder: Path) -> None:
    touched("set/test.jsonl")
    assert [file.split for file in expanded(["set", "set/test.jsonl"])] == [None, None]


@pytest.mark.parametrize(
    ("name", "says"),
    [("absent.jsonl", "no file absent.jsonl"), ("*.csv", r"no file matches \*\.csv"), (".", "no file of rows in it")],
)
def test_what_is_not_there_is_named(folder: Path, name: str, says: str) -> None:
    touched("notes.md")
    with pytest.raises(UserError, match=says):
        expanded([name])
