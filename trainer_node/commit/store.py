"""The commit: weights, optimizer, random state, curriculum and stream position are one directory that appears by one rename.

`CheckpointStore.commit` is the protocol, its steps numbered as in docs/architecture.md. `newest` chooses what a run resumes from: the
newest checkpoint, by fencing epoch and then step, whose manifest verifies; what it refuses, it names with the reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import CheckpointError, Fenced, PeltonError
from trainer_node.commit.fencing import Fence, overtaken, sync_folder
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger, Segment, forget_segments, orphans
from trainer_node.commit.positions import ranges_by_partition
from trainer_node.run.monitor import LOSS, is_better

FORMAT = 2
"""Version of the directory's layout. A reader reads its own and all older ones (`_upgraded`)."""
START = "start"
"""What the journal calls the time before the first checkpoint."""
MANIFEST = "manifest.json"
REQUIRED = ("optimizer.pt", "scheduler.pt", "rng_state", "trainer_state.json")
"""How the names of files begin without which a resume would silently begin anew in part; a checkpoint that lacks one is refused."""


class Overtaken(CheckpointError):  # noqa: N818 - it names what happened
    """A checkpoint that is whole, but was written by a trainer that another had already replaced."""


class FileEntry(BaseModel):
    """One file as it was written."""

    model_config = ConfigDict(frozen=True)
    size: int
    sha256: str


class Manifest(BaseModel):
    """What a checkpoint says of itself; written last, so that its presence means the files are whole."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, extra="ignore")

    format: int = FORMAT
    """Layout version."""
    name: str
    """Directory name, `e<epoch>-s<step>-c<serial>`."""
    run_id: str
    """The run."""
    epoch: int
    """Fencing epoch of the writer."""
    step: int
    """Optimizer steps taken."""
    serial: int
    """Counts the run's checkpoints: several may stand at one step (the end of a pass, a change of objective)."""
    config_hash: str
    """Hash of the run's settings."""
    parent: dict[str, str] = {}
    """Of a run that began from another run's checkpoint: that run's id, the checkpoint's name and the hash of its manifest."""
    base_model: str
    """Model id or folder that the adapter belongs to."""
    feed: dict[str, Any]
    """Positions, pass, objective, dead-lettered places and pacing (`trainer_node.intake.feed.Feed.snapshot`)."""
    metrics: dict[str, float] = {}
    """training_loss, val_metric and others."""
    segments: list[dict[str, Any]] = []
    """Ledger segments that this checkpoint stands on."""
    files: dict[str, FileEntry]
    """Every file but this one."""
    created_at: float
    """Seconds since the epoch."""

    @property
    def order(self) -> tuple[int, int, int]:
        """Newest is greatest."""
        return self.epoch, self.step, self.serial

    def ledger_segments(self) -> list[Segment]:
        """The segments as objects."""
        return [Segment(**segment) for segment in self.segments]


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint."""

    path: Path
    manifest: Manifest
    sha256: str
    """Hash of the manifest, which holds the hash of everything else."""


@dataclass
class CheckpointStore:
    """The checkpoints of one run."""

    run_dir: Path
    fence: Fence
    journal: Journal
    ledger: Ledger
    keep: int = 2
    on_step: Callable[[int], None] = lambda number: None
    """Told of each numbered step of the protocol before it is taken; fault tests block in it and are killed there."""
    seconds: list[float] = field(default_factory=list)
    """Duration of each commit."""
    torn: set[str] = field(default_factory=set)
    """Names of directories that `newest` refused; they do not count as kept."""

    @property
    def folder(self) -> Path:
        """Where checkpoints stand."""
        return self.run_dir / "checkpoints"

    def commit(
        self,
        describe: Callable[[], dict[str, Any]],
        write_files: Callable[[Path], None],
        flush: Callable[[], None],
        announce: Callable[[Checkpoint], None],
    ) -> Checkpoint:
        """Make the state after an optimizer step durable. The caller stands between two steps: that is step 1 of the protocol.

        Args:
            describe: the manifest's fields that the run knows (run_id, step, config_hash, base_model, feed, metrics).
            write_files: writes weights, optimizer, scheduler and random state into a folder.
            flush: returns when every loss and dead letter sent so far is acknowledged.
            announce: commits group offsets and publishes on `models`.

        Raises:
            Fenced: a newer incarnation has taken over; nothing has appeared.
            CheckpointError: it could not be written (the disk is full, say); the previous one is untouched.
        """
        started = time.monotonic()
        self.on_step(1)  # stopped at an optimizer step; what the weights stand for is on the log
        flush()
        description = describe()
        name = f"e{self.fence.epoch:06d}-s{description['step']:08d}-c{description['serial']:06d}"
        staging = self.folder / f".staging-{name}-{os.getpid()}"
        try:
            self.on_step(2)  # write to a staging directory on the same filesystem, ledger segments beside it
            staging.mkdir(parents=True)
            write_files(staging)
            segments = [segment.document() for segment in self.ledger.seal()]
            self.on_step(3)  # every file reaches the disk
            files = {str(path.relative_to(staging)): _sync_file(path) for path in sorted(staging.rglob("*")) if path.is_file()}
            for folder in (self.ledger.folder, *(path for path in staging.rglob("*") if path.is_dir())):
                _sync_folder(folder)
            self.on_step(4)  # the manifest, with sizes and hashes, last
            manifest = Manifest(name=name, epoch=self.fence.epoch, files=files, segments=segments, created_at=time.time(), **description)
            (staging / MANIFEST).write_text(_sealed(manifest), encoding="utf-8")
            _sync_file(staging / MANIFEST)
            _sync_folder(staging)
            self.on_step(5)  # it appears by one rename, unless a newer incarnation has taken over
            self.fence.check()
            staging.rename(self.folder / name)
        except BaseException as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise self._explained(name, error) from error
        self.on_step(6)  # the rename itself reaches the disk
        _sync_folder(self.folder)
        self.journal.roll(name)
        checkpoint = verify(self.folder / name, self.ledger.folder, deep=False)
        self.on_step(7)  # only now the world hears of it: `models`, then group offsets
        announce(checkpoint)
        self.on_step(8)  # only now old ones go
        self.fence.check()
        self._forget_old()
        self.on_step(9)
        self.seconds.append(time.monotonic() - started)
        return checkpoint

    def _explained(self, name: str, error: BaseException) -> BaseException:
        """Why a commit failed, for a person. Weights are written by libraries that each have their own error for a full disk."""
        if isinstance(error, PeltonError) or not isinstance(error, Exception):
            return error
        try:
            self.fence.check()  # a newer incarnation has removed what this one was writing
        except Fenced as fenced:
            return fenced
        text = " ".join(str(error).split())[:300]
        return CheckpointError(
            f"checkpoint {name} could not be written to {self.folder}: {text}; the previous one is untouched and nothing is lost:"
            " make room and start the run again"
        )

    def newest(self) -> tuple[Checkpoint | None, list[tuple[str, str]]]:
        """What to resume from, and which directories were refused and why.

        Raises:
            CheckpointError: there are checkpoints, and all are torn: to begin anew is then the user's decision.
        """
        refused: list[tuple[str, str]] = []
        for path in sorted(directories(self.folder), key=lambda path: path.name, reverse=True):
            try:
                checkpoint = verify(path, self.ledger.folder)
                later = overtaken(self.fence.folder, checkpoint.manifest.epoch, checkpoint.manifest.serial)
                if later is not None:
                    raise Overtaken(f"written by a fenced trainer: epoch {later} had already gone on without it")
                return checkpoint, refused
            except CheckpointError as error:
                refused.append((path.name, str(error)))
                if not isinstance(error, Overtaken):
                    self.torn.add(path.name)
        if self.torn:
            name, why = next(entry for entry in refused if entry[0] in self.torn)
            raise CheckpointError(
                f"no checkpoint in {self.folder} can be used ({len(refused)} refused; {name}: {why});"
                " restore one, or name another --run-dir to begin anew"
            )
        return None, refused

    def clean(self) -> None:
        """Remove what a killed writer left half-written."""
        for path in self.folder.glob(".staging-*"):
            shutil.rmtree(path, ignore_errors=True)
        forget_segments(self.ledger.folder, orphans(self.ledger.folder, _named_segments(self.folder)))

    def _forget_old(self) -> None:
        """Keep the newest `keep` that verify, and the best by val_metric; delete the rest with what only they needed."""
        whole = [checkpoint for checkpoint in checkpoints(self.run_dir, deep=False) if checkpoint.path.name not in self.torn]
        kept = whole[-self.keep :]
        kept += _best(whole)
        names = {checkpoint.path.name for checkpoint in kept}
        gone = [checkpoint for checkpoint in whole if checkpoint.path.name not in names]
        for checkpoint in gone:
            leaving = self.folder / f".staging-{checkpoint.path.name}-gone"
            checkpoint.path.rename(leaving)  # by one rename, too: a half-deleted one would look torn
            shutil.rmtree(leaving, ignore_errors=True)
        needed = {segment["name"] for checkpoint in kept for segment in checkpoint.manifest.segments}
        forget_segments(self.ledger.folder, {segment["name"] for checkpoint in gone for segment in checkpoint.manifest.segments} - needed)
        self.journal.forget(names)


def _best(whole: list[Checkpoint]) -> list[Checkpoint]:
    """The one with the best val_metric, if any was evaluated; only those whose metric is what the newest one's is can be compared."""
    scored = [checkpoint for checkpoint in whole if "val_metric" in checkpoint.manifest.metrics]
    measures = [checkpoint.manifest.feed.get("early", {}).get("measure", LOSS) for checkpoint in scored]
    best: Checkpoint | None = None
    for checkpoint, measure in zip(scored, measures, strict=True):
        value = checkpoint.manifest.metrics["val_metric"]
        if measure == measures[-1] and is_better(measure, value, best.manifest.metrics["val_metric"] if best else None):
            best = checkpoint
    return [best] if best else []


def verify(path: Path, ledger_folder: Path | None = None, deep: bool = True) -> Checkpoint:
    """Check a checkpoint against its manifest: every file's presence, size and (when deep) hash, and its ledger segments.

    Raises:
        CheckpointError: the first thing that is wrong with it.
    """
    manifest, digest = _read_manifest(path)
    for name in REQUIRED:
        if not any(file.startswith(name) for file in manifest.files):
            raise CheckpointError(f"the manifest names no {name}")
    for name, entry in manifest.files.items():
        _verify_file(path / name, entry.size, entry.sha256 if deep else None)
    folder = ledger_folder or path.parent.parent / "ledger"
    for segment in manifest.ledger_segments():
        _verify_file(folder / segment.name, segment.bytes, segment.sha256 if deep else None)
    return Checkpoint(path, manifest, digest)


def checkpoints(run_dir: Path, deep: bool = True) -> list[Checkpoint]:
    """All checkpoints of a run that verify, oldest first; without those that a fenced trainer wrote too late."""
    found = []
    for path in directories(run_dir / "checkpoints"):
        try:
            checkpoint = verify(path, run_dir / "ledger", deep)
        except CheckpointError:
            continue
        if overtaken(run_dir / "epochs", checkpoint.manifest.epoch, checkpoint.manifest.serial) is None:
            found.append(checkpoint)
    return sorted(found, key=lambda checkpoint: checkpoint.manifest.order)


def _named_segments(folder: Path) -> set[str]:
    """Ledger segments that any manifest names, of a torn checkpoint too."""
    named = set()
    for path in directories(folder):
        with contextlib.suppress(CheckpointError):
            named |= {segment["name"] for segment in _read_manifest(path)[0].segments}
    return named


def _read_manifest(path: Path) -> tuple[Manifest, str]:
    try:
        text = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise CheckpointError(f"no readable manifest: {error.strerror}") from None
    try:
        document = json.loads(text)
        version = document.get("format")
        if not isinstance(version, int) or not 1 <= version <= FORMAT:
            raise CheckpointError(f"format {version!r}; this Pelton reads up to format {FORMAT}")
        if version > 1 and document.pop("checksum", None) != _checksum(document):
            raise CheckpointError("the manifest does not match its own checksum")
        return Manifest.model_validate(_upgraded(document)), hashlib.sha256(text).hexdigest()
    except (ValueError, AttributeError, KeyError, TypeError, ValidationError) as error:
        raise CheckpointError(f"the manifest cannot be read: {str(error).splitlines()[0]}") from None


def _sealed(manifest: Manifest) -> str:
    """The manifest's text, with a checksum of itself: a bit that flips in a position is noticed, too."""
    document = json.loads(manifest.model_dump_json())
    return json.dumps(document | {"checksum": _checksum(document)}, indent=1)


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest of any older format, as this one. Format 1 listed every dead-lettered place; format 2 has ranges of offsets."""
    if document["format"] == 1:
        document["feed"]["dead"] = ranges_by_partition(document["feed"].get("dead", []))
    return document


def _verify_file(path: Path, size: int, sha256: str | None) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing")
    if path.stat().st_size != size:
        raise CheckpointError(f"{path.name} has {path.stat().st_size} bytes, not {size}")
    if sha256 is not None:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                raise CheckpointError(f"{path.name} does not match its hash")


def directories(folder: Path) -> list[Path]:
    """Whatever stands where checkpoints stand, whole or torn; not what is still being written."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _sync_file(path: Path) -> FileEntry:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return FileEntry(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _sync_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder)
