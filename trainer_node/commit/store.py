"""The commit: weights, optimizer, random state, curriculum and stream position are one directory that appears by one rename.

`CheckpointStore.commit` is the protocol, its steps numbered as in docs/architecture.md. `newest` chooses what a run resumes from: the
newest checkpoint, by fencing epoch and then step, whose manifest verifies; what it refuses, it names with the reason.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import CheckpointError, Fenced, PeltonError
from schemas.training_sample import Objective
from trainer_node.commit.best import LOSS, is_better
from trainer_node.commit.durable import as_the_umask_says, remedy, sha256_of, sync_file, sync_folder
from trainer_node.commit.fencing import Fence, overtaken
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger, forget_segments, orphans
from trainer_node.commit.manifest import (
    MANIFEST,
    Checkpoint,
    FileEntry,
    Manifest,
    RunState,
    checkpoints,
    directories,
    named_segments,
    verify,
)

KEPT_SECONDS = 1000
"""Commits of which the duration is remembered: a run of years makes millions."""
START = "start"
"""What the journal calls the time before the first checkpoint."""


class Overtaken(CheckpointError):  # noqa: N818 - it names what happened
    """A checkpoint that is whole, but was written by a trainer that another had already replaced."""


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
    """Duration of each of the last KEPT_SECONDS commits."""
    torn: set[str] = field(default_factory=set)
    """Names of directories that `newest` refused; they do not count as kept."""

    @property
    def folder(self) -> Path:
        """Where checkpoints stand."""
        return self.run_dir / "checkpoints"

    def commit(
        self,
        describe: Callable[[], RunState],
        write_files: Callable[[Path], None],
        flush: Callable[[], None],
        publish: Callable[[Checkpoint], None],
    ) -> Checkpoint:
        """Make the state after an optimizer step durable. The caller stands between two steps: that is step 1 of the protocol.

        Args:
            describe: what the run knows of itself.
            write_files: writes weights, optimizer, scheduler and random state into a folder.
            flush: returns when every loss and dead letter sent so far is acknowledged.
            publish: commits group offsets and publishes on `models`.

        Raises:
            Fenced: a newer incarnation has taken over; nothing has appeared.
            CheckpointError: it could not be written (the disk is full, say); the previous one is untouched.
        """
        started = time.monotonic()
        self.on_step(1)  # stopped at an optimizer step; what the weights stand for is on the log
        flush()
        state = describe()
        name = f"e{self.fence.epoch:06d}-s{state.step:08d}-c{state.serial:06d}"
        staging = self.folder / f".staging-{name}-{os.getpid()}"
        try:
            self._stage(staging, name, state, write_files)  # steps 2 to 4
            verify(staging, self.ledger.folder, deep=False)  # what cannot be read back must not become the newest
            self.on_step(5)  # it appears by one rename, unless a newer incarnation has taken over
            self.fence.check()
            staging.rename(self.folder / name)
        except BaseException as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise self._explained(name, error) from error
        self.on_step(6)  # the rename itself reaches the disk
        sync_folder(self.folder)
        self.journal.roll(name)
        checkpoint = verify(self.folder / name, self.ledger.folder, deep=False)
        self.on_step(7)  # only now others hear of it: `models`, then group offsets
        publish(checkpoint)
        self.on_step(8)  # only now old ones go
        self.fence.check()
        self._forget_old()
        self.on_step(9)
        self.seconds.append(time.monotonic() - started)
        del self.seconds[:-KEPT_SECONDS]
        return checkpoint

    def _stage(self, staging: Path, name: str, state: RunState, write_files: Callable[[Path], None]) -> None:
        self.on_step(2)  # write to a staging directory on the same filesystem, ledger segments beside it
        staging.mkdir(parents=True)
        write_files(staging)
        as_the_umask_says(staging)
        segments = tuple(self.ledger.seal())
        self.on_step(3)  # every file reaches the disk
        files = {str(path.relative_to(staging)): _durable(path) for path in sorted(staging.rglob("*")) if path.is_file()}
        self.ledger.folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.ledger.folder, *(path for path in staging.rglob("*") if path.is_dir())):
            sync_folder(folder)
        self.on_step(4)  # the manifest, with sizes and hashes, last
        manifest = Manifest(
            **{field: getattr(state, field) for field in RunState.model_fields},
            name=name,
            epoch=self.fence.epoch,
            files=files,
            segments=segments,
            created_at=time.time(),
        )
        (staging / MANIFEST).write_text(manifest.sealed(), encoding="utf-8")
        sync_file(staging / MANIFEST)
        sync_folder(staging)

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
            f" {remedy(error)}, and start the run again"
        )

    def newest(self) -> tuple[Checkpoint | None, list[tuple[str, str]]]:
        """What to resume from, and which directories were refused and why.

        Raises:
            CheckpointError: there are checkpoints, and all are torn: to begin anew is then the user's decision.
        """
        refused: list[tuple[str, str]] = []
        for path in sorted(directories(self.folder), key=lambda path: path.name, reverse=True):
            try:
                return self._usable(path), refused
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

    def _usable(self, path: Path) -> Checkpoint:
        checkpoint = verify(path, self.ledger.folder)
        later = overtaken(self.fence.folder, checkpoint.manifest.epoch, checkpoint.manifest.serial)
        if later is not None:
            raise Overtaken(f"written by a fenced trainer: epoch {later} had already gone on without it")
        return checkpoint

    def clean(self) -> None:
        """Remove what a killed writer left half-written."""
        for path in self.folder.glob(".staging-*"):
            shutil.rmtree(path, ignore_errors=True)
        forget_segments(self.ledger.folder, orphans(self.ledger.folder, named_segments(self.folder)))

    def _forget_old(self) -> None:
        """Keep the newest `keep` that verify, and the best by val_metric; delete the rest with what only they needed."""
        whole = [checkpoint for checkpoint in checkpoints(self.run_dir, deep=False) if checkpoint.path.name not in self.torn]
        kept = newest_of(whole, self.keep) + best_of(whole)
        names = {checkpoint.path.name for checkpoint in kept}
        gone = [checkpoint for checkpoint in whole if checkpoint.path.name not in names]
        for checkpoint in gone:
            leaving = self.folder / f".staging-{checkpoint.path.name}-gone"
            checkpoint.path.rename(leaving)  # by one rename, too: a half-deleted one would look torn
            shutil.rmtree(leaving, ignore_errors=True)
        needed = {segment.name for checkpoint in kept for segment in checkpoint.manifest.segments}
        forget_segments(self.ledger.folder, {segment.name for checkpoint in gone for segment in checkpoint.manifest.segments} - needed)
        self.journal.forget(names)


def newest_of(whole: list[Checkpoint], count: int) -> list[Checkpoint]:
    """The newest, each with a part of the ledger that no older one has, where there are such: one damaged file is not to take all."""
    by_ledger = {tuple(segment.name for segment in checkpoint.manifest.segments): checkpoint for checkpoint in whole}
    apart = {checkpoint.path for checkpoint in by_ledger.values()}
    alike = [checkpoint for checkpoint in whole if checkpoint.path not in apart]
    return (alike + [checkpoint for checkpoint in whole if checkpoint.path in apart])[-count:]


def best_of(whole: list[Checkpoint]) -> list[Checkpoint]:
    """Of each objective, the one with the best val_metric, if any was evaluated; only values of what the newest one measures by compare."""
    best: dict[Objective, Checkpoint] = {}
    for objective in {objective for checkpoint in whole[-1:] for objective in checkpoint.manifest.feed.objectives}:
        found = [(checkpoint, checkpoint.manifest.feed.of(objective).early_stopping) for checkpoint in whole]
        scored = [
            (checkpoint, (early.measure or LOSS, early.candidates), early.last) for checkpoint, early in found if early.last is not None
        ]
        than: float | None = None
        for checkpoint, measure, value in scored:
            if measure == scored[-1][1] and is_better(measure[0], value, than):
                best[objective], than = checkpoint, value
    return list({checkpoint.path: checkpoint for checkpoint in best.values()}.values())


def _durable(path: Path) -> FileEntry:
    sync_file(path)
    return FileEntry(size=path.stat().st_size, sha256=sha256_of(path))
