"""What W&B has written offline: its files are LevelDB logs of protocol buffers, which version 0.31 has no reader of any more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER = 32768, 7
"""Bytes of a block, and of what stands before each part of a record: checksum (4), length (2), kind (1)."""
FULL, FIRST, LAST = 1, 2, 4


def records(path: Path) -> Iterator[Any]:
    """The records of one file, as far as they are whole."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, parts = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:  # the rest of a block is too short for another part
            at += BLOCK - at % BLOCK
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        part = data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        parts = part if kind in (FULL, FIRST) else parts + part
        if kind in (FULL, LAST):
            yield Record.FromString(parts)


def whole(path: Path) -> Path:
    """The file, once its run's end stands in it: W&B's service writes on for a moment after `finish`."""
    deadline = time.monotonic() + 60
    while not any(record.WhichOneof("record_type") == "exit" for record in records(path)):
        assert time.monotonic() < deadline, f"{path} has no end"
        time.sleep(0.1)
    return path


def history(path: Path) -> list[dict[str, Any]]:
    """Each row that was logged."""
    return [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records(path)
        if record.WhichOneof("record_type") == "history"
    ]


def config(path: Path) -> dict[str, Any]:
    """The run's settings."""
    (run,) = [record.run for record in records(path) if record.WhichOneof("record_type") == "run"][:1]
    return {item.key: json.loads(item.value_json) for item in run.config.update}


def artifacts(path: Path) -> list[tuple[str, str, list[str]]]:
    """Name, type and files of each artifact."""
    found = [record.artifact for record in records(path) if record.WhichOneof("record_type") == "artifact"]
    found += [record.request.log_artifact.artifact for record in records(path) if record.request.HasField("log_artifact")]
    return [(one.name, one.type, sorted(entry.path for entry in one.manifest.contents)) for one in found]
