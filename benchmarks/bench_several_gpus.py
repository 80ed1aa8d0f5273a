"""Tokens per second of one stream trained by one process and by two, each with a GPU of its own.

Every run is `torchrun` over the trainer node as it is, on a broker's topics of its own, on the same samples. Configurations take turns; a
run's rate is over its steps after the warm-up, from batch to batch on rank 0, all tokens of the stream counted.
`1 x 16` and `2 x 16` keep the work of a GPU (twice the batch); `2 x 8` trains the very batches of `1 x 16`, so their losses must agree
within rounding: the result holds both curves.

Run: `python benchmarks/bench_several_gpus.py [--model 135m|1b] [--rounds 2]`. Needs two CUDA devices (`--cpu` tries it out on gloo).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
CONFIGURATIONS = {"1 x 16": (1, 16), "2 x 16": (2, 16), "2 x 8": (2, 8)}
"""Processes, and samples a step in each."""


def train(model: str, folder: str, run_id: str, batch_size: int, steps: int) -> None:
    """One process of a run, as torchrun starts it; the first leaves what it saw in `folder/run_id.json`."""
    import trainer_node  # noqa: F401, I001 - before torch
    from streams.kafka.settings import KafkaSettings
    from trainer_node.config import TrainConfig
    from trainer_node.node import TrainerNode, stop_on_signals
    from trainer_node.options import RunOptions
    from trainer_node.run.follower import Follower
    from trainer_node.run.loop import TrainingLoop
    from trainer_node.distributed.process_group import ProcessGroup

    group = ProcessGroup.join()
    config = TrainConfig(model=model, batch_size=batch_size, checkpoint_steps=10**6, max_seq=512, pace_steps=1, backend="hf")
    if group.rank:
        Follower(config, group).run()
        return
    seen: list[dict[str, Any]] = []

    def note(batch: Any) -> None:
        seen.append({"at": time.perf_counter(), "tokens": sum(len(item.example.input_ids) for item in batch.items)})
        if len(seen) > steps:
            node.stop()

    node = TrainerNode(KafkaSettings.load(), config, RunOptions(run_id, Path(folder) / run_id, on_batch=note), group)
    stop_on_signals(node)
    losses: list[float] = []
    own = TrainingLoop.step_done

    def step_done(training: TrainingLoop, batch: Any) -> None:
        losses.append(training.trainers.source(batch.objective).step_loss() or 0.0)
        own(training, batch)

    TrainingLoop.step_done = step_done  # type: ignore[method-assign]
    node.run()
    done = node.summary
    assert done is not None
    loaded = {"backend": done.backend, "bits": done.bits, "device": done.device}
    (Path(folder) / f"{run_id}.json").write_text(json.dumps({"loaded": loaded, "steps": seen, "losses": losses}))


def launch(environ: dict[str, str], model: str, folder: Path, run_id: str, processes: int, batch_size: int, steps: int) -> dict[str, Any]:
    """A run over so many processes, and what it saw."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes), __file__]
    command += ["--worker", run_id, "--model", model, "--folder", str(folder), "--batch-size", str(batch_size), "--steps", str(steps)]
    subprocess.run(command, env=environ, check=True, timeout=600)
    found: dict[str, Any] = json.loads((folder / f"{run_id}.json").read_text())
    return found


def rate(steps: list[dict[str, Any]], warm_up: int) -> float:
    """Tokens a second after the warm-up; a step lasts from its batch to the next."""
    counted = steps[warm_up:]
    return sum(step["tokens"] for step in counted[:-1]) / (counted[-1]["at"] - counted[0]["at"])


def measure(model: str, rounds: int, steps: int, warm_up: int, cpu: bool, keep: Callable[[list[dict[str, Any]]], None]) -> None:
    """All runs, in turns; after each round `keep` is given what there is."""
    from benchmarks.bench_feed import produce, random_model
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = str(random_model(model, folder))
        broker = open_broker(KafkaSettings(), folder / "broker", environ={})
        try:
            for number in range(rounds):
                for title, (processes, size) in CONFIGURATIONS.items():
                    run_id = f"r{number}-{title.replace(' ', '')}"
                    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"{run_id}.")
                    produce(settings, steps // 10 + 2, 10, processes * size)
                    environ = os.environ | settings.to_environ() | {"PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
                    environ |= {"CUDA_VISIBLE_DEVICES": ""} if cpu else {}
                    found = launch(environ, source, folder, run_id, processes, size, steps)
                    runs.append({"configuration": title, "round": number, "tokens_per_s": round(rate(found["steps"], warm_up), 1), **found})
                    print(title, runs[-1]["tokens_per_s"], found["loaded"], file=sys.stderr)
                keep(runs)
        finally:
            broker.stop()


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Median rates, what two bring over one, and how far the losses of the same batches are apart."""
    rates = {
        title: round(statistics.median(run["tokens_per_s"] for run in runs if run["configuration"] == title), 1) for title in CONFIGURATIONS
    }
    one, two = ([run["losses"] for run in runs if run["configuration"] == title] for title in ("1 x 16", "2 x 8"))
    gaps = [abs(a - b) / a for first, second in zip(one, two, strict=True) for a, b in zip(first, second, strict=False)]
    return {
        "tokens_per_s": rates,
        "two_over_one": round(rates["2 x 16"] / rates["1 x 16"], 3),
        "two_over_one_same_batches": round(rates["2 x 8"] / rates["1 x 16"], 3),
        "relative_loss_gap_mean": round(statistics.mean(gaps), 6),
        "relative_loss_gap_max": round(max(gaps), 6),
    }


def main() -> None:
    """Measure, print, and keep the raw runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="1b", help="135m or 1b")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--cpu", action="store_true", help="on processors, to try the script out; nothing is kept")
    parser.add_argument("--out", type=Path)
    for name in ("--worker", "--folder"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        train(given.model, given.folder, given.worker, given.batch_size, given.steps)
        return
    import torch

    from benchmarks.bench_feed import SEED
    from benchmarks.record import Record

    if not given.cpu and torch.cuda.device_count() < 2:
        sys.exit("two CUDA devices are needed; --cpu tries the script out without")
    record = Record("bench_several_gpus", given, {"weights": SEED})
    device = "cpu" if given.cpu else f"2 x {torch.cuda.get_device_name()}"

    def after_round(runs: list[dict[str, Any]]) -> None:
        found = summary(runs)
        print(json.dumps(found))
        if not given.cpu:
            asked = {"device": device, "model": given.model, "steps": given.steps, "warm_up": given.warm_up}
            record.keep({**asked, "summary": found, "raw": runs}, lambda run: (run["device"], run["model"]))

    measure(given.model, given.rounds, given.steps, given.warm_up, given.cpu, after_round)


if __name__ == "__main__":
    main()
