"""Runs that are killed and go on, and what they must end with: nothing missing, nothing twice, the same weights."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.manifest import Checkpoint, checkpoints

PATIENCE = 180.0
"""Seconds after which a test gives up; no promise about speed."""

HEAVY = pytest.mark.skipif("PELTON_TEST_HEAVY" not in os.environ, reason="by `make test-faults-heavy`")
"""Of tests that take too long for `make test`."""

CONFIG: dict[str, Any] = {
    "lora_r": 2,
    "lr": 1e-2,
    "batch_size": 32,
    "linger_s": 0.2,
    "checkpoint_steps": 4,
    "pace_steps": 3,
    "max_seq": 64,
    "bits": 32,
    "trainer": "sft",
}


class Child:
    """One incarnation of a run, in a process of its own."""

    def __init__(self, process: Any, pipe: Any, log: Path) -> None:
        self.process = process
        self.pipe = pipe
        self.log_path = log
        self.events: list[tuple[str, int, Any]] = []

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def batches(self) -> list[tuple[int, Any]]:
        """Step and (pass, objective, sample ids) of each batch, as far as they were told."""
        return [(number, detail) for kind, number, detail in self.events if kind == "batch"]

    def listen(self, until: Callable[[tuple[str, int, Any]], bool] | None = None) -> tuple[str, int, Any] | None:
        """Take events until one fits (or the process has ended); returns that one."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if not self.pipe.poll(0.2):
                    continue
                event = self.pipe.recv()
            except (EOFError, ConnectionResetError):
                return None
            self.events.append(event)
            if until and until(event):
                return event
        raise AssertionError(f"nothing came in {PATIENCE:.0f} s:\n{self.log[-4000:]}")

    def wait_for(self, kind: str, number: int | None = None) -> tuple[str, int, Any]:
        """Take events until this one comes."""
        event = self.listen(lambda event: event[0] == kind and number in (None, event[1]))
        assert event is not None, f"it ended before {kind} {number}:\n{self.log[-4000:]}"
        return event

    def go_on(self) -> None:
        """Let it pass the point it waits at."""
        self.pipe.send("go on")

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL, from outside."""
        self.signal(signal.SIGKILL)
        self.listen()
        self.process.join(PATIENCE)
        assert self.process.exitcode == -signal.SIGKILL

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        self.listen()
        self.process.join(PATIENCE)
        return int(self.process.exitcode)

    def succeed(self) -> Child:
        """Wait for its good end."""
        status = self.wait()
        assert status == 0, f"it ended with {status}:\n{self.log[-6000:]}"
        return self


class Run:
    """A run directory and the incarnations that work in it."""

    def __init__(self, settings: KafkaSettings, folder: Path, model: Path, name: str = "run", **config: Any) -> None:
        self.settings = settings
        self.name = name
        self.folder = folder / name
        self.logs = folder
        self.config = CONFIG | {"model": str(model)} | config
        self.children: list[Child] = []

    def start(self, *stop_at: tuple[str, int], **orders: Any) -> Child:
        """The next incarnation."""
        from tests.faults.child import Orders, train

        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.faults.child"])
        ours, theirs = context.Pipe()
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{self.name}-{len(self.children)}.log"
        log.touch()
        made = Orders(
            kafka=self.settings.to_environ(),
            config=self.config | orders.pop("config", {}),
            run_id=self.name,
            run_dir=str(self.folder),
            log=str(log),
            stop_at=stop_at,
            **orders,
        )
        process = context.Process(target=train, args=(theirs, made), daemon=True)
        process.start()
        theirs.close()
        self.children.append(Child(process, ours, log))
        return self.children[-1]

    def finish(self, **orders: Any) -> Child:
        """An incarnation that goes on to the end."""
        return self.start(**orders).succeed()

    def close(self) -> None:
        for child in self.children:
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.pipe.close()
            child.process.close()

    # --- what it ended with --------------------------------------------------------------------------------------------------

    @property
    def newest(self) -> Checkpoint:
        return checkpoints(self.folder)[-1]

    def rows(self) -> list[LedgerRow]:
        """The ledger of the surviving checkpoint."""
        return list(Ledger(self.folder / "ledger", self.newest.manifest.segments).rows())

    def trained(self, pass_number: int = 1, objective: str = "sft") -> list[str]:
        return [
            row.sample_id
            for row in self.rows()
            if row.outcome is Outcome.TRAINED and row.pass_number == pass_number and f".{objective}." in row.topic
        ]

    def bands_in_order(self) -> list[int]:
        """The band of each sample of the first pass of SFT, in the order of the steps, easiest first within one."""
        rows = [row for row in self.rows() if row.outcome is Outcome.TRAINED and row.pass_number == 1 and ".sft." in row.topic]
        return [band for _, band in sorted((row.step, int(row.topic[-1])) for row in rows)]

    def weights(self, name: str = "adapter_model.safetensors") -> dict[str, Any]:
        return load_file(self.newest.path / name)


def account(trained: Iterable[str], produced: Iterable[str]) -> dict[str, int]:
    """How many of the samples produced are missing, are there twice, or were never produced."""
    counts = Counter(trained)
    wanted = set(produced)
    return {
        "missing": len(wanted - set(counts)),
        "duplicates": sum(count - 1 for count in counts.values()),
        "foreign": len(set(counts) - wanted),
    }


ALL_THERE_ONCE = {"missing": 0, "duplicates": 0, "foreign": 0}


def same_weights(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Bit for bit."""
    return one.keys() == other.keys() and all((one[name].view(-1) == other[name].view(-1)).all() for name in one)


def sample(number: int, objective: Objective = Objective.SFT, band: int = 0, sample_id: str | None = None, **more: Any) -> TrainingSample:
    """A sample as the curriculum would send it."""
    answer = {"completion": f"a{number}"} if objective is Objective.SFT else {"chosen": f"a{number}", "rejected": "no"}
    return TrainingSample(
        sample_id=sample_id or f"{objective.value[0]}{number}",
        objective=objective,
        task=Task.QA if objective is Objective.SFT else Task.PREFERENCE,
        band=band,
        split=more.pop("split", Split.TRAIN),
        prompt=(Turn(role="user", content=f"what is {number}?"),),
        **(answer | more),
    )


def produce(settings: KafkaSettings, count: int, objective: Objective = Objective.SFT, first: int = 0) -> list[str]:
    """Samples over all bands, straight to the band topics; their ids."""
    made = [sample(number, objective, (number * 7) % BANDS) for number in range(first, first + count)]
    with Producer(settings) as producer:
        for one in made:
            producer.send(settings.topics.band(objective, one.band), one.sample_id, one)
    return [one.sample_id for one in made]
