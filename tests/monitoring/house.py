"""All nodes of an installation under a real Prometheus, with the project's own rules on a clock that runs sixty times as fast."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.embedded import free_port
from streams.kafka.settings import KafkaSettings
from tests.models.tiny import build

ROOT = Path(__file__).parents[2]
RUN = "nightly"
PATIENCE = 180.0
"""Seconds after which a test gives up; no promise about speed."""
KINDS = ("curriculum", "augmenter", "feedback", "trainer", "lag")
DEFAULTS = {"curriculum": 9710, "augmenter": 9720, "feedback": 9730, "trainer": 9740, "lag": 9750}
FLAGS = {
    "curriculum": ["worker", "curriculum", "--run-id", RUN, "--state-dir", "state/curriculum"],
    "augmenter": ["worker", "augmenter", "--run-id", RUN, "--state-dir", "state/augmenter"],
    "feedback": ["worker", "feedback", "--run-id", RUN, "--state-dir", "state/feedback", "--no-claims", "0.5"],
    "trainer": [
        "train", "--model", "tiny", "--run-id", RUN, "--run-dir", f"runs/{RUN}", "--workers-run-id", RUN, "--rl", "grpo",
        "--batch-size", "4",
        "--num-generations", "2", "--max-new-tokens", "4", "--bits", "32", "--lora-r", "2", "--checkpoint-steps", "4", "--pace-steps", "6",
        "--linger-s", "2", "--reward-timeout-s", "5", "--eval-every", "5s", "--patience", "0", "--max-seq", "64",
    ],
    "lag": ["lag", "--serve", "--window", "5"],
}  # fmt: skip


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition()` is true, and give what it returned."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true in {PATIENCE:.0f} s"
        time.sleep(0.2)
    return found


def faster(text: str) -> str:
    """Rules of which an hour is a minute, and a minute a second."""
    return re.sub(r"\b(\d+)([hm])\b", lambda found: f"{found[1]}{'m' if found[2] == 'h' else 's'}", text)


class House:
    """The nodes, each a process of its own in one folder, and Prometheus."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {kind: free_port() for kind in KINDS}
        self.broker_port, self.prometheus_port = free_port(), free_port()
        self.settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{self.broker_port}")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environ = {
            **os.environ, **self.settings.to_environ(), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
        }  # fmt: skip
        build(folder / "tiny")

    def pelton(self, *arguments: str) -> list[str]:
        """The command, as it is started here."""
        return [sys.executable, "-m", "cli.main", *arguments]

    def start(self, name: str, command: list[str] | None = None) -> None:
        """Start a node, or what stands for one."""
        command = command or self.pelton(*FLAGS[name], "--metrics-port", str(self.ports[name]))
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, env=self.environ, stdout=log, stderr=log)

    def start_broker(self) -> None:
        """As its runbook entry says."""
        self.start("broker", self.pelton("broker", "--data-dir", "runs/broker", "--port", str(self.broker_port)))
        eventually(self._broker_answers, "the broker")

    def _broker_answers(self) -> bool:
        return self.run("pelton topics check").returncode == 0

    def start_prometheus(self) -> None:
        """Scraping each second, with the project's rules."""
        config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        targets = yaml.safe_load((ROOT / "deploy" / "prometheus" / "targets" / "one-host.yml").read_text())
        for target in targets:
            target["targets"] = [f"127.0.0.1:{self.ports[target['labels']['kind']]}"]
        where = self.folder / "prometheus"
        (where / "targets").mkdir(parents=True)
        (where / "targets" / "one-host.yml").write_text(yaml.safe_dump(targets))
        (where / "prometheus.yml").write_text(yaml.safe_dump(config))
        (where / "rules.yml").write_text(faster((ROOT / "deploy" / "prometheus" / "rules.yml").read_text()))
        flags = {"config.file": where / "prometheus.yml", "storage.tsdb.path": where / "data", "query.lookback-delta": "5s"}
        listen = f"--web.listen-address=127.0.0.1:{self.prometheus_port}"
        self.start("prometheus", ["prometheus", listen, *(f"--{name}={value}" for name, value in flags.items())])
        eventually(lambda: self.get(self.prometheus_port, "/-/ready")[0] == 200, "Prometheus")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End a process, and wait for its end."""
        self.processes[name].send_signal(number)
        self.processes[name].wait(60)

    def close(self) -> None:
        """End all."""
        for process in reversed(list(self.processes.values())):
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @staticmethod
    def get(port: int, path: str) -> tuple[int, str]:
        """Status and body; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self, kind: str) -> bool:
        """Whether a node is at work."""
        return self.get(self.ports[kind], "/readyz")[0] == 200

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers now; fails where it does not understand."""
        status, body = self.get(self.prometheus_port, f"/api/v1/query?query={urllib.parse.quote(expression)}")
        found = json.loads(body)
        assert (status, found["status"]) == (200, "success"), f"{expression}: {body}"
        return found["data"]["result"]

    def firing(self, alert: str) -> list[dict[str, str]]:
        """Labels of each alert of this name that fires now."""
        return [one["metric"] for one in self.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What a person types, on this house's ports."""
        for kind, port in DEFAULTS.items():
            command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.ports[kind]}")
        command = command.replace("deploy/prometheus/", f"{ROOT}/deploy/prometheus/")
        words = " ".join(self.pelton())
        typed = ["bash", "-c", re.sub(r"^pelton ", f"{words} ", command)]
        return subprocess.run(typed, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=PATIENCE)


def prompts_and_samples(count: int, begin: int = 0) -> list[TrainingSample]:
    """Of every band: questions to be answered, and samples, some held out."""
    made = []
    for number in range(begin, begin + count):
        prompt, band = (Turn(role="user", content=f"what is {number}?"),), number % BANDS
        split = Split.VALIDATION if number < 2 * BANDS else Split.TRAIN
        about = {"task": Task.QA, "prompt": prompt}
        answer = f"{number % 10}."
        made.append(TrainingSample(sample_id=f"s{number}", objective=Objective.SFT, band=band, split=split, completion=answer, **about))
        if number % 4 == 0:
            made.append(TrainingSample(sample_id=f"p{number}", objective=Objective.PROMPT, band=0, **about))
    return made
