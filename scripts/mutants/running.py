"""Runs tests in forked processes, which inherit what is slow to import (torch, Transformers, TRL, spaCy) and import the mutant anew."""

from __future__ import annotations

import ctypes
import gc
import importlib
import inspect
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from scripts.mutants.generation import Mutant

LEAST_CPU_S = 20
"""A mutant is never cut off before it has used so many seconds of a processor, however quick its tests are."""
SLOWDOWN = 5.0
"""How many times what its tests take without it a mutant may use: a machine that has other things to do changes nothing of that."""
PATIENCE_S = 300.0
"""Seconds after which a mutant is cut off that waits and uses no processor, beyond what its tests take."""


def _options() -> tuple[str, ...]:
    """The same examples each time, and the installed plugins by name: to look for them costs each process half a second."""
    plugins = sorted(entry.name for entry in entry_points(group="pytest11") if entry.name not in ("xdist", "xdist.looponfail"))
    loaded = [word for name in plugins for word in ("-p", name)]
    # Plugins are imported before the fork, which pytest warns of.
    return ("-q", "--no-header", "--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning", *loaded)


PYTEST = _options()


class Outcome(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"
    UNTESTED = "untested"
    """No test runs the line; counts as survived."""
    EQUIVALENT = "equivalent"
    """Argued to change nothing that can be seen; not counted."""

    @property
    def is_caught(self) -> bool:
        """A mutant that no longer ends is noticed too."""
        return self in (Outcome.KILLED, Outcome.TIMEOUT)


@dataclass(frozen=True)
class Result:
    """One mutant's end."""

    mutant: Mutant
    outcome: Outcome
    by: str = ""
    """The test that failed, or how else it was caught."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Work:
    """A mutant and the tests for it, in order, with the seconds that they take together without it."""

    mutant: Mutant
    tests: list[str]
    seconds: float


def preload(names: Iterable[str]) -> list[str]:
    """Import modules of others, so that forked processes find them ready. Returns those that cannot be imported by name alone."""
    failed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if name in sys.modules:
                continue
            try:
                importlib.import_module(name)
            except Exception:  # noqa: BLE001 - whatever it is: the tests import it their own way
                failed.append(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # a pool of threads does not survive a fork
    inspect.getmodule(inspect.currentframe())  # it remembers where each module is; Pydantic asks for every class
    gc.collect()
    gc.freeze()  # what is here stays: no collection in a forked process need walk through it
    return failed


def in_child(tree: Path, output: Path | None, work: Callable[[], int]) -> int:
    """Fork, and do the work in a copy of the tree, its output in a file or where this process's goes. Returns the process id."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 70
    try:
        _end_with_parent()
        os.setsid()
        os.chdir(tree)
        if output:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
        sys.path.insert(0, str(tree))
        os.environ |= {"PYTHONPATH": str(tree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        code = work()
    except BaseException:  # noqa: BLE001 - this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise AssertionError("unreachable")


def _end_with_parent() -> None:
    """Linux: this process is killed when its parent ends, however that ends; it has a session of its own, which Ctrl-C does not reach."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def run_tests(tests: list[str], killer: Path, cpu_s: float) -> int:
    """Run tests up to the first that fails, whose name goes into `killer`. A process that uses more of a processor than this is ended."""
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (round(used + cpu_s), resource.RLIM_INFINITY))
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    return int(pytest.main([*PYTEST, "-x", "--tb=short", *tests], plugins=[_Killer(killer)]))


def failing(tests: list[str], tree: Path, folder: Path) -> list[str]:
    """Which of these tests fail in a forked process without a mutant."""
    found = folder / "failing.json"

    def work() -> int:
        failures = _Failures()
        code = pytest.main([*PYTEST, *tests], plugins=[failures])
        found.write_text(json.dumps(sorted(failures.tests)), encoding="utf-8")
        return int(code)

    if not tests:
        return []
    os.waitpid(in_child(tree, folder / "failing.log", work), 0)
    return list(json.loads(found.read_text(encoding="utf-8")))


class _Failures:
    def __init__(self) -> None:
        self.tests: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tests.add(report.nodeid)


class _Killer:
    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._path.exists():
            self._path.write_text(report.nodeid, encoding="utf-8")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._path.write_text(f"collecting {report.nodeid}", encoding="utf-8")


def run(work: Work, tree: Path, folder: Path) -> Result:
    """Run the tests for one mutant in a copy of the tree."""
    if not work.tests:
        return Result(work.mutant, Outcome.UNTESTED)
    killer = folder / f"{tree.name}.killer"
    killer.unlink(missing_ok=True)
    started = time.monotonic()
    swapped = _Swapped(tree / work.mutant.module, work.mutant.source)
    process = in_child(
        tree, folder / f"{tree.name}.log", lambda: run_tests(work.tests, killer, cpu_s=LEAST_CPU_S + SLOWDOWN * work.seconds)
    )
    code = _wait(process, started + PATIENCE_S + SLOWDOWN * work.seconds)
    swapped.restore()
    seconds = time.monotonic() - started
    if code in (None, -signal.SIGXCPU):
        return Result(work.mutant, Outcome.TIMEOUT, "", seconds)
    if code == pytest.ExitCode.OK:
        return Result(work.mutant, Outcome.SURVIVED, "", seconds)
    return Result(work.mutant, Outcome.KILLED, killer.read_text(encoding="utf-8") if killer.exists() else f"exit code {code}", seconds)


def _wait(process: int, deadline: float) -> int | None:
    """The exit code; None where it did not end by the deadline. What its tests have left running ends too."""
    ended, status = 0, 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(process, os.WNOHANG)
        time.sleep(0 if ended else 0.005)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    if not ended:
        os.waitpid(process, 0)
        return None
    return os.waitstatus_to_exitcode(status)


class _Swapped:
    """A file with other contents for a while."""

    def __init__(self, path: Path, source: str) -> None:
        self._path, self._status, self._original = path, path.stat(), path.read_bytes()
        path.write_text(source, encoding="utf-8")
        self._set_time(2_000_000_000)  # else the compiled file may pass for the mutant's

    def restore(self) -> None:
        self._path.write_bytes(self._original)
        self._set_time(0)

    def _set_time(self, later: int) -> None:
        os.utime(self._path, ns=(self._status.st_atime_ns, self._status.st_mtime_ns + later))
