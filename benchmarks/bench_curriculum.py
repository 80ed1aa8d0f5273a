"""What an order of samples brings: six arms on questions of one to three hops, at equal samples, tokens and steps, by Pelton's own path.

Arms: `shuffled` (--curriculum off over a shuffled log), `random-paced` (bands by chance, the same pacing: the control), `easy-to-hard`,
`reverse`, `self-paced` (the model's own loss) and `bandit`. Conditions: `clean`, `noisy` (20 % wrong answers) and `short` (one pass over a
third of the samples). Samples and facts go over a real Kafka to a curriculum worker, and each arm is a `pelton train` that reads its bands.
Held-out questions need two or three facts that were trained, in combinations that were not. The learning rate is tuned on the shuffled arm
alone (`--tune`) and given to all.

Runs are made side by side on one device. After --budget-s no other begins, and those at work are stopped at a checkpoint; the same command
goes on where they were, as long as --work is still there, and never repeats a run that the result file has.

    python benchmarks/bench_curriculum.py --model MODEL --tune 1e-4,3e-4,1e-3 --budget-s 500     # then, as often as needed:
    python benchmarks/bench_curriculum.py --model MODEL --lr 3e-4 --budget-s 500
    python benchmarks/bench_curriculum.py --model MODEL --lr 3e-4 --seeds 0,1,2,3,4,5,6,7 --arms shuffled,random-paced,bandit --budget-s 500
    python benchmarks/bench_curriculum.py --model tiny --samples 120 --held-out 40 --passes 2 --batch-size 8 --conditions clean --seeds 0
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.curriculum_runs import ARMS, NOISE, Logs, Plan, Size, Training, environ_of, kept, measured  # noqa: E402
from benchmarks.record import Record  # noqa: E402

MEASURES = ("final_loss", "early_area", "accuracy")
STOP_S = 45.0
"""Kept of the budget for stopping trainers and broker."""


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="as pelton train takes it, or `tiny`")
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--held-out", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--checkpoints", type=int, default=4, help="by pass: where the held-out loss is measured")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--tune", help="learning rates, with commas: try these on the shuffled arm, clean, first seed, and do nothing else")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--conditions", default="short,clean,noisy")
    parser.add_argument("--side-by-side", type=int, default=6)
    parser.add_argument("--measuring", type=int, default=1, help="processes that measure finished runs, each with a copy of the model")
    parser.add_argument("--budget-s", type=float, default=1e9)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pelton-curriculum")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def plans(given: argparse.Namespace) -> list[Plan]:
    """All runs asked for, those of one log together."""
    seeds = [int(seed) for seed in given.seeds.split(",")]
    if given.tune:
        return [Plan("clean", "shuffled", seeds[0], float(lr)) for lr in given.tune.split(",")]
    arms, conditions = given.arms.split(","), given.conditions.split(",")
    if unknown := {*arms} - {*ARMS} | {*conditions} - {*NOISE}:
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}: arms are {', '.join(ARMS)}; conditions {', '.join(NOISE)}")
    return [Plan(condition, arm, seed, given.lr) for condition in conditions for seed in seeds for arm in arms]


class Bench:
    """Makes runs until the budget is spent."""

    def __init__(self, given: argparse.Namespace, record: Record, bootstrap_servers: str, until: float) -> None:
        self._given, self._record, self._until = given, record, until
        self._size = Size(given.samples, given.passes, given.batch_size, given.held_out, given.checkpoints)
        self._environ = environ_of()
        self._logs = Logs(bootstrap_servers, given.work, self._size, self._environ)
        self._measuring = ProcessPoolExecutor(given.measuring, mp_context=get_context("spawn"))
        self._keeping = threading.Lock()

    def run(self, plan: Plan) -> str:
        """One run from its log to its result; says what came of it."""
        if time.monotonic() > self._until - 2 * STOP_S:
            return f"{plan.name}: not begun"
        began = time.monotonic()
        settings = self._logs.settings(plan)
        if time.monotonic() > self._until - STOP_S:
            return f"{plan.name}: its log is there"
        training = Training(plan, self._size, settings, self._given.work, self._given.model, self._environ)
        if not training.wait(self._until - STOP_S):
            return f"{plan.name}: stopped at a checkpoint, to go on"
        seconds = time.monotonic() - began
        if time.monotonic() > self._until - STOP_S / 2:
            return f"{plan.name}: trained, to be measured"
        result = self._measuring.submit(measured, self._given.model, plan, self._size, training.folder).result()
        result["final_loss"] = result["loss_by_pass"][-1]
        result["seconds"] = round(seconds, 1)
        result["size"] = vars(self._size)
        with self._keeping:
            self._record.keep(result, _key)
        passes = " ".join(f"{loss:.3f}" for loss in result["loss_by_pass"])
        return f"{plan.name}: loss by pass {passes}, right {result['accuracy']:.3f}, {seconds:.0f} s"

    def close(self) -> None:
        """End the processes that measure."""
        self._measuring.shutdown(cancel_futures=True)


def _key(run: dict[str, Any]) -> tuple[Any, ...]:
    size = run["size"]
    return run["condition"], run["arm"], run["seed"], run["lr"], size["samples"], size["passes"], size["batch_size"]


def summary(runs: list[dict[str, Any]]) -> list[str]:
    """Of each condition and arm the means and paired differences from the shuffled arm, with intervals where there are several seeds."""
    from reports.comparison import compare_paired

    lines, groups = [], defaultdict(dict)
    for run in runs:
        groups[run["condition"], run["lr"], run["size"]["samples"], run["arm"]][run["seed"]] = run
    for (condition, lr, count, arm), by_seed in sorted(groups.items()):
        base = groups.get((condition, lr, count, "shuffled"), {})
        told = []
        for measure in MEASURES:
            told.append(f"{measure} {statistics.mean(run[measure] for run in by_seed.values()):.4f}")
            seeds = sorted(base.keys() & by_seed.keys())
            if arm != "shuffled" and seeds:
                found = compare_paired([base[seed][measure] for seed in seeds], [by_seed[seed][measure] for seed in seeds])
                interval = "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"
                told.append(f"({found.mean:+.4f}{interval})")
        lines.append(f"{condition} {count} lr {lr:g} {arm} ({len(by_seed)} seeds): {' '.join(told)}")
    return lines


def main() -> None:
    """Make the runs that are not there yet."""
    from streams.kafka.embedded import EmbeddedBroker

    given, began = parsed(), time.monotonic()
    record = Record("bench_curriculum", given, {"seeds": [int(seed) for seed in given.seeds.split(",")]})
    given.work.mkdir(parents=True, exist_ok=True)
    if given.model == "tiny":
        from tests.models.tiny import build

        given.model = str(build(given.work / "tiny"))
    size = {"samples": given.samples, "passes": given.passes, "batch_size": given.batch_size}
    have = {_key(run) for run in kept(record.path)}
    left = [plan for plan in plans(given) if _key({**vars(plan), "size": size}) not in have]
    broker = EmbeddedBroker(given.work / "broker")
    broker.start()
    bench = Bench(given, record, broker.bootstrap_servers, began + given.budget_s)
    try:
        with ThreadPoolExecutor(given.side_by_side) as pool:
            for told in pool.map(bench.run, left):
                print(told, flush=True)
    finally:
        bench.close()
        broker.stop()
    print("\n".join(summary(kept(record.path))))


if __name__ == "__main__":
    main()
