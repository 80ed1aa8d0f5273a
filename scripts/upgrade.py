"""`make upgrade`: workers and a trainer of the last version and of this one share one broker and one run, and no sample is lost or doubled.

The last version is taken from git into a worktree with a virtual environment of its own. Its nodes are then replaced one after another, as
an operator would, while samples of both versions are sent; the account at the end is by the run's ledger. Exit code 1: it is not exact.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from streams.kafka.broker import EmbeddedBroker
from streams.kafka.child_process import ChildProcess
from streams.kafka.settings import KafkaSettings

ROOT = Path(__file__).resolve().parent.parent
LAST = os.environ.get("LAST_VERSION") or "07ebdcc"
"""Commit of the last version: the last with messages 1.0."""
PATIENCE_S = 300.0
SAMPLES = 40
"""Sent in each stage."""
WORKERS = ("curriculum", "augmenter", "feedback")
ROWS: dict[str, Callable[[str], dict[str, object]]] = {
    "last": lambda name: {"sample_id": name, "prompt": f"what is {name}?", "answer": "it is."},
    "this": lambda name: {
        "sample_id": name,
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "yes?"},
            {"role": "user", "content": f"what is {name}?"},
            {"role": "assistant", "content": "it is."},
        ],
    },
}
"""What each version's producer sends; conversations are new with messages 1.1, so no worker of the last version may be left for them."""


class Upgrade:
    """The processes of both versions in one folder."""

    def __init__(self, folder: Path, last: Path, settings: KafkaSettings) -> None:
        self.folder = folder
        self.homes = {"last": last, "this": ROOT}
        self.settings = settings
        self.model = folder / "tiny"
        self.nodes: dict[tuple[str, str], ChildProcess] = {}
        self.sent: list[str] = []

    def _command(self, version: str, *arguments: str) -> list[str]:
        return [str(self.homes[version] / ".venv" / "bin" / "python"), "-m", "cli.main", *arguments]

    def start(self, version: str, *names: str) -> None:
        """Start nodes of a version."""
        for name in names:
            arguments = self._train() if name == "trainer" else ["worker", name]
            log = self.folder / f"{name}-{version}.log"
            self.nodes[name, version] = ChildProcess(self._command(version, *arguments), log, cwd=self.homes[version])
            print(f"started {name} of the {version} version", flush=True)

    def _train(self) -> list[str]:
        where = ["--model", str(self.model), "--run-id", "upgraded", "--run-dir", str(self.folder / "run")]
        return ["train", *where, "--trainer", "sft", "--batch-size", "8", "--linger-s", "0.5", "--checkpoint-steps", "1", "--bits", "32"]

    def stop(self, version: str, *names: str) -> None:
        """Stop nodes of a version, in order."""
        for name in names:
            process = self.nodes.pop((name, version))
            process.terminate()
            if not process.wait(PATIENCE_S) or process.returncode:
                raise SystemExit(f"{name} of the {version} version ended with {process.returncode}: {self._log(name, version)}")
            print(f"stopped {name} of the {version} version", flush=True)

    def send(self, version: str, kind: str | None = None) -> None:
        """Send samples with a version's own producer, and wait until the run has trained them all."""
        names = [f"{len(self.sent) + number}-{version}" for number in range(SAMPLES)]
        rows = self.folder / "rows.jsonl"
        rows.write_text("".join(json.dumps(ROWS[kind or version](name)) + "\n" for name in names), encoding="utf-8")
        subprocess.run(self._command(version, "produce", str(rows)), cwd=self.homes[version], check=True, capture_output=True)
        self.sent += names
        deadline = time.monotonic() + PATIENCE_S
        while missing := set(self.sent) - set(self.trained()):
            for (name, its), process in self.nodes.items():
                if not process.alive():
                    raise SystemExit(f"{name} of the {its} version ended by itself: {self._log(name, its)}")
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(missing)} samples were not trained: {sorted(missing)[:5]}; the logs are in {self.folder}")
            time.sleep(1.0)
        print(f"{SAMPLES} samples of the {version} version's producer are trained", flush=True)

    def trained(self) -> list[str]:
        """Ids that the newest checkpoint was trained on, with repeats."""
        from scripts.soak.account import ledger_rows
        from trainer_node.commit.ledger import Outcome

        rows = ledger_rows(self.folder / "run") if (self.folder / "run" / "checkpoints").is_dir() else []
        return [row.sample_id for row in rows if row.outcome is Outcome.TRAINED]

    def _log(self, name: str, version: str) -> str:
        return (self.folder / f"{name}-{version}.log").read_text(encoding="utf-8", errors="replace")[-1500:]

    def run(self) -> None:
        """Replace one node after another; the broker, and what is on it, stay."""
        last, this = "last", "this"
        code = f"from pathlib import Path; from tests.models.tiny import build; build(Path({str(self.model)!r}))"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(self._command(last, "topics", "create"), cwd=self.homes[last], check=True)
        self.start(last, *WORKERS, "trainer")
        self.send(last)
        self.start(this, "curriculum")  # the two share the partitions of `samples`
        self.send(last)
        self.send(this, kind=last)
        self.stop(last, *WORKERS)
        self.start(this, "augmenter", "feedback")
        self.send(last)  # this version's workers, the last one's trainer
        subprocess.run(self._command(this, "topics", "create"), cwd=ROOT, check=True)
        self.stop(last, "trainer")
        self.start(this, "trainer")  # goes on from the last version's checkpoint
        self.send(last)
        self.send(this)
        self.stop(this, *WORKERS, "trainer")


def main() -> int:
    """Make the last version, go through the upgrade, count."""
    from tests.faults.runs import ALL_THERE_ONCE, account

    with tempfile.TemporaryDirectory(prefix="pelton-upgrade-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        last = folder / "last"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(last), LAST], check=True)
        stack.callback(subprocess.run, [*git, "remove", "--force", str(last)], check=False)
        subprocess.run(["make", "setup"], cwd=last, check=True)
        broker = EmbeddedBroker(folder / "broker")
        broker.start()
        stack.callback(broker.stop)
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        os.environ.update(settings.to_environ() | {"OMP_NUM_THREADS": "1"})
        upgrade = Upgrade(folder, last, settings)
        try:
            upgrade.run()
        finally:
            for process in upgrade.nodes.values():
                process.kill()
        counted = account(upgrade.trained(), upgrade.sent)
        print(f"{len(upgrade.sent)} samples sent from {LAST} to this version: {counted}")
        return 0 if counted == ALL_THERE_ONCE else 1


if __name__ == "__main__":
    sys.exit(main())
