"""A server process lives no longer than its parent, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.kafka.child_process import LOG_LIMIT_BYTES, ChildProcess, DataFolderLock, FolderInUse, rotate

PARENT = """
import sys, time
from pathlib import Path
from streams.kafka.child_process import ChildProcess
log = Path(sys.argv[1])
child = ChildProcess([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"], log)
while "up" not in log.read_text():
    time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(600)
"""


def ends(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process that is not our child ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True  # ended; nobody has asked for its status yet
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE, encoding="utf-8")
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert ends(child)


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    import threading

    children: list[ChildProcess] = []
    server = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]

    def start() -> None:
        children.append(ChildProcess(server, tmp_path / "log"))
        while "up" not in (tmp_path / "log").read_text():
            time.sleep(0.01)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert not children[0].wait(0.5)
    children[0].kill()
    assert children[0].returncode == -signal.SIGKILL


def test_its_output_is_in_the_log(tmp_path: Path) -> None:
    child = ChildProcess([sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"], tmp_path / "log")
    assert child.wait(60)
    assert child.returncode == 0
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]


def test_terminate_asks_it_to_stop(tmp_path: Path) -> None:
    child = ChildProcess([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log")
    child.terminate()
    assert child.wait(60)
    assert not child.alive()


def test_a_folder_is_free_exactly_when_its_last_server_has_ended(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path) as lock:
        child = ChildProcess([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log", held=lock)
    with pytest.raises(FolderInUse):
        DataFolderLock(tmp_path, patience=0.2).__enter__()
    child.kill()
    with DataFolderLock(tmp_path, patience=10):
        pass


def test_a_large_log_is_rotated(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "broker.log.1").exists()


def test_a_large_log_of_a_running_process_is_rotated_and_the_process_goes_on_in_the_emptied_file(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    wait = "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
    talking = f"import pathlib, sys, time\nprint('x' * {LOG_LIMIT_BYTES}, flush=True)\n{wait}\nprint('on')"
    child = ChildProcess([sys.executable, "-c", talking, str(tmp_path / "go")], log)
    while log.stat().st_size <= LOG_LIMIT_BYTES:
        assert child.alive()
        time.sleep(0.01)
    child.trim_log()
    (tmp_path / "go").touch()
    assert child.wait(60)
    assert log.read_text() == "on\n"
    assert (tmp_path / "node.log.1").stat().st_size > LOG_LIMIT_BYTES
