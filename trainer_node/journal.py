"""The journal of chosen batches: what is trained next is written down before it is trained, and is on disk before anything of it gets out.

One file for each checkpoint and fencing epoch, `after-<checkpoint>.e<epoch>.jsonl`: the batches chosen since that checkpoint, in order.
After a crash the next incarnation trains the same batches in the same order. A torn last line was never trained, and is dropped.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainer_node.fencing import sync_folder


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


class Journal:
    """Appends entries to the file of the newest checkpoint."""

    def __init__(self, folder: Path, epoch: int) -> None:
        self.folder = folder
        self.epoch = epoch
        self._file: IO[bytes] | None = None
        self._synced = True
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, checkpoint: str) -> Path:
        """The file of the batches chosen after this checkpoint by this epoch."""
        return self.folder / f"after-{checkpoint}.e{self.epoch:06d}.jsonl"

    def take_over(self, checkpoint: str) -> list[JournalEntry]:
        """Start at a checkpoint: the entries that earlier epochs journalled after it, copied into a file of this epoch's own.

        A fenced writer that wakes up late writes to its own epoch's file, which nobody reads again.
        """
        earlier = sorted(path for path in self.folder.glob(f"after-{checkpoint}.e*.jsonl") if path != self.path(checkpoint))
        entries = read_entries(earlier[-1]) if earlier else []
        self._open(checkpoint, entries)
        return entries

    def roll(self, checkpoint: str) -> None:
        """A checkpoint has become durable: further batches are journalled after it."""
        self._open(checkpoint)

    def append(self, entry: JournalEntry) -> None:
        """Write one entry; on return it outlives this process, and after `sync` this machine's loss of power too."""
        if self._file is None:
            raise RuntimeError("take_over() comes before append()")
        self._file.write(_line(entry))
        self._file.flush()
        self._synced = False

    def sync(self) -> None:
        """Bring to disk what was appended; nothing to do where it is there. A disk takes milliseconds: a device can train meanwhile."""
        if self._file is not None and not self._synced:
            os.fsync(self._file.fileno())
            self._synced = True

    def forget(self, kept: set[str]) -> None:
        """Delete the files of checkpoints that are gone; `kept` names those that stay."""
        for path in self.folder.glob("after-*.jsonl"):
            match = re.fullmatch(r"after-(.+)\.e\d+\.jsonl", path.name)
            if match and match[1] not in kept:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _open(self, checkpoint: str, entries: list[JournalEntry] | None = None) -> None:
        """Start a file with these entries. It appears whole: killed while copying, the next incarnation still finds all of them."""
        self.close()
        path = self.path(checkpoint)
        staging = path.with_suffix(".staging")
        with staging.open("wb") as file:
            file.writelines(_line(entry) for entry in entries or [])
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
        sync_folder(self.folder)
        self._file = path.open("ab")


def _line(entry: JournalEntry) -> bytes:
    return json.dumps(vars(entry), separators=(",", ":")).encode() + b"\n"


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
