"""What the fingerprint of a base costs: the whole of its files read once, and then looked up in the cache.

The first of each round has an empty cache (the file itself stands in the system's page cache), the second the one that the first has left.

Run: `python benchmarks/bench_fingerprint.py` (writes `benchmarks/results/bench_fingerprint.json`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def measure(rounds: int) -> dict[str, Any]:
    from trainer_node.models.gguf import default_model

    model = default_model()
    seconds: dict[str, list[float]] = {"first": [], "again": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            os.environ["PELTON_CACHE"] = cache
            for which in seconds.values():
                which.append(timed(model))
    medians = {name: statistics.median(runs) for name, runs in seconds.items()}
    size = sum(file.stat().st_size for file in model.glob("*.safetensors"))
    return {"bytes": size, "seconds": seconds, "median_s": medians, "mb_per_s": round(size / 1e6 / medians["first"])}


def timed(model: Path) -> float:
    """Seconds of one fingerprint."""
    from trainer_node.models.identity import weights_identity

    started = time.perf_counter()
    weights_identity(str(model))
    return round(time.perf_counter() - started, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    from benchmarks.record import Record

    record = Record("bench_fingerprint", options, {})
    found = measure(options.rounds)
    record.write(found)
    print(json.dumps({name: found[name] for name in ("median_s", "mb_per_s")}))


if __name__ == "__main__":
    main()
