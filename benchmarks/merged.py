"""Join files of runs that were made side by side, or on another machine, into the kept result of their benchmark.

A run takes the place of the one that the benchmark itself would not repeat (its `key_of`). Raw judgements beside a file
(`…_answers.jsonl.gz`) are joined too: of one name the newest counts.

Run: `python benchmarks/merged.py bench_rlhf|bench_curriculum|bench_export FILE… [--out FILE]`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.record import RESULTS, write_document  # noqa: E402

BENCHMARKS = ("bench_rlhf", "bench_curriculum", "bench_export")
"""Those that can be made in parts."""


def main(given: list[str] | None = None) -> None:
    """Join them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="[default: the kept result]")
    arguments = parser.parse_args(given)
    result = arguments.out or RESULTS / f"{arguments.benchmark}.json"
    key_of = importlib.import_module(f"benchmarks.{arguments.benchmark}").key_of
    kept = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {"runs": []}
    runs = {key_of(run): run for run in kept["runs"]}
    for file in arguments.files:
        runs |= {key_of(run): run for run in json.loads(file.read_text(encoding="utf-8"))["runs"]}
        beside = answers_of(file)
        if beside.exists():
            with answers_of(result).open("ab") as joined:
                joined.write(beside.read_bytes())
    write_document(result, kept | {"runs": list(runs.values())})
    print(f"{result.name}: {len(runs)} runs")


def answers_of(path: Path) -> Path:
    """The raw judgements beside a result."""
    return path.with_name(path.stem + "_answers.jsonl.gz")


if __name__ == "__main__":
    main()
