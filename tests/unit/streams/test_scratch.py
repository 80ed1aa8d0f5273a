"""Workers that were killed leave no folders behind for ever."""

from __future__ import annotations

import subprocess
import sys

from streams.scratch import scratch_folder


def test_an_empty_folder_of_a_process_that_is_gone_is_removed_and_no_other(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, full, foreign = (tmp_path / name for name in (f"pelton-worker-{gone.pid}-a", f"pelton-worker-{gone.pid}-b", "pelton-worker-x-a"))
    for folder in (left, full, foreign):
        folder.mkdir()
    (full / "kept").touch()
    with scratch_folder(tmp_path) as one, scratch_folder(tmp_path) as other:
        assert not left.exists()
        assert full.exists()
        assert foreign.exists()
        assert one != other, "several workers of one process"
    assert sorted(tmp_path.iterdir()) == sorted([full, foreign])
