"""Which test files take how long: a table at the end of a run that asks for it, `--slowest-files N`, with the sum against the budget.

Works alike in one process and under pytest-xdist, whose workers send their reports to the process that prints. A file's seconds are
those of its tests' set-up, call and tear-down, as seen from the worker: files run beside each other, so the sum exceeds the clock.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass

import pytest

BUDGET = 22 * 60
"""Seconds that `make test` may take on a quiet machine of two cores. CONTRIBUTING.md says who owns it and when it is raised."""


@dataclass
class Spent:
    """What a file has taken, in seconds."""

    tests: int = 0
    wall: float = 0.0
    processor: float = 0.0
    """User and system time, of the test's process and of children that it has waited for. What lives longer (a broker) is not in it."""


class SlowestFiles:
    """Sums what each test took by its file, and prints the slowest files."""

    def __init__(self, shown: int) -> None:
        self.shown = shown
        self.files: dict[str, Spent] = defaultdict(Spent)
        self.started = time.monotonic()
        self.used = processor_seconds()

    def pytest_collection_finish(self) -> None:
        """Imports of the test modules are no file's time."""
        self.used = processor_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """At the worker: note how much processor time has gone since the last report. Reports carry what is set on them."""
        report = yield
        used = processor_seconds()
        report.processor, self.used = used - self.used, used
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """At the process that prints: add a test's set-up, call or tear-down to its file."""
        spent = self.files[report.location[0]]
        spent.tests += report.when == "call"
        spent.wall += report.duration
        spent.processor += getattr(report, "processor", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """The slowest files, the sum, and the clock against the budget."""
        processes = config.getoption("numprocesses", None) or 1
        slowest = sorted(self.files.items(), key=lambda item: -item[1].wall)
        terminalreporter.write_sep("=", f"slowest {min(self.shown, len(slowest))} of {len(slowest)} test files")
        terminalreporter.write_line(f"{'seconds':>8} {'processor':>9} {'tests':>6}  file")
        for name, spent in slowest[: self.shown]:
            terminalreporter.write_line(f"{spent.wall:8.1f} {spent.processor:9.1f} {spent.tests:6}  {name}")
        wall = sum(spent.wall for spent in self.files.values())
        processor = sum(spent.processor for spent in self.files.values())
        tests = sum(spent.tests for spent in self.files.values())
        terminalreporter.write_line(
            f"{wall:8.1f} {processor:9.1f} {tests:6}  sum; the budget is {BUDGET * processes} in {processes} processes"
        )
        clock = time.monotonic() - self.started
        over = {"red": True} if clock > BUDGET else {}
        terminalreporter.write_line(
            f"{clock:8.1f} {'':9} {'':6}  on the clock; the budget is {BUDGET} on a quiet machine of two cores", **over
        )


def processor_seconds() -> float:
    """User and system seconds of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that asks for the table."""
    parser.addoption("--slowest-files", type=int, default=0, metavar="N", help="print the N test files that took longest, and the sum")


def pytest_configure(config: pytest.Config) -> None:
    """Count when it is asked for."""
    if shown := config.getoption("slowest_files"):
        config.pluginmanager.register(SlowestFiles(shown), "slowest-files")
