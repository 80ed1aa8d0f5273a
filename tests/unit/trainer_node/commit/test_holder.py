"""Whether whoever holds a run lives: a process of this machine that is gone is known at once, any other by its heartbeat."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trainer_node.commit.fencing import Fence
from trainer_node.commit.holder import Pulse, holder_of, living, read_pulse


@pytest.fixture
def looks() -> list[int]:
    """How often somebody had to look again."""
    return []


def claimed_by(fence: Fence, **said: object) -> None:
    """The claim says something else of its process."""
    path = fence.folder / f"{fence.epoch:06d}"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | said), encoding="utf-8")


def alive(fence: Fence, looks: list[int], patience_s: float = 5.0) -> bool:
    return living(fence.folder, fence.epoch, patience_s, lambda: looks.append(1)) is not None


def test_a_process_of_this_machine_whose_heartbeat_goes_on_is_alive_and_says_where_it_is(tmp_path, looks):
    fence = Fence(tmp_path)
    pulse = Pulse(fence.folder, fence.epoch)
    assert alive(fence, looks)
    assert str(holder_of(fence.folder, 1)).startswith(f"process {os.getpid()} on ")
    pulse.stop()
    looks.clear()
    assert not alive(fence, looks)
    assert looks == [], "it has said that it was over"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_of_this_machine_that_is_gone_or_suspended_is_known_at_once(tmp_path, looks, end):
    fence = Fence(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    process.send_signal(end)
    if end == signal.SIGKILL:
        process.wait()
    else:
        while "T (stopped)" not in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"):
            pass
    claimed_by(fence, pid=process.pid)
    assert not alive(fence, looks)
    process.kill()
    process.wait()
    assert looks == []


def test_another_process_that_has_the_number_by_now_is_not_the_holder(tmp_path, looks):
    fence = Fence(tmp_path)
    claimed_by(fence, started=0.0)
    assert not alive(fence, looks)
    assert looks == []


def test_of_a_process_elsewhere_the_heartbeat_alone_counts_and_one_that_stands_still_is_looked_at_for_a_while(tmp_path, looks):
    fence = Fence(tmp_path)
    claimed_by(fence, place="another machine", pid=1)
    pulse = Pulse(fence.folder, fence.epoch)
    assert alive(fence, looks)
    pulse.stop()
    (fence.folder / "000001.pulse").write_text("7", encoding="ascii")  # it was killed after this beat
    looks.clear()
    assert not alive(fence, looks, patience_s=0.5)
    assert looks, "it might have gone on"


@pytest.mark.parametrize("claim", ["", "{}", json.dumps({"pid": 1, "claimed_at": 0})])
def test_a_claim_that_says_nothing_of_its_process_holds_nobody_up(tmp_path, looks, claim):
    fence = Fence(tmp_path)
    (fence.folder / "000001").write_text(claim, encoding="utf-8")
    assert not alive(fence, looks)
    assert looks == []


def test_a_heartbeat_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path, caplog):
    pulse = Pulse(tmp_path / "none", 1)
    pulse.stop()
    assert len([text for text in caplog.messages if "cannot be written" in text]) == 1
    assert read_pulse(tmp_path / "none", 1) is None


def test_a_claim_after_the_one_that_was_looked_at_is_made_once(tmp_path):
    Fence(tmp_path, after=0)
    with pytest.raises(FileExistsError):
        Fence(tmp_path, after=0)
    assert Fence(tmp_path, after=1).epoch == 2
