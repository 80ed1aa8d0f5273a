"""What a checkpoint costs as a share of step time at the default interval, and what the ledger costs on disk.

Cost: a real run of the trainer node (SmolLM2-135M where it is in the cache, else the tiny model, `--model` names another) on an embedded
broker; the share is the mean duration of a commit over the time of `checkpoint_steps` (default 50) mean optimizer steps. Steps and commits
are taken from the same run, the first of each left out. Ledger: 100,000 rows with random 16-hex ids, random bands, one segment per
checkpoint of 50 steps of 8 samples; bytes on disk are those of all segments that two kept checkpoints need.

Run: `python benchmarks/bench_checkpoint.py` (writes `benchmarks/results/bench_checkpoint.json`, a run for each device and model).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SEED = 1


def ledger_bytes(rows: int, every: int) -> dict[str, float]:
    """Bytes a row: of the newest checkpoint's segments, and on disk with what the older of two checkpoints still needs."""
    from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome, forget_segments

    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        ledger, kept, peak = Ledger(Path(folder)), [set(), set()], 0.0
        for number in range(1, rows + 1):
            topic = f"pelton.curriculum.sft.{rng.randrange(5)}"
            ledger.add(LedgerRow(topic, 0, number, f"{rng.getrandbits(64):016x}", Outcome.TRAINED, 1, number // 8))
            if number % every == 0:
                named = {segment.name for segment in ledger.seal()}
                forget_segments(Path(folder), kept[0] - kept[1] - named)
                kept = [kept[1], named]
                size = sum(path.stat().st_size for path in Path(folder).iterdir())
                peak = max(peak, size / number) if number >= rows // 5 else peak
        live = sum(segment.bytes for segment in ledger.segments)
        return {
            "rows": rows,
            "rows_per_checkpoint": every,
            "bytes_per_sample": round(live / rows, 2),
            "on_disk_bytes_per_sample": round(size / rows, 2),
            "highest_on_disk_since_a_fifth": round(peak, 2),
            "segments": len(ledger.segments),
        }


def checkpoint_cost(model: str, steps: int) -> dict[str, Any]:
    """Mean seconds of steps and of commits in one run."""
    from benchmarks.trainer_runs import broker_with_samples
    from trainer_node.config import TrainConfig
    from trainer_node.node import TrainerNode
    from trainer_node.options import RunOptions

    config = TrainConfig(model=model, trainer="sft", checkpoint_steps=max(2, steps // 4), linger_s=0.2)
    with tempfile.TemporaryDirectory() as folder, broker_with_samples(Path(folder) / "broker", steps * config.batch_size) as settings:
        begun: list[float] = []
        options = RunOptions("bench", Path(folder) / "run", until_consumed=True, on_batch=lambda batch: begun.append(time.monotonic()))
        node = TrainerNode(settings, config, options)
        node.run()
        done = node.summary
        assert done is not None
        commits = done.checkpoint_s[1:]
        whole = [later - earlier for earlier, later in itertools.pairwise(begun)]
        plain = [seconds for number, seconds in enumerate(whole[1:], 2) if number % config.checkpoint_steps]
    step_s, commit_s = statistics.median(plain), statistics.median(commits)
    interval = TrainConfig.model_fields["checkpoint_steps"].default
    return {
        "model": model,
        "backend": done.backend,
        "bits": done.bits,
        "batch_size": config.batch_size,
        "median_step_s": round(step_s, 4),
        "median_commit_s": round(commit_s, 4),
        "commits_s": [round(value, 4) for value in commits],
        "default_interval_steps": interval,
        "share_of_step_time": round(commit_s / (interval * step_s), 4),
    }


def main() -> None:
    """Measure, print, write."""
    from benchmarks.record import Record

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    record = Record("bench_checkpoint", options, {"ledger": SEED})
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    measured = {"ledger": ledger_bytes(100_000, 400), "checkpoint": checkpoint_cost(options.model, options.steps)}
    result = {"device": device, **measured}
    record.keep(result, lambda run: (run["device"], run["checkpoint"]["model"]))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
