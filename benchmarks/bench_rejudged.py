"""What the answers of the kept runs of `bench_rlhf` earn by the default policy as it is now, beside what they earned in their run.

A way to game a reward that has been closed should pay no more: the mean over a run's last answers is not to rise by it. Of each run the
answers that were kept are judged (20 held-out, 20 never asked, 20 without an answer, before and after training).

Of all kept answers of all runs, each once, it is counted how many are paid without a gold string in them, and how many with one are not:
what a reward can be gamed by next, and what the judge does not hear.

Run: `python benchmarks/bench_rejudged.py [--only TEXT]`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from benchmarks.record import RESULTS, Record  # noqa: E402
from benchmarks.rlhf_questions import questions  # noqa: E402
from feedback_node.reward import holds_gold  # noqa: E402


def main() -> None:
    """Judge them again, and keep the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="-off", help="runs whose names contain this")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    record = Record("bench_rejudged", arguments, {"questions": 27})
    runs = json.loads((RESULTS / "bench_rlhf.json").read_text(encoding="utf-8"))["runs"]
    judges = {domain: judge_of_domain(domain) for domain in ("countries", "works")}
    found = {run["name"]: rejudged(run, judges[run["arm"]["domain"]]) for run in runs if arguments.only in run["name"]}
    counted = {
        domain: counts([run for run in runs if run.get("arm", {}).get("domain") == domain], judges[domain], domain) for domain in judges
    }
    record.write({"runs": found, "counted": counted})
    for name, result in {**found, **counted}.items():
        print(name, result)


def judge_of_domain(domain: str) -> Any:
    """What judges an answer to a question by the facts of the benchmark."""
    from tests.unit.feedback_node.hearing.judging import judge_of

    asked = questions(domain, 420, 200, 60)
    return judge_of(asked.ontology, [(fact.subject, fact.predicate, fact.object, fact.qualifiers) for fact in asked.facts])


def counts(runs: list[dict[str, Any]], judge: Any, domain: str) -> dict[str, int]:
    """Of distinct answers: paid though not right, and right though not paid."""
    gold = {one.prompt: one.gold for one in questions(domain, 420, 200, 60).held_out}
    found = Counter({"answers": 0, "paid, no gold string": 0, "gold string, not paid": 0})
    for question, answer in {(row[0], row[1]) for run in runs for row in run["answers"]}:
        value, right = judge(question, answer).value or 0.0, bool(holds_gold(answer, gold.get(question)))
        found.update({"answers": 1, "paid, no gold string": value > 0 and not right, "gold string, not paid": right and value <= 0})
    return dict(found)


def rejudged(run: dict[str, Any], judge: Any) -> dict[str, float]:
    """Means over the answers before and after training: as they were judged in the run, and as they are now."""
    answers = run["answers"]
    halves = {"before": answers[: len(answers) // 2], "after": answers[len(answers) // 2 :]}
    means = {}
    for phase, rows in halves.items():
        means[f"{phase}, in the run"] = _mean([value for _, _, _, value in rows])
        means[f"{phase}, now"] = _mean([judge(question, answer).value for question, answer, _, _ in rows])
    return means


def _mean(values: list[float | None]) -> float:
    return round(fmean(value for value in values if value is not None), 4)


if __name__ == "__main__":
    main()
