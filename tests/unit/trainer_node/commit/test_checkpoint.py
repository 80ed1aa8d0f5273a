"""The commit: a checkpoint is there whole or not at all, and what is refused is named."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest

from schemas.errors import CheckpointError, Fenced
from schemas.training_sample import Objective
from trainer_node.commit.fencing import Fence
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.manifest import MANIFEST, RunState, checkpoints, verify
from trainer_node.commit.old_formats import FORMAT
from trainer_node.commit.state import EarlyStoppingState, FeedState
from trainer_node.commit.store import CheckpointStore

FILES = (
    "adapter_model.safetensors",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "ref/adapter_model.safetensors",
)
V1 = Path(__file__).parents[3] / "data" / "checkpoint-v1"


MADE: list[Writer] = []


class Writer:
    """A store with made-up weights; each commit has one ledger row more."""

    def __init__(self, run_dir: Path) -> None:
        self.fence = Fence(run_dir)
        self.journal = Journal(run_dir / "journal", self.fence.epoch)
        self.ledger = Ledger(run_dir / "ledger")
        self.store = CheckpointStore(run_dir, self.fence, self.journal, self.ledger)
        self.step = self.serial = 0
        self.published: list[str] = []
        MADE.append(self)

    def resume(self):
        self.store.clean()
        found, refused = self.store.newest()
        if found:
            self.step, self.serial = found.manifest.step, found.manifest.serial
            self.ledger.segments = list(found.manifest.segments)
        self.fence.resumed_from(*((found.manifest.epoch, found.manifest.serial) if found else (0, 0)))
        self.journal.take_over(found.manifest.name if found else "start")
        return found, refused

    def commit(self, step: int, write=None, measure: str = "val_loss", **metrics: float):
        self.step, self.serial = step, self.serial + 1
        self.ledger.add(LedgerRow("t", 0, step, f"s{step}", Outcome.TRAINED, 1, step))
        feed = FeedState(objective=Objective.SFT, step=step, early_stopping=EarlyStoppingState(measure=measure))
        state = RunState(run_id="r", step=step, serial=self.serial, config_hash="h", base_model="m", metrics=metrics, feed=feed)
        return self.store.commit(lambda: state, write or self.write, lambda: None, lambda found: self.published.append(found.path.name))

    def write(self, folder: Path) -> None:
        for name in FILES:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(f"{name} of step {self.step}".encode())


@pytest.fixture
def writer(tmp_path):
    made = Writer(tmp_path)
    made.resume()
    yield made
    while MADE:
        MADE.pop().journal.close()


def test_the_newest_whole_checkpoint_is_resumed_from_with_its_ledger(writer, tmp_path):
    for step in (5, 10):
        writer.commit(step)
    found, refused = Writer(tmp_path).resume()
    assert (found.manifest.step, found.manifest.epoch, refused) == (10, 1, [])
    assert [row.offset for row in Ledger(tmp_path / "ledger", found.manifest.segments).rows()] == [5, 10]


@pytest.mark.parametrize("name", [*FILES, MANIFEST, "segment"])
@pytest.mark.parametrize("harm", ["cut", "delete", "flip"])
def test_a_torn_checkpoint_is_refused_with_its_reason_and_the_one_before_is_taken(writer, tmp_path, name, harm):
    writer.commit(5)
    torn = writer.commit(10)
    path = tmp_path / "ledger" / torn.manifest.segments[-1].name if name == "segment" else torn.path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.unlink()
    if harm != "delete":
        path.write_bytes(content if harm == "flip" else content[: len(content) // 2])
    found, refused = Writer(tmp_path).resume()
    assert found.manifest.step == 5
    assert refused[0][0] == torn.path.name
    assert refused[0][1]


def test_when_all_are_torn_the_run_does_not_begin_anew_by_itself(writer, tmp_path):
    torn = writer.commit(5)
    (torn.path / "optimizer.pt").unlink()
    with pytest.raises(CheckpointError, match=r"optimizer\.pt is missing"):
        Writer(tmp_path).resume()


@pytest.mark.parametrize("missing", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"])
def test_a_checkpoint_without_what_a_resume_needs_is_refused_even_if_its_manifest_agrees(writer, missing):
    def write(folder: Path) -> None:
        writer.write(folder)
        (folder / missing).unlink()

    with pytest.raises(CheckpointError, match="the manifest names no"):
        writer.commit(5, write)


@pytest.mark.parametrize("step", range(1, 10))
def test_an_error_at_any_step_of_the_protocol_leaves_a_checkpoint_to_go_on_from(writer, tmp_path, step):
    writer.commit(5)

    def stop(number: int) -> None:
        if number == step:
            raise KeyboardInterrupt

    writer.store.on_step = stop
    with pytest.raises(KeyboardInterrupt):
        writer.commit(10)
    found, refused = Writer(tmp_path).resume()
    assert found.manifest.step == (5 if step < 6 else 10)
    assert refused == []


def test_a_full_disk_is_told_in_one_line_and_leaves_the_previous_one(writer, tmp_path):
    writer.commit(5)

    def write(folder: Path) -> None:
        writer.write(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CheckpointError, match=r"No space left on device.*the previous one is untouched"):
        writer.commit(10, write)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [checkpoints(tmp_path)[-1].path.name]
    assert Writer(tmp_path).resume()[0].manifest.step == 5


def test_two_whole_ones_and_the_best_are_kept_with_their_segments_and_no_more(writer, tmp_path):
    for step, value in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 2.5), (5, 2.2)):
        writer.commit(step, val_metric=value)
    assert [found.manifest.step for found in checkpoints(tmp_path)] == [2, 4, 5]
    named = {segment.name for found in checkpoints(tmp_path) for segment in found.manifest.segments}
    assert {path.name for path in (tmp_path / "ledger").iterdir()} == named


def test_the_best_by_accuracy_is_the_highest_and_never_one_of_another_measure(writer, tmp_path):
    writer.commit(1, val_metric=7.0)
    for step, value in ((2, 0.5), (3, 0.9), (4, 0.7), (5, 0.8), (6, 0.6)):
        writer.commit(step, measure="val_accuracy", val_metric=value)
    assert [found.manifest.step for found in checkpoints(tmp_path)] == [3, 5, 6]


def test_a_torn_one_does_not_count_among_those_kept(writer, tmp_path):
    for step in (1, 2, 3):
        writer.commit(step)
    newest = checkpoints(tmp_path)[-1]
    (newest.path / "optimizer.pt").write_bytes(b"x" * (newest.path / "optimizer.pt").stat().st_size)
    again = Writer(tmp_path)
    assert again.resume()[0].manifest.step == 2
    again.commit(4)
    assert {2, 4} <= {found.manifest.step for found in checkpoints(tmp_path)}


def test_a_zombie_writes_nothing_more_and_what_it_wrote_late_is_never_chosen(writer, tmp_path):
    writer.commit(5)
    successor = Writer(tmp_path)
    successor.resume()
    with pytest.raises(Fenced):
        writer.commit(10)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["e000001-s00000005-c000001"], "nothing has appeared"
    writer.fence.check = lambda: None  # it was paused between its check and its rename
    late = writer.commit(15)
    found, refused = Writer(tmp_path).resume()
    assert found.manifest.step == 5
    assert "fenced trainer" in dict(refused)[late.path.name]
    assert late.path.name not in [found.path.name for found in checkpoints(tmp_path)]


def test_a_zombie_deletes_nothing_that_its_successor_needs(writer, tmp_path):
    for step in (1, 2):
        writer.commit(step)
    successor = Writer(tmp_path)
    successor.resume()
    unnamed = successor.ledger
    unnamed.add(LedgerRow("t", 0, 9, "s9", Outcome.TRAINED, 1, 9))
    unnamed.seal()  # written, and not yet in a manifest
    writer.fence.check = lambda: None
    writer.commit(3)
    assert all((tmp_path / "ledger" / segment.name).exists() for segment in unnamed.segments)


def test_what_a_killed_writer_left_half_written_is_removed(writer, tmp_path):
    writer.commit(5)
    half = tmp_path / "checkpoints" / ".staging-e000001-s00000010-c000002-7"
    half.mkdir()
    (tmp_path / "ledger" / "segment-orphan.parquet").touch()
    Writer(tmp_path).resume()
    assert not half.exists()
    assert not (tmp_path / "ledger" / "segment-orphan.parquet").exists()
    assert len(checkpoints(tmp_path)) == 1


def test_a_newer_format_is_refused_by_name(writer):
    found = writer.commit(5)
    document = json.loads((found.path / MANIFEST).read_text())
    (found.path / MANIFEST).write_text(json.dumps(document | {"format": FORMAT + 1}))
    with pytest.raises(CheckpointError, match=f"format {FORMAT + 1}"):
        verify(found.path)


def test_a_checkpoint_of_format_1_is_read(tmp_path):
    shutil.copytree(V1, tmp_path / "run")
    (found,) = checkpoints(tmp_path / "run")
    assert found.manifest.format == 1
    assert found.manifest.feed.objective is Objective.PREFERENCE
    assert found.manifest.feed.repeats.dead_lettered == {"pelton.curriculum.sft.1:0": ((7, 8),)}
    rows = list(Ledger(tmp_path / "run" / "ledger", found.manifest.segments).rows())
    assert len(rows) == 79
    assert {row.outcome for row in rows} >= {Outcome.TRAINED, Outcome.DUPLICATE, Outcome.VALIDATION}
