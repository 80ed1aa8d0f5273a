"""A run and its broker, backed up as docs/operations.md says and restored elsewhere, go on: each sample is trained once."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from streams.kafka.admin import create_topics
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.settings import KafkaSettings
from tests.faults.runs import ALL_THERE_ONCE, Run, account, produce

ROOT = Path(__file__).parents[2]
TAR = re.compile(r"^tar .*$", re.MULTILINE)


def commands() -> tuple[str, str]:
    """The commands that back up and restore, as the page has them."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    backup, restore = TAR.findall(page[page.index("## Backup and restore") :])
    return backup, restore


def blocks(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def test_a_killed_run_and_its_broker_are_restored_elsewhere_from_a_small_archive_and_go_on_exactly(tmp_path, tiny_model):
    backup, restore = commands()
    here, there = tmp_path / "runs", tmp_path / "elsewhere"
    here.mkdir()
    broker = EmbeddedBroker(here / "broker")
    broker.start()
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    create_topics(settings, settings.topics).raise_if_wrong()
    first = produce(settings, 200)
    run = Run(settings, here, tiny_model)
    child = run.start(("batch", 5))
    child.wait_for("waiting")
    child.kill()
    broker.kill()  # the index files of what is killed stay as large as they were laid out, and sparse
    run.close()
    subprocess.run(backup, shell=True, cwd=tmp_path, check=True)
    shutil.rmtree(here)
    there.mkdir()
    (archive,) = tmp_path.glob("*.tar.gz")
    assert archive.stat().st_size < 2_000_000
    subprocess.run(restore.replace(archive.name, str(archive)), shell=True, cwd=there, check=True)
    assert blocks(there) < 10_000_000, "a copy that fills the gaps of sparse files takes hundreds of megabytes"
    moved = EmbeddedBroker(there / "runs" / "broker")
    moved.start()
    try:
        restored = KafkaSettings(bootstrap_servers=moved.bootstrap_servers)
        second = produce(restored, 100, first=1000)
        again = Run(restored, there / "runs", tiny_model)
        again.finish()
        again.close()
        assert account(again.trained(), first + second) == ALL_THERE_ONCE
    finally:
        moved.stop()
