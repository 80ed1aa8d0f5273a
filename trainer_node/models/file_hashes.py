"""SHA-256 of large files, read once: what was found is kept in the cache, and holds as long as the file is the same one, unchanged.

A file is the same by path, inode, size and times. Of one that has just been written nothing is kept: it may be written again within one
tick of the file system's clock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainer_node.commit.durable import sha256_of

THREADS = 8
"""Files that are read at once."""
SETTLED_S = 2.0
"""Seconds since a file was written after which its hash is kept."""


def hashes_of(files: Sequence[Path]) -> list[str]:
    """The hash of each file's content, in hexadecimal.

    Raises:
        OSError: one cannot be read.
    """
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(_hash_of, files))


def _hash_of(file: Path) -> str:
    path = file.resolve()
    note = _folder() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"
    stamp = _stamp(path)
    if (kept := _read(note, stamp)) is not None:
        return kept
    found = sha256_of(path)
    if _stamp(path) == stamp and time.time() - path.stat().st_mtime > SETTLED_S:
        _write(note, {"path": str(path), "stamp": stamp, "sha256": found})
    return found


def _folder() -> Path:
    return Path(os.environ.get("PELTON_CACHE") or "~/.cache/pelton").expanduser() / "hashes"


def _stamp(path: Path) -> list[int]:
    """What changes when a file is written again, or another put in its place."""
    said = path.stat()
    return [said.st_size, said.st_mtime_ns, said.st_ctime_ns, said.st_ino]


def _read(note: Path, stamp: list[int]) -> str | None:
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        return str(kept["sha256"]) if kept["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(note: Path, content: dict[str, object]) -> None:
    """Whole or not at all; where nothing can be written, the file is read again next time."""
    beside = note.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        _forget_what_is_gone(note.parent)
        beside.write_text(json.dumps(content), encoding="utf-8")
        beside.replace(note)


def _forget_what_is_gone(folder: Path) -> None:
    for note in folder.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if not Path(json.loads(note.read_text(encoding="utf-8"))["path"]).exists():
                note.unlink()
