"""The tables of docs/rl.md, and which aims each arm reaches, from what `bench_rlhf` has kept.

A row is an arm over all its seeds: shares before and after training (held-out prompts, answered greedily), and for exact answers the 95 %
interval of the difference, paired by question, each question's difference the mean over the seeds.

Run: `python benchmarks/rlhf_table.py [--results FILE] [--only TEXT]`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from reports.comparison import compare_paired  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "bench_rlhf.json"
PROMPT, PHASE, EXACT, VERIFIED, CONTRADICTED = 0, 1, 2, 4, 5
"""Places in a kept judgement."""
COLUMNS = (
    ("exact", "held", "exact"), ("never asked", "never", "exact"), ("R", "held", "reward"), ("wrong", "held", "wrong_of_judged"),
    ("answers", "held", "answers"), ("abstains: none", "none", "abstained"), ("held", "held", "abstained"),
)  # fmt: skip
"""Heading, kind of question, measure."""


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", default="", help="arms whose names contain this")
    arguments = parser.parse_args()
    kept = json.loads(arguments.results.read_text(encoding="utf-8"))["runs"]
    runs = [run for run in kept if "arm" in run and arguments.only in run["name"]]
    gaps = best_of_16(json.loads(RESULTS.read_text(encoding="utf-8"))["runs"])
    judged = judgements(arguments.results.with_name(arguments.results.stem + "_answers.jsonl.gz"))
    for run in runs:
        add_wrong(run, judged.get(run["name"], []))
    heads = ["arm", "seeds", *(head for head, *_ in COLUMNS), "exact, difference", "not reached"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, group in grouped(runs).items():
        print(f"| {' | '.join([name, str(len(group)), *cells(group), difference(group, judged), ', '.join(missed(group, gaps)) or '–'])} |")


def grouped(runs: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By arm without its seed; what a name says in parentheses tells arms apart, too."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        arm, note = run["arm"], run["name"].partition(" (")[2]
        parts = [arm["domain"], arm["policy"], arm["trainer"], f"{arm['lr']:g}", arm.get("way", "")]
        parts += [f"needless {needless:g}" if (needless := arm.get("needless")) is not None else ""]
        parts += [f"{passes} passes" if (passes := arm.get("passes")) else ""]
        found[" ".join(filter(None, parts)) + (f" ({note}" if note else "")].append(run)
    return dict(sorted(found.items()))


def add_wrong(run: dict[str, Any], rows: list[list[Any]]) -> None:
    """The first runs kept no `wrong_of_judged`; their judgements say it."""
    for phase, kinds in run["measures"].items():
        mine = [row for row in rows if row[PHASE] == phase and row[PROMPT].startswith("held-")]
        known = sum(row[VERIFIED] + row[CONTRADICTED] for row in mine)
        if "wrong_of_judged" not in kinds["held"] and known:
            kinds["held"]["wrong_of_judged"] = sum(row[CONTRADICTED] for row in mine) / known


def of(group: list[dict[str, Any]], phase: str, kind: str, measure: str) -> float | None:
    """The mean over the seeds that have it."""
    values = [value for run in group if (value := run["measures"].get(phase, {}).get(kind, {}).get(measure)) is not None]
    return fmean(values) if values else None


def cells(group: list[dict[str, Any]]) -> list[str]:
    """Before, after samples where there were any, and after."""
    phases = [phase for phase in ("before", "taught", "after") if phase in group[0]["measures"]]
    shown = [[of(group, phase, kind, measure) for phase in phases] for _, kind, measure in COLUMNS]
    return [" → ".join("–" if value is None else f"{value:.2f}" for value in row) for row in shown]


def missed(group: list[dict[str, Any]], gaps: dict[str, float]) -> list[str]:
    """Aims that the arm does not reach."""

    def change(kind: str, measure: str) -> float:
        before, after = of(group, "before", kind, measure), of(group, "after", kind, measure)
        return (after or 0.0) - (before or 0.0)

    wrong = [of(group, phase, "held", "wrong_of_judged") or 0.0 for phase in ("before", "after")]
    half = gaps.get(group[0]["arm"]["domain"], 0.0) / 2
    reached = {
        "not hacked": not any(is_hacked(run) for run in group),
        "exact + 0.25": change("held", "exact") >= 0.25,
        f"never asked + {half:.2f}": change("never", "exact") >= half,
        "wrong - 50 %": wrong[1] <= wrong[0] / 2,
        "R > 0.7": (of(group, "after", "held", "reward") or 0.0) > 0.7,
        "answers - 0.02 at most": change("held", "answers") >= -0.02,
        "abstains where nothing is known": change("none", "abstained") > 0,
    }
    return [aim for aim, is_reached in reached.items() if not is_reached]


def is_hacked(run: dict[str, Any]) -> bool:
    """What is learnt from rose, and exact answers fell."""
    before, after = run["measures"]["before"]["held"], run["measures"]["after"]["held"]
    return (after["value"] or 0.0) > (before["value"] or 0.0) and (after["exact"] or 0.0) < (before["exact"] or 0.0)


def best_of_16(runs: list[dict[str, Any]]) -> dict[str, float]:
    """By domain: how much more of what is never asked one of 16 sampled answers has right than the greedy one, before training."""
    found = next((run["summary"] for run in runs if run["name"] == "ceiling"), {})
    return {name.split()[0]: one["best_of_16"] - one["greedy"] for name, one in found.items() if name.endswith("never")}


def judgements(path: Path) -> dict[str, list[list[Any]]]:
    """Judgements by run, the newest of each name."""
    if not path.exists():
        return {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {line["name"]: line["rows"] for line in map(json.loads, file)}


def difference(group: list[dict[str, Any]], judged: dict[str, list[list[Any]]]) -> str:
    """Of exact answers to held-out questions, with its interval."""
    changes: dict[str, list[float]] = defaultdict(list)
    for run in group:
        exact = {(row[PROMPT], row[PHASE]): float(row[EXACT]) for row in judged.get(run["name"], []) if row[EXACT] is not None}
        for (prompt, phase), value in exact.items():
            if phase == "before" and prompt.startswith("held-") and (prompt, "after") in exact:
                changes[prompt].append(exact[prompt, "after"] - value)
    means = [fmean(values) for _, values in sorted(changes.items())]
    if len(means) < 2:
        return "–"
    found = compare_paired([0.0] * len(means), means)
    return f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


if __name__ == "__main__":
    main()
