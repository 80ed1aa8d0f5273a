"""A server process of ours: its output in a log file, and no life longer than its parent's, however that one ends."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

LOG_LIMIT_BYTES = 20_000_000
"""A log larger than this is set aside as `.1` when the process starts again."""

# Runs in the child, before the server takes its place. PR_SET_PDEATHSIG (1) has the kernel send SIGTERM when the parent's thread ends;
# the parent may have died before that call, so look once more.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ChildProcess:
    """A server process, started at construction.

    The kernel ties it to the thread that forked it, not to the process; so a thread of its own forks it and waits for it.
    It has a session of its own, so that Ctrl-C at the terminal reaches only us, and we stop it in order.
    """

    def __init__(self, command: list[str], log_path: Path, cwd: Path | None = None) -> None:
        self._command = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
        self._log_path = log_path
        self._cwd = cwd
        started: queue.Queue[subprocess.Popen[bytes] | OSError] = queue.Queue()
        threading.Thread(target=self._run, args=(started,), daemon=True, name=f"wait for {Path(command[0]).name}").start()
        outcome = started.get()
        if isinstance(outcome, OSError):
            raise outcome
        self._process = outcome

    def _run(self, started: queue.Queue[subprocess.Popen[bytes] | OSError]) -> None:
        try:
            rotate(self._log_path)
            with self._log_path.open("ab") as log:
                process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._cwd, start_new_session=True
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status; None while it runs, negative for a signal."""
        return self._process.poll()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it at once, as a crash would, and wait for that."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """Ask it to stop; does not wait."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end; whether it ended."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True


def rotate(log_path: Path) -> None:
    """Set a large log aside, so that a data folder used for months does not fill the disk."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES:
        log_path.replace(log_path.with_name(log_path.name + ".1"))
