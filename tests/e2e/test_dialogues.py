"""`pelton train --dataset-path` on files of conversations, from the file to the trained model, with a broker and workers of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from demo_process import DEADLINE_S, ROOT

from tests.models import dialogues
from tests.models.tiny import build
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.manifest import checkpoints

pytestmark = [pytest.mark.timeout(DEADLINE_S + 120), pytest.mark.slow]
TALKS = 2000


def train(path: Path, run_dir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PELTON_TOPIC"))}
    model = build(path.parent / "tiny")
    where = ["--dataset-path", str(path), "--run-dir", str(run_dir), "--run-id", "r"]
    command = [sys.executable, "-m", "cli.main", "train", *where, "--trainer", "sft"]
    return subprocess.run(
        [*command, "--model", str(model), "--bits", "32", "--lora-r", "4", "--batch-size", "32", "--checkpoint-steps", "1000", *flags],
        cwd=ROOT, env=environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, encoding="utf-8", timeout=DEADLINE_S, check=False,
    )  # fmt: skip


def test_thousands_of_conversations_are_trained_each_once_and_so_are_new_files_for_an_old_run(tmp_path: Path):
    """The account says where the rest of the new files went, and a start that does nothing of use is no success."""
    run = tmp_path / "run"
    first = train(dialogues.write(tmp_path / "talks.jsonl", TALKS), run)
    assert first.returncode == 0, first.stderr
    rows = Ledger(run / "ledger", checkpoints(run)[-1].manifest.segments).rows()
    trained = Counter(row.sample_id for row in rows if row.outcome is Outcome.TRAINED)
    assert set(trained.values()) == {1}
    assert {sample_id for sample_id in trained if sample_id.startswith("talk-")} == {f"talk-{number}" for number in range(TALKS)}
    assert f"trained {trained.total()} samples" in first.stdout
    assert "dead-lettered" not in first.stderr
    steps = checkpoints(run)[-1].manifest.step
    again = [json.loads(line) for line in (tmp_path / "talks.jsonl").read_text(encoding="utf-8").splitlines()[:2]]
    fresh = [talk("held") | {"split": "validation"}, long("l0"), *(talk(f"b{n}") for n in range(3))]
    second = train(written(tmp_path, [*again, *fresh]), run)
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines()[:2] == [
        f"trained {trained.total() + 3} samples in {steps + 1} steps; run r in {run}",
        "this start: 7 samples sent, 3 trained (each pass counts), 1 dead-lettered, "
        "2 duplicates of samples that were trained before or beside, 1 held out to measure by",
    ]
    third = train(written(tmp_path, [long(f"l{n}") for n in range(1, 4)]), run)
    assert third.returncode == 2, third.stderr
    assert third.stderr.splitlines()[-1].startswith("error: nothing was trained: of 3 samples, 3 dead-lettered as too_long by the trainer")
    assert "trained" not in third.stdout


def talk(sample_id: str, question: str = "what?") -> dict[str, Any]:
    turns = [{"role": "user", "content": f"{sample_id}: {question}"}, {"role": "assistant", "content": "b"}]
    return {"sample_id": sample_id, "messages": turns}


def long(sample_id: str) -> dict[str, Any]:
    return talk(sample_id, "x" * 9000)


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
