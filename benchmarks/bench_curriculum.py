"""What an order of samples brings: six arms on the same data, at equal samples, tokens and steps, by Pelton's own path.

Data (`benchmarks.curriculum_data`): `hops`, questions of one to three hops, of which those held out need two or three facts that were
trained, in combinations that were not; `topics` to be told; `stories` to go on with; `talk` about a passage. All but `hops` are fetched and
prepared; for a machine that fetches nothing, `--prepare FILE` writes them elsewhere, and `--from FILE` reads them there.

Arms: `shuffled` (--curriculum off over a shuffled log), `random-paced` (bands by chance, the same pacing: the control), `easy-to-hard`,
`reverse`, `self-paced` (the model's own loss) and `bandit`. Conditions: `clean`, `noisy` (20 % wrong answers) and `short` (one pass over a
third of the samples). Samples and facts go over a real Kafka to a curriculum worker, and each arm is a `pelton train` that reads its bands.
The learning rate is tuned on the shuffled arm alone (`--tune`) and given to all.

Runs are made side by side, on one device or, with --at-devices, on each of several in turn. After --budget-s no other begins, and those at
work are stopped at a checkpoint; the same command goes on where they were, as long as --work is still there, and never repeats a run that
the result file has.

    python benchmarks/bench_curriculum.py --model MODEL --tune 1e-4,3e-4,1e-3 --budget-s 500     # then, as often as needed:
    python benchmarks/bench_curriculum.py --model MODEL --lr 3e-4 --budget-s 500
    python benchmarks/bench_curriculum.py --model MODEL --lr 3e-4 --seeds 0,1,2,3,4,5,6,7 --arms shuffled,random-paced,bandit --budget-s 500
    python benchmarks/bench_curriculum.py --model MODEL --data topics --from data.xz --lr 3e-4 --at-devices 4 --side-by-side 16
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
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.curriculum_data import DATA, Source, prepare  # noqa: E402
from benchmarks.curriculum_runs import ARMS, NOISE, Logs, Plan, Size, Training, environ_of, kept, measured, see  # noqa: E402
from benchmarks.record import Record  # noqa: E402

MEASURES = ("final_loss", "early_area", "accuracy", "macro_f1", "adjusted_rand")
STOP_S = 45.0
"""Kept of the budget for stopping trainers and broker."""


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default", help="as pelton train takes it, or `tiny`")
    parser.add_argument("--data", choices=list(DATA), default="hops")
    parser.add_argument("--prepare", type=Path, metavar="FILE", help="write the fetched data here, and train nothing")
    parser.add_argument("--from", dest="prepared", type=Path, metavar="FILE", help="fetched data that --prepare wrote")
    parser.add_argument("--samples", type=int, help="unless given, as many as suit the data")
    parser.add_argument("--held-out", type=int, help="likewise")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--checkpoints", type=int, default=4, help="by pass: where the held-out loss is measured")
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--tune", help="learning rates, with commas: try these on the shuffled arm, clean, first seed, and do nothing else")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--conditions", default="short,clean,noisy")
    parser.add_argument("--side-by-side", type=int, default=6)
    parser.add_argument("--at-devices", type=int, default=1, help="run i is made and measured on the i-th of so many, and round again")
    parser.add_argument("--measuring", type=int, help="processes a device that measure finished runs; unless given, one for three runs")
    parser.add_argument("--budget-s", type=float, default=1e9)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "pelton-curriculum")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    given.samples, given.held_out = given.samples or DATA[given.data].samples, given.held_out or DATA[given.data].held_out
    given.measuring = given.measuring or max(1, given.side_by_side // 3)
    return given


def plans(given: argparse.Namespace) -> list[Plan]:
    """All runs asked for, those of one log together."""
    seeds = [int(seed) for seed in given.seeds.split(",")]
    if given.tune:
        return [Plan("clean", "shuffled", seeds[0], float(lr), given.data) for lr in given.tune.split(",")]
    arms, conditions = given.arms.split(","), given.conditions.split(",")
    if unknown := {*arms} - {*ARMS} | {*conditions} - {*NOISE}:
        raise SystemExit(f"there is no {', '.join(sorted(unknown))}: arms are {', '.join(ARMS)}; conditions {', '.join(NOISE)}")
    if any(NOISE[condition] for condition in conditions) and not Source(given.data).can_be_noisy:
        raise SystemExit(f"{given.data} have no answers that could be wrong: leave `noisy` out of --conditions")
    return [Plan(condition, arm, seed, given.lr, given.data) for condition in conditions for seed in seeds for arm in arms]


def devices(count: int, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """Of each of so many devices, what a process is told that shall see no other; nothing of one, which is left as it is."""
    if count == 1:
        return [{}]
    visible = environ["CUDA_VISIBLE_DEVICES"].split(",") if environ.get("CUDA_VISIBLE_DEVICES") else list(map(str, range(count)))
    if count > len(visible):
        raise SystemExit(f"--at-devices {count}, and CUDA_VISIBLE_DEVICES names {len(visible)}")
    return [{"CUDA_VISIBLE_DEVICES": device} for device in visible[:count]]


class Bench:
    """Makes runs until the budget is spent."""

    def __init__(self, given: argparse.Namespace, source: Source, record: Record, bootstrap_servers: str, until: float) -> None:
        self._given, self._record, self._until = given, record, until
        self._size = Size(given.samples, given.passes, given.batch_size, given.held_out, given.checkpoints)
        self._source, self._devices = source, devices(given.at_devices, os.environ)
        self._logs = Logs(bootstrap_servers, given.work, self._size, source, environ_of())
        spawn = get_context("spawn")
        self._measuring = [ProcessPoolExecutor(given.measuring, spawn, initializer=see, initargs=(device,)) for device in self._devices]
        self._keeping = threading.Lock()

    def run(self, number: int, plan: Plan) -> str:
        """One run from its log to its result; says what came of it. Its number says on which device."""
        if time.monotonic() > self._until - 2 * STOP_S:
            return f"{plan.name}: not begun"
        began = time.monotonic()
        settings = self._logs.settings(plan)
        if time.monotonic() > self._until - STOP_S:
            return f"{plan.name}: its log is there"
        place = number % len(self._devices)
        environ = environ_of() | self._devices[place]
        training = Training(plan, self._size, self._source, settings, self._given.work, self._given.model, environ)
        if not training.wait(self._until - STOP_S):
            return f"{plan.name}: stopped at a checkpoint, to go on"
        seconds = time.monotonic() - began
        if time.monotonic() > self._until - STOP_S / 2:
            return f"{plan.name}: trained, to be measured"
        measuring = self._measuring[place]
        result = measuring.submit(measured, self._given.model, plan, self._size, self._source, training.folder).result()
        result["final_loss"] = result["loss_by_pass"][-1]
        result["seconds"] = round(seconds, 1)
        result["size"] = vars(self._size)
        with self._keeping:
            self._record.keep(result, key_of)
        passes = " ".join(f"{loss:.3f}" for loss in result["loss_by_pass"])
        scores = "".join(f", {name} {result[name]:.3f}" for name in MEASURES[2:] if name in result)
        return f"{plan.name}: loss by pass {passes}{scores}, {seconds:.0f} s"

    def close(self) -> None:
        """End the processes that measure."""
        for measuring in self._measuring:
            measuring.shutdown(cancel_futures=True)


def key_of(run: dict[str, Any]) -> tuple[Any, ...]:
    """What tells runs apart."""
    size = run["size"]
    of_run = run.get("data", "hops"), run["condition"], run["arm"], run["seed"], run["lr"]  # the first runs, of hops, do not say so
    return *of_run, size["samples"], size["passes"], size["batch_size"]


def summary(runs: list[dict[str, Any]]) -> list[str]:
    """Of each condition and arm the means and paired differences from the shuffled arm, with intervals where there are several seeds."""
    from reports.comparison import compare_paired

    lines, groups = [], defaultdict(dict)
    for run in runs:
        groups[run.get("data", "hops"), run["condition"], run["lr"], run["size"]["samples"], run["arm"]][run["seed"]] = run
    for (data, condition, lr, count, arm), by_seed in sorted(groups.items()):
        base = groups.get((data, condition, lr, count, "shuffled"), {})
        told = []
        for measure in (measure for measure in MEASURES if all(measure in run for run in by_seed.values())):
            told.append(f"{measure} {statistics.mean(run[measure] for run in by_seed.values()):.4f}")
            seeds = sorted(seed for seed in base.keys() & by_seed.keys() if measure in base[seed])
            if arm != "shuffled" and seeds:
                found = compare_paired([base[seed][measure] for seed in seeds], [by_seed[seed][measure] for seed in seeds])
                interval = "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"
                told.append(f"({found.mean:+.4f}{interval})")
        of_data = "" if data == "hops" else f"{data} "
        lines.append(f"{of_data}{condition} {count} lr {lr:g} {arm} ({len(by_seed)} seeds): {' '.join(told)}")
    return lines


def main() -> None:
    """Make the runs that are not there yet."""
    from streams.kafka.embedded import EmbeddedBroker

    given, began = parsed(), time.monotonic()
    if given.prepare:
        prepare(given.prepare)
        return
    record = Record("bench_curriculum", given, {"seeds": [int(seed) for seed in given.seeds.split(",")]})
    given.work.mkdir(parents=True, exist_ok=True)
    if given.model == "tiny":
        if given.data == "talk":
            raise SystemExit("talk: the tiny model reads bytes, and no conversation fits into it: name another")
        from tests.models.tiny import build

        given.model = str(build(given.work / "tiny"))
    source = Source(given.data, given.prepared or given.work / "data.xz")
    if given.data != "hops" and source.file and not source.file.exists():
        prepare(source.file)
    source.samples(given.samples, given.held_out, 0)  # there are so many
    size = {"samples": given.samples, "passes": given.passes, "batch_size": given.batch_size}
    have = {key_of(run) for run in kept(record.path)}
    left = [plan for plan in plans(given) if key_of({**vars(plan), "size": size}) not in have]
    broker = EmbeddedBroker(given.work / "broker")
    broker.start()
    bench = Bench(given, source, record, broker.bootstrap_servers, began + given.budget_s)
    try:
        with ThreadPoolExecutor(given.side_by_side) as pool:
            for told in pool.map(bench.run, range(len(left)), left):
                print(told, flush=True)
    finally:
        bench.close()
        broker.stop()
    print("\n".join(summary(kept(record.path))))


if __name__ == "__main__":
    main()
