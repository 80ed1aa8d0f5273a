"""The commit: a checkpoint is there whole or not at all, and what is refused is named."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import CheckpointError, Fenced
from schemas.training_sample import Objective
from trainer_node.commit.fencing import Fence
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome
from trainer_node.commit.manifest import (
    MANIFEST,
    Checkpoint,
    Manifest,
    RunState,
    checkpoints,
    directories,
    named_segments,
    read_manifest,
    verify,
)
from trainer_node.commit.old_formats import FORMAT
from trainer_node.commit.state import EarlyStoppingState, FeedState, ObjectiveState
from trainer_node.commit.store import CheckpointStore, best_of

FILES = (
    "adapter_model.safetensors",
    "objectives/sft/optimizer.pt",
    "objectives/sft/scheduler.pt",
    "rng_state.pth",
    "objectives/sft/trainer_state.json",
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
        self.on_publish: Callable[[Checkpoint], None] = lambda found: None
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
        early = EarlyStoppingState(measure=measure, last=metrics.get("val_metric"))
        feed = FeedState(objective=Objective.SFT, step=step, objectives={Objective.SFT: ObjectiveState(early_stopping=early)})
        state = RunState(
            run_id="r", step=step, serial=self.serial, config_hash="h", base_model="m", metrics=metrics, feed=feed,
            trainers={Objective.SFT: "sft"},
        )  # fmt: skip
        return self.store.commit(lambda: state, write or self.write, lambda: None, self.on_publish)

    def write(self, folder: Path) -> None:
        for name in FILES:
            (folder / name).parent.mkdir(exist_ok=True, parents=True)
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
    (torn.path / "objectives/sft/optimizer.pt").unlink()
    with pytest.raises(CheckpointError, match=r"optimizer\.pt is missing"):
        Writer(tmp_path).resume()


@pytest.mark.parametrize("missing", [*FILES[1:5]])
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


def test_others_hear_of_a_checkpoint_once_it_is_on_the_disk_and_old_ones_go_only_then(writer, tmp_path, disk):
    for step in (1, 2):
        writer.commit(step)
    disk.events.clear()
    writer.on_publish = lambda found: disk.events.append(("published", found.path.name))
    made = writer.commit(3)
    oldest = "e000001-s00000001-c000001"
    ledger = next(event for event in disk.events if event[0] == "rename" and event[-1] == made.manifest.segments[-1].name)
    staging = next(event for event in disk.events if event[0] == "rename" and event[-1] == made.path.name)
    for files in (*(("sync", Path(name).name) for name in FILES), ("sync", "ref"), ("sync", "ledger")):
        assert disk.at(*files) < disk.at("sync", MANIFEST)
    order = [
        ("sync", ledger[1]),
        ledger,
        ("sync", "ledger"),
        ("sync", MANIFEST),
        ("sync", staging[1]),
        staging,
        ("sync", "checkpoints"),
        ("sync", f"after-{made.path.name}.e000001.staging"),  # the next batches have a journal
        ("published", made.path.name),
        ("rename", oldest, f".staging-{oldest}-gone"),
        ("delete", f".staging-{oldest}-gone"),
    ]
    assert [event for event in disk.events if event in order] == order
    assert disk.synced[MANIFEST] == (made.path / MANIFEST).read_bytes()


def test_the_steps_of_the_protocol_come_in_their_order(writer, tmp_path):
    told: list[object] = []
    writer.store.on_step = told.append
    state = RunState(run_id="r", step=1, serial=1, config_hash="h", base_model="m", feed=FeedState(objective=Objective.SFT))
    writer.store.commit(
        lambda: told.append("describe") or state,
        lambda folder: told.append("write") or writer.write(folder),
        lambda: told.append("flush"),
        lambda found: told.append("publish"),
    )
    assert told == [1, "flush", "describe", 2, "write", 3, 4, 5, 6, 7, "publish", 8, 9]


def test_each_commit_says_how_long_it_took(writer):
    before = time.monotonic()
    for step in (1, 2):
        writer.commit(step)
    assert len(writer.store.seconds) == 2
    assert 0 < sum(writer.store.seconds) <= time.monotonic() - before


def test_a_checkpoint_says_all_that_the_run_knew_of_itself(writer, tmp_path):
    parent = {"run_id": "p", "checkpoint": "c", "sha256": "0"}
    feed = FeedState(objective=Objective.SFT, step=4)
    state = RunState(
        run_id="r", step=4, serial=2, config_hash="h", parent=parent, base_model="m", feed=feed, metrics={"training_loss": 1.5}
    )
    before = time.time()
    made = writer.store.commit(lambda: state, writer.write, lambda: None, lambda found: None)
    (read,) = checkpoints(tmp_path)
    assert read == made
    assert {name: getattr(read.manifest, name) for name in RunState.model_fields} == {
        name: getattr(state, name) for name in RunState.model_fields
    }
    assert (read.manifest.format, read.manifest.name, read.manifest.epoch) == (FORMAT, "e000001-s00000004-c000002", 1)
    assert before <= read.manifest.created_at <= time.time()
    assert read.manifest.order == (1, 4, 2)
    assert read.run_dir == tmp_path
    assert read.sha256 == hashlib.sha256((read.path / MANIFEST).read_bytes()).hexdigest()
    assert set(read.manifest.files) == set(FILES)
    for name, entry in read.manifest.files.items():
        content = (read.path / name).read_bytes()
        assert (entry.size, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_run_without_a_parent_or_measures_says_so():
    state = RunState(run_id="r", step=4, serial=2, config_hash="h", base_model="m", feed=FeedState(objective=Objective.SFT))
    assert (state.parent, state.metrics) == ({}, {})


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.EROFS, "let this user read and write there"), (errno.ENOTSUP, "on a local disk"), (errno.EIO, "see to the disk")],
)
def test_the_remedy_is_that_of_what_went_wrong(writer, number, remedy):
    def write(folder: Path) -> None:
        raise OSError(number, "no")

    with pytest.raises(CheckpointError, match=remedy):
        writer.commit(5, write)


def test_what_cannot_be_read_back_does_not_become_the_newest_checkpoint(writer, tmp_path, monkeypatch):
    writer.commit(5)
    monkeypatch.setattr(Manifest, "sealed", lambda self: self.model_dump_json())  # without its checksum
    with pytest.raises(CheckpointError):
        writer.commit(10)
    assert [checkpoint.manifest.step for checkpoint in checkpoints(tmp_path)] == [5]
    assert not list((tmp_path / "checkpoints").glob(".staging*"))


def test_a_full_disk_is_told_in_one_line_and_leaves_the_previous_one(writer, tmp_path):
    writer.commit(5)

    def write(folder: Path) -> None:
        writer.write(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CheckpointError) as told:
        writer.commit(10, write)
    assert str(told.value) == (
        f"checkpoint e000001-s00000010-c000002 could not be written to {tmp_path / 'checkpoints'}: [Errno 28] No space left on device;"
        " the previous one is untouched and nothing is lost: make room, and start the run again"
    )
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [checkpoints(tmp_path)[-1].path.name]
    assert Writer(tmp_path).resume()[0].manifest.step == 5


def test_an_error_of_many_lines_is_told_in_one_of_bounded_length(writer):
    def write(folder: Path) -> None:
        raise ValueError("first\n  second " + "x" * 400)

    with pytest.raises(CheckpointError) as told:
        writer.commit(1, write)
    assert f": first second {'x' * 287}; the previous one" in str(told.value)
    assert isinstance(told.value.__cause__, ValueError)


def test_an_error_of_ours_is_told_as_it_is(writer):
    def write(folder: Path) -> None:
        raise CheckpointError("the adapter is gone")

    with pytest.raises(CheckpointError, match=r"^the adapter is gone$"):
        writer.commit(1, write)


def test_an_error_after_a_newer_incarnation_has_taken_over_is_told_as_that(writer, tmp_path):
    def write(folder: Path) -> None:
        Fence(tmp_path)
        raise OSError(errno.ENOENT, "the folder is gone")

    with pytest.raises(Fenced, match="epoch 2 has taken over"):
        writer.commit(1, write)


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


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_are_kept_as_was_asked_for(writer, tmp_path, keep):
    writer.store.keep = keep
    for step in range(1, 6):
        writer.commit(step)
    assert [found.manifest.step for found in checkpoints(tmp_path)] == [1, 2, 3, 4, 5][-keep:]
    assert len(list((tmp_path / "journal").iterdir())) == keep


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([], None),
        ([("val_loss", 2.0), ("val_loss", 1.0), ("val_loss", 1.0)], 1),
        ([("val_loss", math.nan)], None),
        ([(None, 2.0), ("val_loss", 3.0)], 0),  # format 1 knew the loss alone
        ([("val_accuracy", 0.9), ("val_loss", 3.0)], 1),
        ([("val_loss", 1.0), ("val_accuracy", 0.5), ("val_accuracy", 0.7)], 2),
    ],
)
def test_the_best_is_of_those_that_were_measured_as_the_newest_was(writer, values, best):
    plain = writer.commit(1)
    made = []
    for measure, value in values:
        early = EarlyStoppingState(measure=measure, last=value)
        feed = plain.manifest.feed.model_copy(update={"objectives": {Objective.SFT: ObjectiveState(early_stopping=early)}})
        made.append(replace(plain, path=plain.path / str(len(made)), manifest=plain.manifest.model_copy(update={"feed": feed})))
    assert best_of([plain, *made, plain]) == ([] if best is None else [made[best]])


def test_a_torn_one_does_not_count_among_those_kept(writer, tmp_path):
    for step in (1, 2, 3):
        writer.commit(step)
    newest = checkpoints(tmp_path)[-1]
    (newest.path / "objectives/sft/optimizer.pt").write_bytes(b"x" * (newest.path / "objectives/sft/optimizer.pt").stat().st_size)
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


def test_where_only_a_zombie_wrote_the_run_begins_anew_and_names_what_it_passed_over(writer, tmp_path):
    Writer(tmp_path).resume()
    writer.fence.check = lambda: None
    late = writer.commit(5)
    found, refused = Writer(tmp_path).resume()
    assert found is None
    assert refused == [(late.path.name, "written by a fenced trainer: epoch 2 had already gone on without it")]


def test_when_none_can_be_used_the_newest_is_named_with_its_reason_and_what_to_do(writer, tmp_path):
    made = [writer.commit(step) for step in (1, 2)]
    for each in made:
        (each.path / "objectives/sft/optimizer.pt").unlink()
    with pytest.raises(CheckpointError) as told:
        Writer(tmp_path).resume()
    assert str(told.value) == (
        f"no checkpoint in {tmp_path / 'checkpoints'} can be used (2 refused; {made[1].path.name}: optimizer.pt is missing);"
        " restore one, or name another --run-dir to begin anew"
    )


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.unlink(), "optimizer.pt is missing"),
        (lambda path: path.write_bytes(b"short"), "optimizer.pt has 5 bytes, not 37"),
        (lambda path: path.write_bytes(b"x" * 37), "optimizer.pt does not match its hash"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_a_shallow_look_does_not_read_it(writer, harm, says):
    made = writer.commit(1)
    harm(made.path / "objectives/sft/optimizer.pt")
    with pytest.raises(CheckpointError) as told:
        verify(made.path)
    assert str(told.value) == says
    if "hash" in says:
        assert verify(made.path, deep=False).manifest == made.manifest
    else:
        with pytest.raises(CheckpointError):
            verify(made.path, deep=False)


def test_a_shallow_look_does_not_read_the_ledger_either_but_wants_it_there(writer, tmp_path):
    made = writer.commit(1)
    segment = tmp_path / "ledger" / made.manifest.segments[0].name
    segment.write_bytes(b"x" * segment.stat().st_size)
    assert verify(made.path, deep=False)
    with pytest.raises(CheckpointError, match="does not match its hash"):
        verify(made.path)
    assert len(checkpoints(tmp_path, deep=False)) == 1
    assert checkpoints(tmp_path) == []
    segment.rename(tmp_path / segment.name)
    with pytest.raises(CheckpointError, match="is missing"):
        verify(made.path, deep=False)
    assert verify(made.path, ledger_folder=tmp_path, deep=False), "the ledger may stand elsewhere"


def without_checksum(document: dict) -> dict:
    return {name: value for name, value in document.items() if name != "checksum"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: {"format": 0}, "format 0; this Pelton reads up to format 4"),
        (lambda document: {"format": "2"}, "format '2'; this Pelton reads up to format 4"),
        (lambda document: {}, "format None; this Pelton reads up to format 4"),
        (lambda document: document | {"step": 6}, "the manifest does not match its own checksum"),
        (without_checksum, "the manifest does not match its own checksum"),
        (lambda document: without_checksum(document) | {"format": 1}, "the manifest cannot be read: 'pass'"),
        (lambda document: [1], "the manifest cannot be read: 'list' object has no attribute 'get'"),
    ],
)
def test_a_manifest_that_is_not_what_was_written_is_refused_in_one_line(writer, change, says):
    path = writer.commit(5).path
    document = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    (path / MANIFEST).write_text(json.dumps(change(document)), encoding="utf-8")
    with pytest.raises(CheckpointError) as told:
        read_manifest(path)
    assert str(told.value) == says


@pytest.mark.parametrize("feed", [1, {"objective": "sft", "step": "many"}])
def test_a_manifest_of_the_wrong_types_is_refused_in_one_line(writer, feed):
    path = writer.commit(5).path
    document = without_checksum(json.loads((path / MANIFEST).read_text(encoding="utf-8"))) | {"feed": feed}
    checksum = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    (path / MANIFEST).write_text(json.dumps(document | {"checksum": checksum}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"^the manifest cannot be read: 1 validation error for Manifest$"):
        read_manifest(path)


def test_without_a_manifest_there_is_no_checkpoint(writer):
    path = writer.commit(5).path
    (path / MANIFEST).unlink()
    with pytest.raises(CheckpointError, match=r"^no readable manifest: No such file or directory$"):
        read_manifest(path)


def test_folders_are_looked_for_where_there_are_some(writer, tmp_path):
    assert directories(tmp_path / "none") == []
    made = writer.commit(1)
    (made.path.parent / ".staging-x").mkdir()
    (made.path.parent / "a file").touch()
    assert directories(made.path.parent) == [made.path]


def test_segments_are_needed_by_a_torn_checkpoint_too_and_by_one_without_a_manifest_not(writer, tmp_path):
    made = [writer.commit(step) for step in (1, 2)]
    (made[0].path / "objectives/sft/optimizer.pt").unlink()
    (made[1].path / MANIFEST).unlink()
    assert named_segments(tmp_path / "checkpoints") == {segment.name for segment in made[0].manifest.segments}


def test_checkpoints_come_oldest_first_by_epoch_then_step_then_number(writer, tmp_path):
    writer.store.keep = 9
    for step in (2, 2, 11):
        writer.commit(step)
    successor = Writer(tmp_path)
    successor.store.keep = 9
    successor.resume()
    successor.commit(12)
    assert [found.manifest.order for found in checkpoints(tmp_path)] == [(1, 2, 1), (1, 2, 2), (1, 11, 3), (2, 12, 4)]
