"""What a run measured, from its beginning on: Parquet files in `history/` of the run's folder, which any reader of Parquet takes.

What is added goes into the newest part, `000003.jsonl`, a line at once, so that a killed process leaves all it has written. A part that is
full becomes `000003.parquet`. Where there are too many rows, older parts are merged into one, `000000-000002.parquet`, in which every
second entry is left out, so that a run without end has a history of bounded size, the finer the newer. A name that a merged file covers
is done with. A start that resumes at a step cuts what was measured after it: those steps are taken again.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

logger = logging.getLogger(__name__)

HISTORY = "history"
"""Folder of a run's history."""
SCHEMA = pa.schema(
    [
        ("t", pa.timestamp("ms", tz="UTC")),
        ("epoch", pa.int32()),
        ("step", pa.int64()),
        ("pass_number", pa.int32()),
        ("objective", pa.string()),
        ("kind", pa.string()),
        ("name", pa.string()),
        ("value", pa.float64()),
    ]
)
"""A row is one value of one entry. `epoch` is the fencing epoch; `kind` is one of those below; `objective` is empty where it is of none."""
STEP, EVALUATION, BEGINNING, SAMPLE = "step", "evaluation", "beginning", "sample"
"""Of one optimizer step; of an evaluation; of an evaluation by the weights that an objective began with; of a moment."""
KEPT_WHOLE = (EVALUATION, BEGINNING)
PART_LINES = 2_000
"""Entries of a part."""
MOST_ROWS = 400_000
"""Above it, older parts are thinned."""


class History:
    """Writes it; one thread at a time."""

    def __init__(self, run_dir: Path, epoch: int, step: int, most_rows: int = MOST_ROWS, part_lines: int = PART_LINES) -> None:
        """Go on after `step`: what was measured of later ones is cut."""
        self._folder = run_dir / HISTORY
        self._epoch = epoch
        self._most_rows = most_rows
        self._part_lines = part_lines
        self._tail: int | None = None
        self._lines = 0
        self._rows = 0
        self._number = 0
        self._evaluated: set[tuple[str, str]] = set()
        self._at = step
        self._broken = False
        self._safely(lambda: self._open(step))

    def add(self, kind: str, values: Mapping[str, float], step: int, objective: str = "", pass_number: int = 0) -> None:
        """Add an entry, now. An evaluation that an earlier start has added at the step it stopped at is not added again."""
        if kind in KEPT_WHOLE and step == self._at and (kind, objective) in self._evaluated:
            return
        entry = [time.time(), step, pass_number, objective, kind, {name: float(value) for name, value in values.items()}]
        if values:
            self._safely(lambda: self._write(entry))

    def close(self) -> None:
        """What was added is Parquet."""
        self._safely(self._seal)

    def _safely(self, act: Any) -> None:
        """A history that cannot be written is told, once, and training goes on."""
        if self._broken:
            return
        try:
            act()
        except (OSError, pa.ArrowException) as error:
            self._broken = True
            logger.warning("the history of metrics is not written from here on: %s", " ".join(str(error).split()))

    def _open(self, step: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.glob(".*.tmp"):
            path.unlink()
        for path in _parts(self._folder):
            table = _read(path)
            kept = table.filter(pc.less_equal(table["step"], step))
            if path.suffix == ".jsonl" or kept.num_rows < table.num_rows:
                _put(kept, path.with_suffix(".parquet"))
            if path.suffix == ".jsonl":
                path.unlink()
            at_step = kept.filter(pc.and_(pc.equal(kept["step"], step), pc.is_in(kept["kind"], pa.array(KEPT_WHOLE)))).to_pylist()
            self._evaluated |= {(row["kind"], row["objective"]) for row in at_step}
            self._rows += kept.num_rows
            self._number = max(self._number, _last(path) + 1)

    def _write(self, entry: list[Any]) -> None:
        if self._tail is None:
            self._tail = os.open(self._newest, os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_WRONLY, 0o644)
            os.write(self._tail, json.dumps({"epoch": self._epoch}).encode() + b"\n")
        os.write(self._tail, json.dumps(entry).encode() + b"\n")  # a line at once, for a kill leaves what was written
        self._lines += 1
        self._rows += len(entry[-1])
        if self._lines >= self._part_lines:
            self._seal()
            if self._rows > self._most_rows:
                self._thin()

    @property
    def _newest(self) -> Path:
        return self._folder / f"{self._number:06d}.jsonl"

    def _seal(self) -> None:
        if self._tail is None:
            return
        os.close(self._tail)
        path = self._newest
        self._tail, self._lines = None, 0
        self._number += 1
        if path.exists() and not path.with_suffix(".parquet").exists():  # else a newer start has taken it over
            _put(_read(path), path.with_suffix(".parquet"))
            path.unlink()

    def _thin(self) -> None:
        """The older half of the rows into one file, with every second entry left out."""
        tables, rows = [], 0
        parts = _parts(self._folder)
        for path in parts[:-1] or parts:
            tables.append(_read(path))
            rows += tables[-1].num_rows
            if rows >= self._most_rows // 2:
                break
        covered = parts[: len(tables)]
        thinned = every_second(pa.concat_tables(tables), self._most_rows // 8)
        _put(thinned, self._folder / f"000000-{_last(covered[-1]):06d}.parquet")
        self._rows -= rows - thinned.num_rows
        for path in covered:
            if path.name != f"000000-{_last(covered[-1]):06d}.parquet":
                path.unlink(missing_ok=True)


def every_second(table: pa.Table, most_evaluations: int) -> pa.Table:
    """Every second entry of steps and moments; evaluations all, as long as they are no more rows than that."""
    kinds = pc.is_in(table["kind"], pa.array(KEPT_WHOLE)).to_pylist()
    keep_all = sum(kinds) <= most_evaluations
    entries: dict[tuple[Any, ...], int] = {}
    kept = []
    keys = zip(*(table[name].to_pylist() for name in ("kind", "objective", "step", "t")), strict=True)
    counts: dict[tuple[Any, Any], int] = {}
    for whole, key in zip(kinds, keys, strict=True):
        if key not in entries:
            entries[key] = counts[key[:2]] = counts.get(key[:2], -1) + 1
        kept.append((whole and keep_all) or entries[key] % 2 == 0)
    return table.filter(pa.array(kept))


def read_history(run_dir: Path) -> pa.Table:
    """All that a run has measured, in the order of `SCHEMA`'s columns, oldest first; of a run that is at work, too.

    Raises:
        OSError: a file cannot be read.
    """
    tables = []
    for path in _parts(run_dir / HISTORY):
        try:
            tables.append(_read(path))
        except FileNotFoundError:  # it was merged, or became Parquet, meanwhile
            tables += [_read(path.with_suffix(".parquet"))] if path.with_suffix(".parquet").exists() else []
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


def _parts(folder: Path) -> list[Path]:
    """The parts that count, in order."""
    found = sorted(path for path in folder.glob("*.*") if re.fullmatch(r"\d+(-\d+)?\.parquet|\d+\.jsonl", path.name))
    merged = max((path for path in found if "-" in path.stem), key=_last, default=None)
    sealed = {path.stem for path in found if path.suffix == ".parquet"}
    after = _last(merged) if merged else -1
    single = [path for path in found if "-" not in path.stem and _last(path) > after]
    kept = [path for path in single if path.suffix == ".parquet" or path.stem not in sealed]
    return ([merged] if merged else []) + sorted(kept, key=_last)


def _last(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.ParquetFile(path).read()
    with path.open(encoding="utf-8") as file:
        lines = list(_entries(file))
    epoch = lines[0]["epoch"] if lines and isinstance(lines[0], dict) else 0
    return pa.Table.from_pylist([row for line in lines if isinstance(line, list) for row in _rows(epoch, line)], schema=SCHEMA)


def _entries(file: Iterable[str]) -> Iterable[Any]:
    for line in file:
        try:
            yield json.loads(line)
        except ValueError:  # the last line of a process that was killed in the midst of it
            return


def _rows(epoch: int, entry: list[Any]) -> Iterable[dict[str, Any]]:
    at, step, pass_number, objective, kind, values = entry
    head = {"t": datetime.fromtimestamp(at, UTC), "epoch": epoch, "step": step, "pass_number": pass_number}
    for name, value in values.items():
        yield {**head, "objective": objective, "kind": kind, "name": name, "value": math.nan if value is None else value}


def _put(table: pa.Table, path: Path) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, beside, compression="zstd")
    os.replace(beside, path)  # noqa: PTH105
