"""Join files of runs that were made side by side, or on another machine, into a kept result.

A run takes the place of one of the same name (or the same settings, where runs have none). Raw judgements beside a file
(`…_answers.jsonl.gz`) are joined too: of one name the newest counts.

Run: `python benchmarks/merged.py benchmarks/results/bench_rlhf.json FILE…`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.record import write_document  # noqa: E402

SETTINGS = ("run", "settings", "data", "condition", "arm", "seed", "lr", "size")
"""What tells runs without a name apart."""


def main() -> None:
    """Join them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    kept = json.loads(given.result.read_text(encoding="utf-8")) if given.result.exists() else {"runs": []}
    runs = {key_of(run): run for run in kept["runs"]}
    for file in given.files:
        runs |= {key_of(run): run for run in json.loads(file.read_text(encoding="utf-8"))["runs"]}
        beside = answers_of(file)
        if beside.exists():
            with answers_of(given.result).open("ab") as joined:
                joined.write(beside.read_bytes())
    write_document(given.result, kept | {"runs": list(runs.values())})
    print(f"{given.result}: {len(runs)} runs")


def answers_of(path: Path) -> Path:
    """The raw judgements beside a result."""
    return path.with_name(path.stem + "_answers.jsonl.gz")


def key_of(run: dict[str, Any]) -> str:
    """A run's name; of one without, what it was given."""
    if "name" in run:
        return str(run["name"])
    said = {name: value for name, value in run.items() if name in SETTINGS}
    return json.dumps(said, sort_keys=True)


if __name__ == "__main__":
    main()
