"""Mutation testing itself: which places are mutated, which tests a mutant is given, and what counts as equivalent."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutants.__main__ import choose, work_for
from scripts.mutants.coverage_run import CoverageMap
from scripts.mutants.equivalent import FILE, Argued
from scripts.mutants.generation import Mutant, mutants_of
from scripts.mutants.imports import Imports
from scripts.mutants.report import share_killed, survivor, table
from scripts.mutants.running import Outcome, Result
from scripts.mutants.tree import MUTATED, mutated_modules

SOURCE = '''"""A module."""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

T = TypeVar("T", bound=int)
LIMIT = 3


@dataclass(frozen=True)
class Box:
    """A box."""

    size: int = LIMIT

    @property
    def half(self) -> float:
        """Half of it."""
        return self.size / 2


@cache
def table() -> list[int]:
    return [1]


def total(values: list[int], extra: int = 0) -> int:
    if len(values) > LIMIT:
        return sum(
            values,
            extra,
        )
    return extra
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "pack" / "made.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "pack" / "user.py").write_text("from pack.made import total\n", encoding="utf-8")
    (tmp_path / "test_user.py").write_text("import pack.user\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def mutants(root: Path) -> list[Mutant]:
    return mutants_of(root, "pack/made.py")


def named(mutants: list[Mutant], now: str) -> Mutant:
    (found,) = [mutant for mutant in mutants if mutant.now == now]
    return found


def test_defaults_properties_and_cached_functions_are_mutated_and_decorators_types_and_docstrings_are_not(mutants):
    changed = {(mutant.scope, mutant.now) for mutant in mutants}
    assert {
        ("", "LIMIT = 4"),
        ("", "T = None"),
        ("Box", "size: int = None"),
        ("Box.half", "return self.size * 2"),
        ("table", "return [2]"),
        ("total", "def total(values: list[int], extra: int = 1) -> int:"),
        ("total", "if len(values) >= LIMIT:"),
    } <= changed
    assert not any("frozen" in mutant.was or "TypeVar(" in mutant.now or '"""' in mutant.was for mutant in mutants)


def test_a_mutant_is_the_whole_file_with_its_lines_changed_and_nothing_else(mutants):
    lines = SOURCE.splitlines()
    for mutant in mutants:
        changed = mutant.source.splitlines()
        assert changed != lines
        assert mutant.compiles()
        assert changed[: mutant.lines.start - 1] == lines[: mutant.lines.start - 1]
    assert len({mutant.source for mutant in mutants}) == len(mutants)


@pytest.mark.parametrize(
    ("now", "lines", "at_import"),
    [
        ("LIMIT = 4", (8, 9), True),
        ("size: int = None", (15, 16), True),
        ("return self.size * 2", (20, 21), False),
        ("return [2]", (25, 26), True),  # cached: it runs for the first test that asks
        ("def total(values: list[int], extra: int = 1) -> int:", (28, 29), True),
        ("if len(values) >= LIMIT:", (29, 30), False),
        (")", (30, 34), False),  # `extra` is left out
    ],
)
def test_a_mutant_knows_the_statement_that_it_is_in_and_when_that_runs(mutants, now, lines, at_import):
    found = named(mutants, now)
    assert ((found.lines.start, found.lines.stop), found.runs_at_import) == (lines, at_import)


def test_a_sample_is_drawn_by_its_seed_without_what_python_does_not_take(mutants):
    broken = Mutant("m", "", "o", "a", "b", range(1, 2), False, "def (:")
    assert choose(mutants, 5, 1) == choose(mutants, 5, 1) != choose(mutants, 5, 2)
    assert len(choose(mutants, 0, 1)) == len(mutants)
    assert choose([broken], 1, 1) == []


def test_a_mutant_is_given_the_tests_that_run_its_statement_the_quickest_file_first(root, mutants):
    covered = CoverageMap(
        {"pack/made.py": {30: ["test_slow.py::a", "test_quick.py::b", "test_quick.py::c"], 35: ["test_quick.py::d"]}},
        {"test_slow.py::a": 2.0, "test_quick.py::b": 0.5, "test_quick.py::c": 0.1, "test_quick.py::d": 0.1, "test_user.py::e": 50.0},
    )
    inside = next(mutant for mutant in mutants if mutant.lines.start == 30)
    assert covered.tests_for(inside, Imports(root)) == ["test_quick.py::c", "test_quick.py::b", "test_slow.py::a"]
    work = work_for(inside, covered, Imports(root))
    assert (work.tests, work.seconds) == (["test_quick.py::c", "test_quick.py::b", "test_slow.py::a"], 2.6)
    covered.failed.append("test_slow.py::a")
    assert covered.tests_for(inside, Imports(root)) == ["test_quick.py::c", "test_quick.py::b"]


def test_what_runs_on_import_is_given_the_tests_of_its_module_then_of_those_who_import_it(root, mutants):
    covered = CoverageMap(
        {"pack/made.py": {30: ["test_quick.py::b"]}, "pack/user.py": {1: ["test_user.py::e"]}, "pack/other.py": {1: ["test_x.py::f"]}},
        {"test_quick.py::b": 0.5, "test_user.py::e": 0.1, "test_x.py::f": 0.1},
    )
    assert covered.tests_for(named(mutants, "LIMIT = 4"), Imports(root)) == ["test_quick.py::b", "test_user.py::e"]


def test_a_module_is_reached_by_all_that_import_it_and_by_what_stands_in_their_packages(root):
    assert Imports(root).reaching("pack/made.py") == {"pack/made.py", "pack/user.py", "test_user.py"}
    (root / "pack" / "__init__.py").write_text("from pack.user import total\n", encoding="utf-8")
    (root / "pack" / "apart.py").touch()
    assert "pack/apart.py" in Imports(root).reaching("pack/made.py"), "its package is imported first"


def written(root: Path, text: str) -> Argued:
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    (root / FILE).write_text(text, encoding="utf-8")
    return Argued(root)


ENTRY = '[[equivalent]]\nmodule = "pack/made.py"\nwas = "LIMIT = 3"\nnow = ["LIMIT = 4", "LIMIT = None"]\nwhy = "W"\n'


def test_an_argued_mutant_is_known_by_its_lines_and_an_entry_that_fits_none_is_told(root, mutants):
    argued = written(root, ENTRY + '[[rule]]\nwas = "half"\nnow = "HALF"\nwhy = "R"\n')
    assert argued.reason(named(mutants, "LIMIT = 4")) == "W"
    assert argued.reason(named(mutants, "return [2]")) is None
    assert argued.reason(Mutant("m", "", "o", "a half, half", "a half, HALF", range(1, 2), False, "")) == "R"
    assert argued.reason(Mutant("m", "", "o", "a half, half", "a HALF, HALF", range(1, 2), False, "")) is None
    assert argued.stale(["pack/made.py"], mutants) == []
    (root / "pack" / "made.py").write_text(SOURCE.replace("LIMIT = 3", "LIMIT = 5"), encoding="utf-8")
    assert len(argued.stale(["pack/made.py"], mutants_of(root, "pack/made.py"))) == 2
    assert argued.stale(["pack/other.py"], []) == []


@pytest.mark.parametrize("text", [ENTRY + ENTRY, ENTRY.replace('"W"', '" "')])
def test_an_entry_twice_or_without_a_reason_is_refused(root, text):
    with pytest.raises(ValueError, match="twice, or without a reason: LIMIT = 4"):
        written(root, text)


def test_the_share_is_of_all_but_the_equivalent_and_one_that_never_ends_is_caught(mutants):
    outcomes = [Outcome.KILLED, Outcome.TIMEOUT, Outcome.SURVIVED, Outcome.UNTESTED, Outcome.EQUIVALENT]
    results = [Result(mutants[0], outcome) for outcome in outcomes]
    assert share_killed(results) == 0.5
    assert share_killed([]) == 1.0
    assert table(results, "module", lambda result: result.mutant.module).splitlines()[-1].split() == [
        "total",
        "1",
        "1",
        "1",
        "1",
        "1",
        "50.0%",
    ]
    assert survivor(Result(named(mutants, "LIMIT = 4"), Outcome.SURVIVED)) == (
        "pack/made.py:8 (module) [number] survived\n  - LIMIT = 3\n  + LIMIT = 4"
    )


def test_modules_are_chosen_by_words_of_their_path():
    root = Path(__file__).parents[3]
    every = mutated_modules(root)
    assert len(every) >= len(MUTATED)
    assert mutated_modules(root, "judge, pacing") == ["streams/knowledge/judge.py", "trainer_node/intake/pacing.py"]
    with pytest.raises(ValueError, match="MODULES=nothing fits none of"):
        mutated_modules(root, "nothing")
