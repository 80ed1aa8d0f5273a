"""Which tests run which lines: the unit and contract tests once, under coverage.py, each test a context of its own.

What a shared fixture runs counts for every test that uses the fixture, whichever of them was first.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

from scripts.mutants.generation import Mutant
from scripts.mutants.imports import Imports
from scripts.mutants.running import PYTEST
from scripts.mutants.tree import PACKAGES

FIXTURE = "fixture "


@dataclass
class CoverageMap:
    """What the run found."""

    tests_by_line: dict[str, dict[int, list[str]]]
    """Module's path -> line -> the tests that run it."""
    seconds: dict[str, float]
    """Test -> how long it took."""
    failed: list[str] = field(default_factory=list)
    """Tests that fail without a mutant, when run so."""
    imported: list[str] = field(default_factory=list)
    """What was imported that is not Pelton's, in order."""
    own: list[str] = field(default_factory=list)
    """Paths of Pelton's modules that were imported, in order."""

    def save(self, path: Path) -> None:
        """Write it down for the process that selects."""
        path.write_text(json.dumps(vars(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> CoverageMap:
        """Read it back."""
        read = json.loads(path.read_text(encoding="utf-8"))
        read["tests_by_line"] = {
            module: {int(line): tests for line, tests in lines.items()} for module, lines in read["tests_by_line"].items()
        }
        return cls(**read)

    def tests_for(self, mutant: Mutant, imports: Imports) -> list[str]:
        """The tests that can see a mutant, the ones closest to it first: file by file, the quickest file and the quickest test first.

        What runs at import runs before any test: there it is the tests of the module's other lines, then those of files that import
        it, then those of the modules that import it. A line that no test runs in its own process may run in one that a test starts:
        there it is the tests of files that import the module.
        """
        lines = self.tests_by_line.get(mutant.module, {})
        importers = imports.importers(mutant.module)
        beside = {test for test in self.seconds if test.partition("::")[0] in importers}
        if not mutant.runs_at_import:
            return self._in_order({test for line in mutant.lines for test in lines.get(line, ())} or beside)
        tests = self._in_order({test for found in lines.values() for test in found})
        tests += self._in_order(beside - set(tests))
        reached = {test for each in importers for found in self.tests_by_line.get(each, {}).values() for test in found}
        return tests + self._in_order(reached - set(tests))

    def _in_order(self, tests: set[str]) -> list[str]:
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests - set(self.failed), key=lambda test: (self.seconds[test], test)):
            files[test.partition("::")[0]].append(test)
        return [test for group in sorted(files.values(), key=lambda group: sum(map(self.seconds.get, group))) for test in group]  # type: ignore[arg-type]


def run(tree: Path, tests: list[str], result: Path) -> int:
    """Run the tests in a copy of the tree and write the map; to be called in a process of its own, which has imported nothing of Pelton."""
    measured = coverage.Coverage(data_file=None, config_file=False, source=[str(tree / package) for package in PACKAGES])
    recorder = _Recorder(measured, tree)
    measured.start()
    code = pytest.main([*PYTEST, *tests], plugins=[recorder])
    measured.stop()
    recorder.map().save(result)
    return int(code)


class _Recorder:
    """A pytest plugin: a coverage context for each test and each shared fixture, and how long a test takes."""

    def __init__(self, measured: coverage.Coverage, tree: Path) -> None:
        self._measured = measured
        self._tree = tree
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed: set[str] = set()
        self._users: dict[str, set[str]] = defaultdict(set)
        self._context = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        for name in getattr(item, "fixturenames", ()):
            self._users[name].add(item.nodeid)
        with self._switched(item.nodeid):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[Any]:
        if fixturedef.scope == "function":
            return (yield)
        started = time.monotonic()
        with self._switched(FIXTURE + fixturedef.argname):
            made = yield
        self._seconds[self._context] -= time.monotonic() - started  # shared: not this test's alone
        return made

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed.add(report.nodeid)

    def map(self) -> CoverageMap:
        """All that was recorded."""
        data = self._measured.get_data()
        tests_by_line = {}
        for file in data.measured_files():
            lines = {line: sorted(self._tests(contexts)) for line, contexts in data.contexts_by_lineno(file).items()}
            tests_by_line[str(Path(file).relative_to(self._tree))] = {line: tests for line, tests in lines.items() if tests}
        files = {name: str(module.__file__) for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)}
        own = [file.removeprefix(f"{self._tree}/") for name, file in files.items() if name.partition(".")[0] in PACKAGES]
        foreign = [name for name, file in files.items() if not file.startswith(str(self._tree)) and name != "__main__"]
        seconds = {test: max(spent, 0.001) for test, spent in self._seconds.items() if test}
        return CoverageMap(tests_by_line, seconds, sorted(self._failed), foreign, own)

    def _tests(self, contexts: list[str]) -> set[str]:
        found: set[str] = set()
        for context in contexts:
            if context.startswith(FIXTURE):
                found |= self._users[context.removeprefix(FIXTURE)]
            elif context:
                found.add(context)
        return found

    def _switched(self, context: str) -> Any:
        return _Switched(self, self._measured, context)


class _Switched:
    def __init__(self, recorder: _Recorder, measured: coverage.Coverage, context: str) -> None:
        self._recorder, self._measured, self._context = recorder, measured, context

    def __enter__(self) -> None:
        self._before, self._recorder._context = self._recorder._context, self._context
        self._measured.switch_context(self._context)

    def __exit__(self, *_: object) -> None:
        self._recorder._context = self._before
        self._measured.switch_context(self._before)
