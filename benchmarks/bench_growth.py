"""What a run keeps for each sample: of its folder, its broker's log, its workers' state, and its processes' memory.

Two runs of `pelton train --dataset-path` with a tiny model, everything embedded in the run's folder, differ only in how many samples they
take; what differs at their ends, divided by that, is what a sample costs for good. Sizes are blocks on disk after a clean stop.

Run: `python benchmarks/bench_growth.py` (writes `benchmarks/results/bench_growth.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def rows(count: int, seed: int) -> str:
    """Questions of ordinary length, with producers' ids, one JSON line each."""
    draw = random.Random(seed)
    lines = []
    for number in range(count):
        words = " ".join("".join(draw.choices("abcdefghij", k=4)) for _ in range(draw.randint(3, 20)))
        lines.append(json.dumps({"sample_id": f"sample-{number:07d}", "prompt": f"what is {words}?", "answer": words}))
    return "\n".join(lines) + "\n"


def sizes(folder: Path) -> dict[str, int]:
    """Bytes on disk of each part of a run's folder; of the broker's log by topic."""
    found: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            parts = path.relative_to(folder).parts
            name = parts[0]
            if name == "broker":
                topic = next((part.rsplit("-", 1)[0] for part in parts if part.startswith(("pelton.", "__"))), "other")
                name = f"broker {topic.split('.sft.')[0].split('.preference.')[0].split('.prompt.')[0]}"
            found[name] = found.get(name, 0) + path.stat().st_blocks * 512
    return found


def run(folder: Path, model: Path, count: int, seed: int) -> dict[str, Any]:
    """One run to its end, and the most that each of its processes held."""
    import psutil

    data = folder / f"{count}.jsonl"
    data.write_text(rows(count, seed), encoding="utf-8")
    command = [sys.executable, "-m", "cli.main", "train", "--model", str(model), "--dataset-path", str(data), "--run-id", f"n{count}"]
    flags = ["--run-dir", str(folder / f"run-{count}"), "--trainer", "sft", "--batch-size", "32", "--lora-r", "4", "--linger-s", "0.5"]
    began, memory = time.monotonic(), {}
    process = psutil.Popen([*command, *flags], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        for one in (process, *process.children(recursive=True)):
            try:
                line = one.cmdline()
                name = next((word for word in ("curriculum", "augmenter") if word in line), "broker" if "java" in line[0] else "trainer")
                memory[name] = max(memory.get(name, 0), one.memory_info().rss)
            except (psutil.Error, IndexError):
                continue
        time.sleep(0.5)
    assert process.returncode == 0, f"the run of {count} samples ended with {process.returncode}"
    return {
        "samples": count,
        "seconds": round(time.monotonic() - began),
        "bytes": sizes(folder / f"run-{count}"),
        "peak_rss_mb": {name: round(held / 1e6) for name, held in memory.items()},
    }


def main() -> None:
    """Both runs, print, write."""
    from benchmarks.record import Record
    from tests.models.tiny import build

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs=2, default=[10_000, 30_000])
    parser.add_argument("--seed", type=int, default=22)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    record = Record("bench_growth", options, {"samples": options.seed})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        few, many = (run(folder, build(folder / "tiny"), count, options.seed) for count in options.samples)
    more = many["samples"] - few["samples"]
    names = sorted(few["bytes"].keys() | many["bytes"].keys())
    per_sample = {name: round((many["bytes"].get(name, 0) - few["bytes"].get(name, 0)) / more, 2) for name in names}
    record.write({"runs": [few, many], "bytes_per_sample": per_sample})
    print(json.dumps(per_sample, indent=1))


if __name__ == "__main__":
    main()
