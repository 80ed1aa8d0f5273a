"""Runs made in parts are joined as the benchmark itself would have kept them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import merged

SIZE = {"samples": 60, "passes": 1, "batch_size": 8}
RUNS: dict[str, list[dict[str, Any]]] = {
    "bench_rlhf": [{"name": "a", "value": 1}, {"name": "b", "value": 2}, {"name": "a", "value": 3}],
    "bench_curriculum": [
        {"condition": "clean", "arm": "bandit", "seed": 0, "lr": 1e-4, "size": SIZE, "value": 1},  # from before there was other data
        {"data": "topics", "condition": "clean", "arm": "bandit", "seed": 0, "lr": 1e-4, "size": SIZE, "value": 2},
        {"data": "hops", "condition": "clean", "arm": "bandit", "seed": 0, "lr": 1e-4, "size": SIZE, "value": 3},
    ],
    "bench_export": [
        {"run": "nf4", "settings": {"steps": 90}, "value": 1},  # from before fewer texts could be asked for
        {"run": "nf4", "settings": {"steps": 90, "texts": 8}, "value": 2},
        {"run": "nf4", "settings": {"steps": 90, "texts": 48, "cpu": False}, "value": 3},
    ],
}


@pytest.mark.parametrize("benchmark", RUNS)
def test_the_newest_of_the_same_run_is_kept_and_of_others_each(benchmark: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.json" for number in range(3)]
    for file, run in zip(files, RUNS[benchmark], strict=True):
        file.write_text(json.dumps({"runs": [run]}))
    merged.main([benchmark, *map(str, files), "--out", str(tmp_path / "kept.json")])
    assert [run["value"] for run in json.loads((tmp_path / "kept.json").read_text())["runs"]] == [3, 2]


def test_raw_judgements_come_along_the_newest_last(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"{number}.json").write_text(json.dumps({"runs": [{"name": "a", "value": number}]}))
        merged.answers_of(tmp_path / f"{number}.json").write_bytes(gzip.compress(f"{number}\n".encode()))
    merged.main(["bench_rlhf", str(tmp_path / "0.json"), str(tmp_path / "1.json"), "--out", str(tmp_path / "kept.json")])
    assert gzip.decompress(merged.answers_of(tmp_path / "kept.json").read_bytes()) == b"0\n1\n"
