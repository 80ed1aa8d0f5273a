"""The processes of a soak: a broker, the workers and the trainer, kept up by the project's own supervisor, and killed at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cli.program import PELTON
from schemas.errors import UserError
from streams.kafka.embedded import free_port
from streams.kafka.settings import KafkaSettings
from streams.supervisor import NodeDied, Supervisor

RUN_ID = "live"
WORKERS = ("curriculum", "augmenter", "feedback")
TRAIN = {
    "--lora-r": 4,
    "--lr": 1e-3,
    "--batch-size": 16,
    "--linger-s": 0.5,
    "--checkpoint-steps": 20,
    "--checkpoint-every": "20s",
    "--pace-steps": 4,
    "--max-seq": 256,
    "--eval-steps": 40,
    "--patience": 0,
}
START_S = 600.0
CHECK_EVERY_S = 0.25


@dataclass
class Kill:
    """One SIGKILL, or an end that nobody ordered."""

    at_s: float
    name: str
    ordered: bool = True
    said: str = ""


@dataclass
class Cluster:
    """All nodes of one soak. Its own thread restarts what died; `kill` may be called from any other."""

    folder: Path
    seed: int
    kills: list[Kill] = field(default_factory=list)
    failure: str | None = None
    """Why the supervisor gave a node up."""

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.port = free_port()
        self.settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{self.port}")
        self.run_dir = self.folder / "run"
        self.model = self.folder / "tiny"
        code = f"from tests.models.tiny import build; from pathlib import Path; build(Path({str(self.model)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # torch is the nodes' business
        self.ports = {name: free_port() for name in (*WORKERS, "trainer")}
        self._draw = random.Random(self.seed)
        self._deck: list[str] = []
        self._lock = threading.Lock()
        self._ordered: set[str] = set()
        self._closing = threading.Event()
        self.supervisor = Supervisor(PELTON, self.folder / "logs", self._told)

    def start(self, trainer: str) -> None:
        """Start everything, and wait until every node is ready."""
        os.environ.update(self.settings.to_environ())
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self.supervisor.start("broker", ["broker", "--port", str(self.port), "--data-dir", str(self.folder / "broker")])
        self._wait(self._broker_answers, "the broker")
        for name in WORKERS:
            self.supervisor.start(name, ["worker", name, *self._worker_flags(name)])
        self.supervisor.start("trainer", self.train_arguments(trainer))
        self._thread = threading.Thread(target=self._look_after, name="supervise", daemon=True)
        self._thread.start()
        self._wait(self.ready, "a node")

    def _worker_flags(self, name: str) -> list[str]:
        flags = ["--metrics-port", str(self.ports[name]), "--ontology", str(Path("demo/ontology.yaml").absolute())]
        if name == "augmenter":
            flags += ["--every", "1", "--variants", "1"]
        return [*flags, "--state-dir", str(self.folder / "state" / name), *(["--preferences"] if name == "feedback" else [])]

    def train_arguments(self, trainer: str, model: str | None = None) -> list[str]:
        """Of `pelton`, for the run's trainer, or for a start of it that names another model."""
        flags = {"--model": model or str(self.model), "--run-id": RUN_ID, "--run-dir": str(self.run_dir), "--trainer": trainer, **TRAIN}
        serve = [] if model else ["--metrics-port", str(self.ports["trainer"])]
        return ["train", *(str(part) for flag in flags.items() for part in flag), *serve]

    def ready(self) -> bool:
        """Whether every node says so."""
        return all(self._is_ready(port) for port in self.ports.values())

    @staticmethod
    def _is_ready(port: int) -> bool:
        import urllib.request

        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _broker_answers(self) -> bool:
        from streams.kafka.admin import check_topics

        try:
            return check_topics(self.settings, self.settings.topics).ok
        except UserError:
            return False

    def _wait(self, condition: object, what: str) -> None:
        deadline = time.monotonic() + START_S
        while not condition():  # type: ignore[operator]
            if self.failure or time.monotonic() > deadline:
                raise SystemExit(f"{what} was not ready within {START_S:.0f} s: {self.failure or 'see its log'} ({self.folder / 'logs'})")
            time.sleep(0.5)

    # --- looking after them -------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        while not self._closing.wait(CHECK_EVERY_S):
            with self._lock:
                try:
                    self.supervisor.check()
                except NodeDied as died:
                    self.failure = str(died)
                    return

    def _told(self, text: str) -> None:
        """The supervisor restarts a node: was that our doing?"""
        name = text.split(" ", 1)[0]
        ordered = name in self._ordered
        self._ordered.discard(name)
        if not ordered:
            log = self.supervisor.nodes[name].log_path
            self.kills.append(Kill(self.now, name, ordered=False, said=f"{text}; {_tail(log)}"))
            print(f"{self.now:6.0f} s  NOT ORDERED: {text}", flush=True)

    @property
    def now(self) -> float:
        """Seconds since the cluster was made."""
        return round(time.monotonic() - self.began, 1)

    def targets(self) -> dict[str, psutil.Process]:
        """Everything that may be killed: each node, the broker's own process, and the children that find claims."""
        found: dict[str, psutil.Process] = {}
        for name, node in self.supervisor.nodes.items():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(node.process.pid)
                found[name] = process
                for child in process.children(recursive=True):
                    kind = "java" if "java" in child.name() else "extractor" if "spawn_main" in " ".join(child.cmdline()) else None
                    if kind:
                        found[f"{name}/{kind}"] = child
        return found

    def kill_one(self) -> None:
        """SIGKILL to one of them, each in its turn and in a random order."""
        with self._lock:
            targets = self.targets()
            if not self._deck:
                self._deck = sorted(targets)
                self._draw.shuffle(self._deck)
            name = self._deck.pop()
            if name not in targets:
                return
            node = name.split("/")[0]
            if name != "feedback/extractor":  # the node makes itself a new one
                self._ordered.add(node)
            self.kills.append(Kill(self.now, name))
            print(f"{self.now:6.0f} s  kill {name}", flush=True)
            with contextlib.suppress(psutil.Error):
                targets[name].send_signal(signal.SIGKILL)

    def mistyped_start(self, trainer: str) -> dict[str, object]:
        """`pelton train` for the same run, with a model that is not there: what it said and how it ended."""
        command = [*PELTON, *self.train_arguments(trainer, "/no/such")]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=START_S, check=False)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        print(f"{self.now:6.0f} s  a second start: {done.returncode}, {lines[-1:]}", flush=True)
        return {"at_s": self.now, "status": done.returncode, "lines": len(lines), "said": lines[-1] if lines else ""}

    def stop(self) -> dict[str, int | None]:
        """SIGTERM to all but the broker, then to it; their exit statuses."""
        self._closing.set()
        self._thread.join()
        nodes = self.supervisor.nodes
        for name, node in nodes.items():
            if name != "broker":
                node.process.terminate()
        for name, node in nodes.items():
            if name != "broker":
                node.process.wait(90.0)
        self.supervisor.stop()
        return {name: node.process.returncode for name, node in nodes.items()}


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
    return " | ".join(lines)[-500:]
