"""A full disk during a checkpoint ends the trainer with one clear line; the previous checkpoint is untouched, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest

from tests.faults.runs import ALL_THERE_ONCE, account, produce
from trainer_node.commit.manifest import checkpoints


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, where we may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    if not mounted:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path):
    """Take all the room that is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)


def test_a_full_disk_leaves_the_previous_checkpoint_and_says_so(settings, new_run, small_disk):
    samples = produce(settings, 1000)
    run = new_run()
    run.folder = small_disk / "run"
    child = run.start(("commit", 2), after_step=8)
    child.wait_for("waiting")
    fill(small_disk / "filler")
    child.go_on()
    assert child.wait() == 1
    last = child.log.strip().splitlines()[-1]
    assert "could not be written" in last
    assert "the previous one is untouched" in last
    assert checkpoints(run.folder)[-1].manifest.step == 4
    (small_disk / "filler").unlink()
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE


def test_a_file_size_limit_does_the_same(settings, new_run):
    samples = produce(settings, 1000)
    run = new_run(batch_size=25)
    child = run.start(("batch", 6))
    child.wait_for("waiting")
    child.kill()
    limited = run.start(limits={"RLIMIT_FSIZE": 20_000})
    assert limited.wait() == 1
    assert "could not be written" in limited.log.strip().splitlines()[-1]
    assert checkpoints(run.folder)[-1].manifest.step == 4
    run.finish()
    assert account(run.trained(), samples) == ALL_THERE_ONCE
