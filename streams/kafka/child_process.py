"""A server process of ours: its output in a log file, a data folder of its own, and no life longer than its parent's, however that ends."""

from __future__ import annotations

import fcntl
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

LOG_LIMIT_BYTES = 20_000_000
"""A log larger than this is rotated to `.1`, where the process starts again and while it runs."""
LOOK_AT_LOGS_S = 30.0
"""How often logs of running processes are looked at."""

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

    def __init__(self, command: list[str], log_path: Path, cwd: Path | None = None, held: DataFolderLock | None = None) -> None:
        self._command = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), *command]
        self._log_path = log_path
        self._cwd = cwd
        self._inherited = (held.fileno(),) if held is not None else ()
        started: queue.Queue[subprocess.Popen[bytes] | OSError] = queue.Queue()
        threading.Thread(target=self._run, args=(started,), daemon=True, name=f"wait for {Path(command[0]).name}").start()
        outcome = started.get()
        if isinstance(outcome, OSError):
            raise outcome
        self._process = outcome
        _LOGS.watch(self)

    def _run(self, started: queue.Queue[subprocess.Popen[bytes] | OSError]) -> None:
        try:
            rotate(self._log_path)
            with self._log_path.open("ab") as log:
                process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._cwd,
                    start_new_session=True,
                    pass_fds=self._inherited,
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    def trim_log(self) -> None:
        """Rotate the log of the running process, where it is large. It appends, so it goes on in the emptied file."""
        if self._log_path.exists() and self._log_path.stat().st_size > LOG_LIMIT_BYTES:
            shutil.copyfile(self._log_path, _rotated(self._log_path))
            os.truncate(self._log_path, 0)

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


class DataFolderLock:
    """Held by the server processes of a data folder themselves, so that it is free exactly when the last of them has ended.

    Between `with DataFolderLock(folder) as lock` and the block's end it is this process's; each child that is given it holds it on.
    """

    def __init__(self, folder: Path, patience: float = 10.0) -> None:
        self.folder = folder
        self._patience = patience
        self._file: IO[bytes] | None = None

    def fileno(self) -> int:
        """The open file's number, for a child to inherit."""
        assert self._file is not None, "taken by `with`"
        return self._file.fileno()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = (self.folder / "in-use.lock").open("ab")
        deadline = time.monotonic() + self._patience  # a server whose parent was killed may still be stopping
        while not self._try():
            if time.monotonic() > deadline:
                self._file.close()
                raise FolderInUse
            time.sleep(0.1)
        return self

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._file is not None
        self._file.close()


class FolderInUse(Exception):  # noqa: N818 - what is the matter with the folder
    """Another server's processes hold the folder."""


def rotate(log_path: Path) -> None:
    """Rotate a large log, so that a data folder used for months does not fill the disk."""
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists() and log_path.stat().st_size > LOG_LIMIT_BYTES:
        log_path.replace(_rotated(log_path))


def _rotated(log_path: Path) -> Path:
    return log_path.with_name(log_path.name + ".1")


class _Logs:
    """Looks at the logs of all child processes that live, from one thread, begun with the first."""

    def __init__(self) -> None:
        self._children: weakref.WeakSet[ChildProcess] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def watch(self, child: ChildProcess) -> None:
        """From now on."""
        with self._lock:
            self._children.add(child)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="rotate logs", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(LOOK_AT_LOGS_S)
            with self._lock:
                children = [child for child in self._children if child.alive()]
            for child in children:
                with suppress(OSError):  # a full disk, say: it is tried again
                    child.trim_log()


_LOGS = _Logs()
