"""The continuous set-up of the README, as typed: workers, a trainer and a producer, on a broker that is there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from worker_process import ONTOLOGY, REPOSITORY, eventually

from streams.kafka.settings import KafkaSettings
from tests.models.tiny import build
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.manifest import checkpoints

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TYPED = next(block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "pelton topics create" in block)
PROMPTS = 4


def rows() -> Iterator[dict[str, Any]]:
    for number in range(12):
        yield {"sample_id": f"q{number}", "prompt": f"What is {number}?", "answer": str(number)}
        yield {"sample_id": f"t{number}", "text": f"This is the text of number {number}."}
    for number in range(6):
        yield {"sample_id": f"p{number}", "prompt": f"Which is {number}?", "chosen": str(number), "rejected": "none"}
    for number in range(PROMPTS):
        yield {"sample_id": f"r{number}", "prompt": f"Who wrote book {number}?", "task": "rlhf_grpo"}


@pytest.fixture
def typed(settings: KafkaSettings, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The block of the README in a shell. Only the broker's name is another; model and cadence come from the environment."""
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    (tmp_path / "my-ontology.yaml").write_text(ONTOLOGY, encoding="utf-8")
    (tmp_path / "my.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    assert "broker:9092" in TYPED
    trained = {"MODEL": build(tmp_path / "tiny"), "BITS": 32, "BATCH_SIZE": 4, "LORA_R": 4, "MAX_NEW_TOKENS": 6, "NUM_GENERATIONS": 2}
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "PELTON_"))}
    environ |= {f"PELTON_TRAIN_{name}": str(value) for name, value in trained.items()}
    environ |= {"PELTON_TOPIC_PREFIX": settings.topic_prefix, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    with (tmp_path / "said").open("wb") as said:
        shell = subprocess.Popen(
            ["bash", "-c", TYPED.replace("broker:9092", settings.bootstrap_servers)], cwd=tmp_path, env=environ, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        yield shell
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()
        eventually(lambda: is_over(shell.pid), "the end of all that was started")


def is_over(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def outcomes(run_dir: Path) -> Counter[tuple[str, Outcome]]:
    """How often each sample has which outcome, in the newest checkpoint."""
    found = checkpoints(run_dir) if (run_dir / "checkpoints").is_dir() else []
    if not found:
        return Counter()
    return Counter((row.sample_id, row.outcome) for row in Ledger(run_dir / "ledger", found[-1].manifest.segments).rows())


def test_the_continuous_set_up_of_the_readme_trains_what_is_produced_each_once(typed, tmp_path):
    ids = {row["sample_id"] for row in rows()}
    eventually(lambda: {sample_id for sample_id, _ in outcomes(tmp_path / "runs" / "my-run")} >= ids, "all samples in the ledger", 300)
    counted = outcomes(tmp_path / "runs" / "my-run")
    assert set(counted.values()) == {1}
    assert {sample_id for sample_id, outcome in counted if outcome is Outcome.TRAINED} >= {one for one in ids if not one.startswith("r")}
    assert sum(sample_id.startswith("r") for sample_id, _ in counted) == PROMPTS, "answered, and trained where the judge found claims"
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert "Traceback" not in said, said
