"""Clocks that are set back by a day, and forward, while all nodes and the broker work: waits, order and dedup go by no clock.

A library that is preloaded shifts the time of day alone (`wrong_clock.c`); libfaketime would stop timed waits, too.
Of `make test-faults-heavy`.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from schemas.sample import Sample
from streams.kafka.admin import create_topics
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, HEAVY, PATIENCE, Run, account
from tests.integration.worker_process import REPOSITORY, WorkerProcess, eventually
from trainer_node.commit.manifest import checkpoints

pytestmark = HEAVY

DAY = 86_400
BATCH = 40
"""Samples sent under each time."""


class Clock:
    """The time of day of every process that was started under it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = folder / "clock"
        self.set(0)
        library = folder / "clock.so"
        source = Path(__file__).with_name("wrong_clock.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        patch.setenv("LD_PRELOAD", str(library))
        patch.setenv("TEST_CLOCK", str(self._file))

    def set(self, seconds: int) -> None:
        """Shift it by so many against the true one."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("l", seconds))

    def told_by(self, code: str) -> float:
        """What a new process says."""
        return float(
            subprocess.run([sys.executable, "-c", f"import time; print({code})"], capture_output=True, check=True, text=True).stdout
        )


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    if shutil.which("cc") is None or sys.platform != "linux":
        pytest.skip("needs a C compiler, and Linux, to shift a process's time of day")
    return Clock(tmp_path, monkeypatch)


@pytest.fixture
def own_broker(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedBroker]:
    """One whose clock is the test's."""
    broker = EmbeddedBroker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def train(run: Run, *flags: str) -> subprocess.Popen[bytes]:
    """A trainer that commits by time alone."""
    environ = {**os.environ, **run.settings.to_environ(), "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    words = {"--model": run.config["model"], "--run-id": run.name, "--run-dir": str(run.folder), "--lora-r": "2", "--bits": "32"}
    words |= {"--batch-size": "8", "--linger-s": "0.2", "--checkpoint-steps": "100000", "--checkpoint-every": "3s", "--rl": "off"}
    command = [sys.executable, "-m", "cli.main", "train", *(word for pair in words.items() for word in pair), *flags]
    with run.logs.joinpath("trainer.log").open("ab") as log:
        return subprocess.Popen(command, env=environ, stdout=log, stderr=log)


def send(settings: KafkaSettings, first: int, shift_s: int = 0) -> list[str]:
    """Samples whose records say that they were made so many seconds from now; their ids."""
    producer: Any = KafkaProducer(**settings.client_options())
    ids = [f"q{number}" for number in range(first, first + BATCH)]
    at = round((time.time() + shift_s) * 1000)
    for one in ids:
        sample = Sample(sample_id=one, prompt=f"what is {one}?", completion="it is")
        producer.send(settings.topics.samples.name, key=one.encode(), value=sample.encode(), timestamp_ms=at).get(timeout=60)
    producer.close()
    return ids


def trained(run: Run) -> int:
    """Samples in the newest checkpoint; it may go while it is read."""
    try:
        return len(run.trained()) if checkpoints(run.folder) else 0
    except FileNotFoundError:
        return 0


def until_trained(run: Run, count: int) -> None:
    eventually(lambda: trained(run) == count, f"training of {count}", PATIENCE)


def test_clocks_set_back_and_forward_by_a_day_stop_nothing_and_each_sample_is_trained_once(own_broker, clock, tmp_path, tiny_model):
    settings = KafkaSettings(bootstrap_servers=own_broker.bootstrap_servers)
    create_topics(settings, settings.topics).raise_if_wrong()
    run = Run(settings, tmp_path, tiny_model)
    ids: list[str] = []
    began = time.time()
    with WorkerProcess("curriculum", settings, tmp_path, "--hold-back-s", "10") as worker:
        worker.ready()
        trainer = train(run)
        try:
            for shift in (0, -DAY, DAY, -DAY, 0):
                clock.set(shift)
                assert clock.told_by("time.time()") == pytest.approx(time.time() + shift, abs=60)
                for of_record in (0, -DAY, DAY):
                    ids += send(settings, len(ids), of_record)
                if not ids[3 * BATCH :]:
                    clock.set(-DAY)  # while the first records are held back, and measured
                send(settings, 0)  # once more: they are known by their ids
                until_trained(run, len(ids))
                if shift == DAY:  # the next start is a day and more before the checkpoint that it goes on from
                    trainer.kill()
                    trainer.wait()
                    clock.set(-DAY)
                    trainer = train(run)
            trainer.send_signal(signal.SIGTERM)
            assert trainer.wait(PATIENCE) == 0
        finally:
            trainer.kill()
            trainer.wait()
        assert worker.stop() == 0
    assert account(run.trained(), ids) == ALL_THERE_ONCE
    assert run.newest.manifest.created_at == pytest.approx(began, abs=DAY / 2), "the newest is by step, not by the time that it says"
    assert "Traceback" not in run.logs.joinpath("trainer.log").read_text()
    assert "Traceback" not in worker.stderr
