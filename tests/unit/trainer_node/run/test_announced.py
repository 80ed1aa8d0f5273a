"""A checkpoint that was announced and is deleted gets its tombstone, whoever notices it, and once."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer_node.run.announced import FILE, Announced


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    for name in ("one", "two", "three"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    return tmp_path


def test_what_was_announced_and_is_deleted_is_named_until_its_tombstone_is_sent(run_dir):
    announced = Announced(run_dir)
    announced.add("r/1", "one")
    announced.add("r/2", "two")
    assert announced.gone() == []
    (run_dir / "checkpoints" / "one").rmdir()
    assert Announced(run_dir).gone() == ["r/1"], "the next incarnation knows it, too"
    announced.add("r/3", "three")  # sent with the tombstone
    assert announced.gone() == Announced(run_dir).gone() == []


def test_a_version_that_is_announced_again_is_not_taken_back(run_dir):
    announced = Announced(run_dir)
    announced.add("r/1", "one")
    (run_dir / "checkpoints" / "one").rmdir()
    assert announced.gone(besides="r/1") == []
    announced.add("r/1", "two")
    assert announced.gone() == []


def test_a_tombstone_that_was_sent_is_forgotten_and_a_file_that_is_none_is_said(run_dir, caplog):
    announced = Announced(run_dir)
    announced.add("r/1", "one")
    (run_dir / "checkpoints" / "one").rmdir()
    announced.forget(announced.gone())
    assert Announced(run_dir).gone() == []
    (run_dir / FILE).write_text("{torn", encoding="utf-8")
    assert Announced(run_dir).gone() == []
    assert "deleted checkpoints announced before stay on the topic" in caplog.text
