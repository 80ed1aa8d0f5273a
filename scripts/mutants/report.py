"""What a run says: tables by module and by operator, and each mutant that survived, as a diff."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from scripts.mutants.running import Outcome, Result

COLUMNS = (Outcome.KILLED, Outcome.TIMEOUT, Outcome.SURVIVED, Outcome.UNTESTED, Outcome.EQUIVALENT)


def share_killed(results: Iterable[Result]) -> float:
    """Killed and timed out, of all but the equivalent."""
    counted = [result for result in results if result.outcome is not Outcome.EQUIVALENT]
    return sum(result.outcome.is_caught for result in counted) / len(counted) if counted else 1.0


def table(results: list[Result], title: str, key: Callable[[Result], str]) -> str:
    """Outcomes by a key."""
    rows = sorted({key(result) for result in results})
    width = max([len(title), 5, *map(len, rows)])
    lines = [f"{title:<{width}} " + " ".join(f"{column:>10}" for column in COLUMNS) + "     share"]
    for row in (*rows, "total"):
        chosen = [result for result in results if row in (key(result), "total")]
        counts = Counter(result.outcome for result in chosen)
        lines.append(f"{row:<{width}} " + " ".join(f"{counts[column]:>10}" for column in COLUMNS) + f" {share_killed(chosen):>8.1%}")
    return "\n".join(lines)


def survivor(result: Result) -> str:
    """One that survived: where, and the changed lines."""
    mutant = result.mutant
    lines = [f"{mutant.module}:{mutant.lines.start} {mutant.scope or '(module)'} [{mutant.operator}] {result.outcome}"]
    lines += [f"  - {line}" for line in mutant.was.splitlines()]
    lines += [f"  + {line}" for line in mutant.now.splitlines()]
    return "\n".join(lines)


def text(results: list[Result]) -> str:
    """The whole report."""
    left = sorted((result for result in results if result.outcome in (Outcome.SURVIVED, Outcome.UNTESTED)), key=_place)
    parts = [
        table(results, "module", lambda result: result.mutant.module),
        table(results, "operator", lambda result: result.mutant.operator),
    ]
    return "\n\n".join([*parts, *(survivor(result) for result in left)])


def save(results: list[Result], path: Path) -> None:
    """All results, for a closer look."""
    rows = [
        {
            "module": result.mutant.module,
            "line": result.mutant.lines.start,
            "scope": result.mutant.scope,
            "operator": result.mutant.operator,
            "was": result.mutant.was,
            "now": result.mutant.now,
            "outcome": result.outcome,
            "by": result.by,
            "seconds": round(result.seconds, 2),
        }
        for result in sorted(results, key=_place)
    ]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _place(result: Result) -> tuple[str, int, str]:
    return result.mutant.module, result.mutant.lines.start, result.mutant.now
