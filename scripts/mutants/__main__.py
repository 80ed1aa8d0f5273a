"""Mutation testing: `make mutants`. Puts small faults into a sample of places, one at a time, and sees whether a test fails.

Environment: MUTANTS_COUNT (400; 0: all), MUTANTS_SEED (20), MUTANTS_WORKERS (2), MODULES (words of module paths, with commas; default:
all of scripts/mutants/tree.py), TESTS (default: tests/unit tests/contract), AGAIN (.mutants/results.json, or a copy: only what
survived that run, to see whether a new test catches it). Exit code 1: under 90 % killed. 2: cannot run.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from scripts.mutants import coverage_run, equivalent, report, running
from scripts.mutants.coverage_run import CoverageMap
from scripts.mutants.generation import Mutant, mutants_of
from scripts.mutants.imports import Imports
from scripts.mutants.running import Outcome, Result, Work
from scripts.mutants.tree import copy_tree, module_name, mutated_modules

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".mutants"
ENOUGH = 0.9
BUDGET_S = 30.0
"""Tests for one mutant, in seconds without it: the closest ones come first, and a survivor has to run them all."""


def main() -> int:
    """Choose, run, report."""
    began = time.monotonic()
    count, seed = int(os.environ.get("MUTANTS_COUNT") or 400), int(os.environ.get("MUTANTS_SEED") or 20)
    modules = mutated_modules(ROOT, os.environ.get("MODULES", ""))
    everything = [mutant for module in modules for mutant in mutants_of(ROOT, module)]
    argued = equivalent.Argued(ROOT)
    if gone := argued.stale(modules, everything):
        raise ValueError(f"{equivalent.FILE}: these fit no mutant any more: " + "; ".join(f"{module}: {now}" for module, _, _, now in gone))
    sample = choose(everything, count, seed)
    if earlier := os.environ.get("AGAIN"):
        left = survivors_of(Path(earlier))
        sample = [mutant for mutant in everything if mutant.identity in left]
    say(f"{len(sample)} of {len(everything)} mutants of {len(modules)} modules, seed {seed}")

    trees = [FOLDER / str(number) for number in range(int(os.environ.get("MUTANTS_WORKERS") or 2))]
    covered = cover(trees, (os.environ.get("TESTS") or "tests/unit tests/contract").split())
    say(f"{len(covered.seconds)} tests, {len(covered.failed)} of them left out ({time.monotonic() - began:.0f} s)")

    imports = Imports(trees[0])
    results = [Result(mutant, Outcome.EQUIVALENT, reason) for mutant in sample if (reason := argued.reason(mutant))]
    work = [work_for(mutant, covered, imports) for mutant in sample if argued.reason(mutant) is None]
    for module in modules:
        results += run_module(module, [item for item in work if item.mutant.module == module], trees, covered.own, imports)
        say(f"{module}: {len(results)} of {len(sample)} ({time.monotonic() - began:.0f} s)")

    results = recheck(results, trees, covered, imports)
    share = report.share_killed(results)
    written = report.text(results) + f"\n\n{share:.1%} killed of {len(results)} mutants, seed {seed}, {time.monotonic() - began:.0f} s"
    (FOLDER / "report.txt").write_text(written + "\n", encoding="utf-8")
    report.save(results, FOLDER / "results.json")
    sys.stdout.write("\n" + written + "\n")
    return int(share < ENOUGH)


def recheck(results: list[Result], trees: list[Path], covered: CoverageMap, imports: Imports) -> list[Result]:
    """Run each test that killed something without any mutant: one that fails then proves nothing, and its mutants run again without it."""
    killers = sorted({result.by for result in results if result.by in covered.seconds})
    failed = running.failing(killers, trees[0], FOLDER)
    if not failed:
        return results
    say(f"fail without a mutant as well, left out: {', '.join(failed)}")
    covered.failed += failed
    doubtful = {result.mutant for result in results if result.by in failed}
    again = [work_for(mutant, covered, imports) for mutant in doubtful]
    kept = [result for result in results if result.mutant not in doubtful]
    for module in sorted({mutant.module for mutant in doubtful}):
        kept += run_module(module, [item for item in again if item.mutant.module == module], trees, covered.own, imports)
    return recheck(kept, trees, covered, imports)


def choose(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """A sample without those that Python does not take."""
    shuffled = random.Random(seed).sample(mutants, len(mutants))
    chosen: list[Mutant] = []
    for mutant in shuffled:
        if count and len(chosen) == count:
            break
        if mutant.compiles():
            chosen.append(mutant)
    return chosen


def survivors_of(results: Path) -> set[equivalent.Identity]:
    """What an earlier run left, by its `.mutants/results.json`."""
    rows = json.loads(results.read_text(encoding="utf-8"))
    return {(row["module"], row["scope"], row["was"], row["now"]) for row in rows if row["outcome"] in (Outcome.SURVIVED, Outcome.UNTESTED)}


def cover(trees: list[Path], tests: list[str]) -> CoverageMap:
    """Copy the tree, and run the tests once in the first copy."""
    FOLDER.mkdir(exist_ok=True)
    copy_tree(ROOT, trees[0])
    result, log = FOLDER / "coverage.json", FOLDER / "coverage.log"
    result.unlink(missing_ok=True)
    pid = running.in_child(trees[0], log, lambda: coverage_run.run(trees[0], tests, result))
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) > 1 or not result.exists():
        raise ValueError(f"the tests could not be run: see {log}")
    covered = CoverageMap.load(result)
    for test in covered.failed:
        say(f"fails without a mutant, left out: {test} (see {log})")
    running.preload(covered.imported)
    for tree in trees[1:]:
        shutil.rmtree(tree, ignore_errors=True)
        shutil.copytree(trees[0], tree, symlinks=True)
    return covered


def run_module(module: str, work: list[Work], trees: list[Path], own: list[str], imports: Imports) -> list[Result]:
    """Run the mutants of one module: in each copy of the tree, a process that has imported what of Pelton does not import the module."""
    untouched = [module_name(file) for file in own if file not in imports.reaching(module)]
    longest_first = sorted(work, key=lambda item: -item.seconds)
    servers = {}
    for number, tree in enumerate(trees):
        if share := longest_first[number :: len(trees)]:
            found = FOLDER / f"{tree.name}.pickle"
            found.unlink(missing_ok=True)
            servers[running.in_child(tree, None, partial(serve, share, tree, untouched, found))] = found
    results: list[Result] = []
    for process, found in servers.items():
        os.waitpid(process, 0)
        if not found.exists():
            raise ValueError(f"the mutants of {module} could not be run")
        results += pickle.loads(found.read_bytes())
    return results


def serve(work: list[Work], tree: Path, untouched: list[str], found: Path) -> int:
    """In a process of its own: run these mutants one after the other, and leave the results in a file."""
    running.preload(untouched)
    results = []
    for item in work:
        results.append(result := running.run(item, tree, FOLDER))
        if not result.outcome.is_caught:
            sys.stdout.write(report.survivor(result) + "\n")
            sys.stdout.flush()
    found.write_bytes(pickle.dumps(results))
    return 0


def work_for(mutant: Mutant, covered: CoverageMap, imports: Imports) -> Work:
    """The tests for a mutant, as many as the budget has room for."""
    chosen, seconds = [], 0.0
    for test in covered.tests_for(mutant, imports):
        if chosen and seconds + covered.seconds[test] > BUDGET_S:
            break
        chosen.append(test)
        seconds += covered.seconds[test]
    return Work(mutant, chosen, seconds)


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(f"mutants: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.stderr.write(f"mutants: {error}\n")
        sys.exit(2)
