"""A broker whose disk is full, and then free again: nothing is lost or doubled, and who produces is told. Of `make test-faults-heavy`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.kafka.admin import create_topics
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, HEAVY, PATIENCE, Run, account
from tests.integration.worker_process import REPOSITORY, WorkerProcess, eventually

pytestmark = HEAVY

FEW, MANY = 200, 2000


@pytest.fixture
def small_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Its folder is a file system of 64 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    broker = EmbeddedBroker(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        subprocess.run(["umount", "-l", str(folder)], check=True)


def rows(path: Path, first: int, count: int, size: int) -> list[str]:
    """A file of samples; their ids."""
    ids = [f"q{number}" for number in range(first, first + count)]
    path.write_text("".join(json.dumps({"sample_id": one, "prompt": f"what is {one}?", "completion": "a" * size}) + "\n" for one in ids))
    return ids


def fill(disk: Path, left: int) -> Path:
    """A file that leaves so many bytes of a disk."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(b"x" * (room.f_bavail * room.f_frsize - left))
    return filler


def produce(settings: KafkaSettings, path: Path) -> subprocess.Popen[str]:
    environ = {**os.environ, **settings.to_environ(), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "cli.main", "produce", str(path)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("soon", [True, False], ids=["while-produce-waits", "after-produce-gave-up"])
def test_a_brokers_disk_that_is_full_and_freed_again_loses_and_doubles_no_sample_and_produce_says_in_a_line_what_it_waits_for(
    small_broker, tmp_path, tiny_model, soon
):
    settings = KafkaSettings(bootstrap_servers=small_broker.bootstrap_servers)
    create_topics(settings, settings.topics).raise_if_wrong()
    ids = rows(tmp_path / "few.jsonl", 0, FEW, 20)
    run = Run(settings, tmp_path, tiny_model, batch_size=50, max_seq=64, too_long="truncate")
    with WorkerProcess("curriculum", settings, tmp_path) as worker, contextlib.closing(run):
        worker.ready()
        assert "sent 200 samples" in produce(settings, tmp_path / "few.jsonl").communicate(timeout=PATIENCE)[0]
        child = run.start(until_consumed=False)
        child.wait_for("batch", 2)
        more = tmp_path / "more.jsonl"
        ids += rows(more, FEW, MANY, 2000)
        filler = fill(small_broker.data_dir, 2_000_000)
        sending = produce(settings, more)
        eventually(lambda: not small_broker.alive(), "that Kafka ends where it cannot write")
        if not soon:
            eventually(lambda: sending.poll(), "that produce gives up", 2 * PATIENCE)
        filler.unlink()
        small_broker.stop()
        small_broker.start()
        _, told = sending.communicate(timeout=PATIENCE)
        assert f"the broker at {settings.bootstrap_servers} has acknowledged nothing for 5 s" in told
        assert "Traceback" not in told
        assert len(told.strip().splitlines()) == (1 if soon else 2), told
        if not soon:
            assert "not acknowledged" in told
            assert "sending the same files again is safe" in told
            assert "sent 2000 samples" in produce(settings, more).communicate(timeout=PATIENCE)[0]
        eventually(lambda: len(run.trained()) >= len(ids), "that all is trained", PATIENCE)
        child.signal(15)
        child.succeed()
        assert worker.stop() == 0
    assert account(run.trained(), ids) == ALL_THERE_ONCE
    assert "Traceback" not in child.log
    assert "Traceback" not in worker.stderr
