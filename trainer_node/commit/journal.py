"""The journal of chosen batches: what is trained next is written down before it is trained, and is on disk before anything of it gets out.

One file for each checkpoint and fencing epoch, `after-<checkpoint>.e<epoch>.jsonl`: the batches chosen since that checkpoint, in order.
After a crash the next incarnation trains the same batches in the same order. A torn last line was never trained, and is dropped.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from schemas.errors import CheckpointError
from trainer_node.commit.durable import remedy, write_durably


@dataclass(frozen=True)
class JournalEntry:
    """One chosen batch."""

    step: int
    """Optimizer step that it is for."""
    pass_number: int
    """Pass over the stream."""
    objective: str
    """What is trained."""
    highest_band: int
    """Highest band open when it was chosen."""
    samples: list[tuple[str, int, int, str]]
    """Topic, partition, offset and sample id, in the order trained."""
    formers: dict[str, str] = field(default_factory=dict)
    """Ids that samples had before messages 1.1 -> their ids: a record of such an id is one of theirs. Written where there are any."""
    arms: list[dict[str, Any]] = field(default_factory=list)
    """`ArmState` of each band, as the choice read it; written where bands are the arms of a bandit."""
    further: bool = False
    """Whether it is more for the step of the entry before it, asked for in its midst (`Feed.further`)."""


class Journal:
    """Appends entries to the file of the newest checkpoint."""

    def __init__(self, folder: Path, epoch: int) -> None:
        self.folder = folder
        self.epoch = epoch
        self._file: IO[bytes] | None = None
        self._disk = ThreadPoolExecutor(1, "journal")
        self._on_its_way: Future[None] | None = None
        self._pending: list[JournalEntry] = []
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, checkpoint: str) -> Path:
        """The file of the batches chosen after this checkpoint by this epoch."""
        return self.folder / f"after-{checkpoint}.e{self.epoch:06d}.jsonl"

    def take_over(self, checkpoint: str) -> list[JournalEntry]:
        """Start at a checkpoint: the entries that earlier epochs journalled after it, copied into a file of this epoch's own.

        A fenced writer that wakes up late writes to its own epoch's file, which nobody reads again.
        """
        earlier = sorted(self.folder.glob(f"after-{checkpoint}.e*.jsonl"))
        entries = read_entries(earlier[-1]) if earlier else []
        self._open(checkpoint, entries)
        self._pending = list(entries)
        return entries

    def replayed(self) -> None:
        """The oldest of the entries taken over is trained again, or given up: the next checkpoint's file does without it."""
        self._pending.pop(0)

    def roll(self, checkpoint: str) -> None:
        """A checkpoint has become durable: further batches are journalled after it, and those that are still to be trained again."""
        self._open(checkpoint, self._pending)

    def append(self, entry: JournalEntry) -> None:
        """Write one entry. On return it outlives this process; it is on its way to the disk, and after `sync` it is there.

        A disk takes milliseconds, in which a step can be trained.

        Raises:
            CheckpointError: there is no room for it.
        """
        if self._file is None:
            raise RuntimeError("take_over() comes before append()")
        self.sync()
        try:
            self._file.write(_line(entry))
            self._file.flush()
        except OSError as error:
            raise self._not_written(error) from error
        self._on_its_way = self._disk.submit(os.fsync, self._file.fileno())

    def sync(self) -> None:
        """Wait until what was appended is on disk.

        Raises:
            CheckpointError: the disk did not take it.
        """
        if self._on_its_way is not None:
            pending, self._on_its_way = self._on_its_way, None
            try:
                pending.result()
            except OSError as error:
                raise self._not_written(error) from error

    def _not_written(self, error: OSError) -> CheckpointError:
        return CheckpointError(
            f"the journal in {self.folder} could not be written: {error.strerror}; the newest checkpoint is untouched and nothing is lost:"
            f" {remedy(error)}, and start the run again"
        )

    def forget(self, kept: set[str]) -> None:
        """Delete the files of checkpoints that are gone; `kept` names those that stay."""
        for path in self.folder.glob("after-*.jsonl"):
            match = re.fullmatch(r"after-(.+)\.e\d+\.jsonl", path.name)
            if match and match[1] not in kept:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._close_file()
        self._disk.shutdown()

    def _close_file(self) -> None:
        if self._file:
            try:
                self.sync()
            finally:
                self._file.close()
                self._file = None

    def _open(self, checkpoint: str, entries: list[JournalEntry] | None = None) -> None:
        """Start a file with these entries. It appears whole: killed while copying, the next incarnation still finds all of them."""
        self._close_file()
        path = self.path(checkpoint)
        write_durably(path, b"".join(_line(entry) for entry in entries or []))
        self._file = path.open("ab")


def _line(entry: JournalEntry) -> bytes:
    said = {name: value for name, value in vars(entry).items() if value or name not in ("formers", "arms", "further")}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def read_entries(path: Path) -> list[JournalEntry]:
    """Entries of a file up to the first torn line."""
    entries = []
    for line in path.read_bytes().split(b"\n"):
        try:
            document = json.loads(line)
            samples = [tuple(sample) for sample in document.pop("samples")]
            entries.append(JournalEntry(samples=samples, **document))
        except (ValueError, TypeError, KeyError, AttributeError):
            break
    return entries
