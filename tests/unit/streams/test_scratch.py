"""Workers that were killed leave no folders behind for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from streams.scratch import scratch_folder


def test_a_folder_without_files_of_a_process_that_is_gone_is_removed_and_no_other(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, full, foreign = (tmp_path / name for name in (f"pelton-worker-{gone.pid}-a", f"pelton-worker-{gone.pid}-b", "pelton-worker-x-a"))
    for folder in (left, full, foreign):
        folder.mkdir()
    (left / "v1" / "tables").mkdir(parents=True)  # as Faust makes them in it
    (full / "v1").mkdir()
    (full / "v1" / "kept").touch()
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert not left.exists()
        assert full.exists()
        assert foreign.exists()
        assert one != other, "several workers of one process"
    assert sorted(tmp_path.iterdir()) == sorted([full, foreign])


def test_the_folder_of_a_process_that_is_not_seen_from_here_is_left_as_long_as_it_lives(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with scratch_folder(tmp_path) as folder:
        unseen = Path(folder).rename(tmp_path / f"pelton-worker-{gone.pid}-a")  # as in another container its number is no process
        with scratch_folder(tmp_path):
            assert unseen.exists()
        unseen.rename(folder)
    assert list(tmp_path.iterdir()) == []
