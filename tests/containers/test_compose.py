"""deploy/compose.yaml, brought up for real: with users, ACLs, TLS and signatures, and nodes killed, each sample is trained once.

`make test-containers` runs this. Images other than the published ones are named by the variables of compose.yaml.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.models.tiny import build

pytestmark = [
    pytest.mark.skipif(not os.environ.get("PELTON_TEST_COMPOSE"), reason="needs a container engine: make test-containers"),
    pytest.mark.timeout(3600),  # images are built
]

DEPLOY = Path(__file__).parents[2] / "deploy"
SAMPLES = 300
PATIENCE = 300.0
"""Seconds after which a test gives up; no promise about speed."""


class Installation:
    """compose.yaml under a project name, with secrets, models and data of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("secrets", "models", "data"):
            (folder / name).mkdir()
        build(folder / "models" / "tiny")
        rows = [{"sample_id": f"s-{n}", "prompt": f"What is {n} and {n}?", "answer": f"It is {2 * n}."} for n in range(SAMPLES)]
        (folder / "data" / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (folder / "data" / "forged.jsonl").write_text('{"sample_id": "forged", "text": "x"}\n', encoding="utf-8")
        small = {"MODEL": "/models/tiny", "BITS": 32, "LORA_R": 2, "MAX_SEQ": 64, "BATCH_SIZE": 8, "CHECKPOINT_STEPS": 4}
        (folder / "trainer.env").write_text("".join(f"PELTON_TRAIN_{name}={value}\n" for name, value in small.items()), encoding="utf-8")
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        given = {"SECRETS": "secrets", "MODELS": "models", "DATA": "data", "TRAIN_ENV": "trainer.env"}
        self.environ = {**os.environ, **{f"PELTON_{name}": str(folder / path) for name, path in given.items()}}
        self.environ |= {"COMPOSE_PROJECT_NAME": f"pelton-test-{os.getpid()}", "PELTON_LOG_FORMAT": "text"}
        self.environ |= {f"PELTON_{name}_PORT": "0" for name in ("KAFKA", "PROMETHEUS", "GRAFANA")}

    def compose(self, *words: str) -> str:
        command = ["docker", "compose", "--progress", "quiet", "-f", str(DEPLOY / "compose.yaml"), "--profile", "cpu", *words]
        done = subprocess.run(command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=1200)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-3000:]}{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        command = ["docker", "compose", "-f", str(DEPLOY / "compose.yaml"), "logs", "--tail", "20"]
        return subprocess.run(command, env=self.environ, capture_output=True, encoding="utf-8", check=False).stdout

    def up(self) -> None:
        """By deploy/up.sh; Grafana, of which there is no stand-in, only where its image was not replaced."""
        without = ["--scale", "grafana=0"] if "GRAFANA_IMAGE" in os.environ else []
        done = subprocess.run(
            [str(DEPLOY / "up.sh"), "cpu", *without], env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout[-3000:] + self.logs()

    def operator(self, *words: str) -> str:
        return self.compose("run", "--rm", "operator", *words)

    def ledger(self) -> list[dict[str, object]]:
        said = self.operator("checkpoints", "ledger", "/var/lib/pelton/runs/main")
        return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture
def installation(tmp_path):
    if shutil.which("docker") is None or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not here")
    made = Installation(tmp_path)
    yield made
    made.compose("--profile", "tools", "down", "--volumes", "--timeout", "5")


def test_the_main_job_s_account_is_exact_on_compose_with_security_on_and_nodes_killed(installation):
    installation.up()
    installation.compose("run", "--rm", "produce", "samples.jsonl")
    installation.compose("run", "--rm", "-e", "PELTON_SIGN_KEY=", "produce", "forged.jsonl")
    installation.compose("kill", "trainer", "curriculum")
    installation.compose("up", "--detach", "--no-build", "--no-recreate", "trainer", "curriculum")
    until = time.monotonic() + PATIENCE
    while f"samples {SAMPLES}" not in installation.compose("logs", "trainer"):
        assert time.monotonic() < until, installation.logs()
        time.sleep(2)
    installation.compose("stop", "trainer")
    assert Counter((row["sample_id"], row["outcome"]) for row in installation.ledger()) == Counter(
        (f"s-{number}", "trained") for number in range(SAMPLES)
    )
    letters = installation.operator("dead-letters", "list")
    assert letters.split()[:3] == ["1", "curriculum", "unsigned"]
    assert "pelton.trainer.main" in installation.operator("lag", "--all")
    for service in ("trainer", "curriculum", "augmenter", "feedback", "lag"):
        found = installation.compose("ps", "--all", "--format", "{{.ID}}", service).strip()
        about = json.loads(subprocess.run(["docker", "inspect", found], capture_output=True, check=True).stdout)[0]
        assert about["HostConfig"]["ReadonlyRootfs"]
        assert about["Config"]["User"] == "10001:10001"
