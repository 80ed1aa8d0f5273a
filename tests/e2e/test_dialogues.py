"""`pelton train --dataset-path` on files of conversations, from the file to the trained model, with a broker and workers of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from demo_process import DEADLINE_S, ROOT

from tests.models import dialogues
from tests.models.tiny import build

pytestmark = [pytest.mark.timeout(DEADLINE_S + 120), pytest.mark.slow]
TALKS = 2000


def train(path: Path, run_dir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PELTON_TOPIC"))}
    model = build(path.parent / "tiny")
    command = [sys.executable, "-m", "cli.main", "train", "--dataset-path", str(path), "--run-dir", str(run_dir), "--trainer", "sft"]
    return subprocess.run(
        [*command, "--model", str(model), "--bits", "32", "--lora-r", "4", "--batch-size", "32", "--checkpoint-steps", "1000", *flags],
        cwd=ROOT, env=environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, encoding="utf-8", timeout=DEADLINE_S, check=False,
    )  # fmt: skip


def test_thousands_of_conversations_are_trained_each_once(tmp_path: Path):
    done = train(dialogues.write(tmp_path / "talks.jsonl", TALKS), tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert f"trained {TALKS} samples in {-(-TALKS // 32)} steps" in done.stdout
    assert "dead-lettered" not in done.stderr


def test_a_file_of_which_nothing_can_be_trained_ends_with_the_reasons_and_not_with_success(tmp_path: Path):
    path = tmp_path / "long.jsonl"
    turns = [{"role": "user", "content": "x" * 9000}, {"role": "assistant", "content": "b"}]
    path.write_text("".join(json.dumps({"sample_id": f"s{n}", "messages": turns}) + "\n" for n in range(3)), encoding="utf-8")
    done = train(path, tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: nothing was trained: of 3 samples, 3 dead-lettered as too_long by the trainer")
    assert "trained" not in done.stdout
