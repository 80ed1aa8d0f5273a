"""What a checkpoint says of itself, and whether it is true: sizes, hashes, and a checksum of the manifest's own text."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import CheckpointError
from schemas.training_sample import Objective
from trainer_node.commit.durable import sha256_of
from trainer_node.commit.fencing import overtaken
from trainer_node.commit.ledger import Segment
from trainer_node.commit.old_formats import FORMAT, upgraded
from trainer_node.commit.provenance import Base, LoraReach, Precision
from trainer_node.commit.state import FeedState

MANIFEST = "manifest.json"
OF_A_TRAINER = ("optimizer.pt", "scheduler.pt", "trainer_state.json")
"""Files of each trainer without which a resume would silently begin anew in part; a checkpoint that lacks one is refused."""
RANDOM_STATE = "rng_state"
"""How the names of the random states' files begin: one of each process."""


class FileEntry(BaseModel):
    """One file as it was written."""

    model_config = ConfigDict(frozen=True)
    size: int
    """In bytes."""
    sha256: str


class RunState(BaseModel):
    """What a run knows of itself between two optimizer steps."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    """The run."""
    step: int
    """Optimizer steps taken."""
    serial: int
    """Counts the run's checkpoints: several may stand at one step (the end of a pass, a change of objective)."""
    config_hash: str
    """Hash of the run's settings."""
    settings: dict[str, Any] | None = None
    """The run's settings, without those at their defaults. None in checkpoints from before they were kept."""
    base_identity: str | None = None
    """Fingerprint of the base's weights (`models.identity`); None for a model of a hub, and before it was kept."""
    base: Base | None = None
    """What the adapter belongs to. None in checkpoints from before it was kept."""
    precision: Precision | None = None
    """What the weights were trained in. None in checkpoints from before it was kept."""
    lora: LoraReach | None = None
    """What of the model its LoRA changes; None where all weights are trained, and before it was kept."""
    parent: dict[str, str] = {}
    """Of a run that began from another run's checkpoint: that run's id, the checkpoint's name and the hash of its manifest."""
    base_model: str
    """The model as it was named in the settings."""
    feed: FeedState
    """Where it stands on the stream."""
    trainers: dict[Objective, str] = {}
    """Which kind of trainer each objective has that has been trained; `own_folder` has what it needs to go on."""
    reference_step: int | None = None
    """Optimizer step whose weights are the reference of DPO and of the KL terms; None where there is none."""
    metrics: dict[str, float] = {}
    """training_loss, val_metric and others."""


class Manifest(RunState):
    """What a checkpoint says of itself; written last, so that its presence means the files are whole."""

    format: int = FORMAT
    """Layout version."""
    name: str
    """Directory name, `e<epoch>-s<step>-c<serial>`."""
    epoch: int
    """Fencing epoch of the writer."""
    segments: tuple[Segment, ...] = ()
    """Ledger segments that this checkpoint stands on."""
    files: dict[str, FileEntry]
    """Every file but this one."""
    created_at: float
    """Seconds since the epoch."""

    @property
    def order(self) -> tuple[int, int, int]:
        """Newest is greatest."""
        return self.epoch, self.step, self.serial

    def sealed(self) -> str:
        """The manifest's text, with a checksum of itself: a bit that flips in a position is noticed, too."""
        document = json.loads(self.model_dump_json(exclude_none=True))
        return json.dumps(document | {"checksum": _checksum(document)}, indent=1)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint."""

    path: Path
    manifest: Manifest
    sha256: str
    """Hash of the manifest, which holds the hash of everything else."""

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        return self.path.parent.parent

    def folder_of(self, objective: Objective) -> Path | None:
        """What an objective's trainer goes on from; None where the checkpoint has none of it."""
        manifest = self.manifest
        return own_folder(self.path, objective, manifest.format) if objective in manifest.trainers else None


def verify(path: Path, ledger_folder: Path | None = None, deep: bool = True) -> Checkpoint:
    """Check a checkpoint against its manifest: every file's presence, size and (when deep) hash, and its ledger segments.

    Raises:
        CheckpointError: the first thing that is wrong with it.
    """
    manifest, digest = read_manifest(path)
    for name in required(manifest):
        if not any(file.startswith(name) for file in manifest.files):
            raise CheckpointError(f"the manifest names no {name}")
    for name, entry in manifest.files.items():
        _verify_file(path / name, entry.size, entry.sha256 if deep else None)
    folder = ledger_folder or path.parent.parent / "ledger"
    for segment in manifest.segments:
        _verify_file(folder / segment.name, segment.bytes, segment.sha256 if deep else None)
    return Checkpoint(path, manifest, digest)


def required(manifest: Manifest) -> list[str]:
    """How the names of files begin that must be there."""
    folders = [own_folder(Path(), objective, manifest.format).as_posix() for objective in manifest.trainers]
    return [RANDOM_STATE, *(name if folder == "." else f"{folder}/{name}" for folder in folders for name in OF_A_TRAINER)]


def own_folder(checkpoint: Path, objective: Objective, version: int = FORMAT) -> Path:
    """Where a checkpoint keeps an objective's optimizer, schedule and trainer state; beside the weights, up to format 3."""
    return checkpoint / "objectives" / objective.value if version > 3 else checkpoint


def checkpoints(run_dir: Path, deep: bool = True) -> list[Checkpoint]:
    """All checkpoints of a run that verify, oldest first; without those that a fenced trainer wrote too late."""
    found = []
    for path in directories(run_dir / "checkpoints"):
        with contextlib.suppress(CheckpointError):
            checkpoint = verify(path, run_dir / "ledger", deep)
            if overtaken(run_dir / "epochs", checkpoint.manifest.epoch, checkpoint.manifest.serial) is None:
                found.append(checkpoint)
    return sorted(found, key=lambda checkpoint: checkpoint.manifest.order)


def directories(folder: Path) -> list[Path]:
    """Whatever stands where checkpoints stand, whole or torn; not what is still being written."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def named_segments(folder: Path) -> set[str]:
    """Names of the ledger segments that any manifest in a folder of checkpoints has, a torn checkpoint's too."""
    named = set()
    for path in directories(folder):
        with contextlib.suppress(CheckpointError):
            named |= {segment.name for segment in read_manifest(path)[0].segments}
    return named


def read_manifest(path: Path) -> tuple[Manifest, str]:
    """The manifest of a checkpoint's directory, of any format, and the hash of its text.

    Raises:
        CheckpointError: there is none, or it is not what was written.
    """
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
        return Manifest.model_validate(upgraded(document)), hashlib.sha256(text).hexdigest()
    except (ValueError, AttributeError, KeyError, TypeError, ValidationError) as error:
        raise CheckpointError(f"the manifest cannot be read: {str(error).splitlines()[0]}") from None


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _verify_file(path: Path, size: int, sha256: str | None) -> None:
    try:
        found = path.stat().st_size
        if found != size:
            raise CheckpointError(f"{path.name} has {found} bytes, not {size}")
        if sha256 is not None and sha256_of(path) != sha256:
            raise CheckpointError(f"{path.name} does not match its hash")
    except (FileNotFoundError, NotADirectoryError):  # never there, or its trainer has just deleted the checkpoint
        raise CheckpointError(f"{path.name} is missing") from None
