"""The ledger: what became of every record, as columnar segments that checkpoints share.

Each checkpoint adds one segment of the rows since the one before; its manifest names all segments it stands on. Small segments are
merged into bigger ones as they pile up, so that a sample costs a few bytes and a checkpoint a few files. The ledger stays readable when
retention has removed the records themselves.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from schemas.errors import CheckpointError
from trainer_node.commit.durable import sha256_of, sync_file
from trainer_node.commit.positions import ranges_by_partition
from trainer_node.commit.state import Ranges

MERGE_AT = 8
"""Segments of one size class that are merged into one of the next, so that a file's fixed cost is shared by many rows."""
MERGE_SHARE = 6
"""A merge makes at most this part (a sixth) of the ledger: the older checkpoint still needs the merged ones, so both stand for a while."""


class Outcome(StrEnum):
    """What became of a record. All but the first two are `skipped` in the ledger's short form, with this as the reason."""

    TRAINED = "trained"
    DEAD_LETTER = "dead_letter"
    DUPLICATE = "duplicate"
    """Its sample id was already taken in this pass."""
    VALIDATION = "validation"
    """Held out to measure by."""
    PROMPT = "prompt"
    """A held-out question, asked and not imitated."""
    FOREIGN = "foreign"
    """Made by another run, for that run."""
    FORGOTTEN = "forgotten"
    """Somebody has asked for it to be left out (`pelton forget`)."""
    UNREWARDED = "unrewarded"
    """A prompt that was answered, and no answer of which got a reward: nothing was learnt from it."""
    NO_SPREAD = "no_spread"
    """A prompt all of whose answers earned the same, and that was left out for another (`refill`): nothing was learnt from it."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One record's fate."""

    topic: str
    partition: int
    offset: int
    sample_id: str
    outcome: Outcome
    pass_number: int
    step: int
    former_id: str | None = None
    """Of a trained sample: the hash that was its id before messages 1.1, where that was another."""

    def document(self) -> dict[str, Any]:
        """The line that `pelton checkpoints ledger` prints."""
        short = self.outcome.value if self.outcome in (Outcome.TRAINED, Outcome.DEAD_LETTER) else "skipped"
        line: dict[str, Any] = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "sample_id": self.sample_id,
            "outcome": short,
            "pass": self.pass_number,
            "step": self.step,
        }
        if short == "skipped":
            line["why"] = self.outcome.value
        return line


@dataclass(frozen=True)
class Segment:
    """One file of rows, named by its content."""

    name: str
    rows: int
    bytes: int
    sha256: str
    level: int = 0
    """Size class: a merge of MERGE_AT segments is one level up."""


def write_segment(folder: Path, rows: list[LedgerRow], level: int = 0) -> Segment:
    """Write rows as one file, durable on return. The same rows give the same name, so a repeated write is harmless."""
    import pyarrow as pa

    columns = {
        "topic": pa.array([row.topic for row in rows]).dictionary_encode(),
        "partition": pa.array([row.partition for row in rows], pa.int32()),
        "offset": pa.array([row.offset for row in rows], pa.int64()),
        "sample_id": pa.array([row.sample_id for row in rows], pa.string()),
        "outcome": pa.array([row.outcome.value for row in rows]).dictionary_encode(),
        "pass": pa.array([row.pass_number for row in rows], pa.int32()),
        "step": pa.array([row.step for row in rows], pa.int64()),
    }
    if any(row.former_id for row in rows):
        columns["former_id"] = pa.array([row.former_id for row in rows], pa.string())
    return _write_table(folder, pa.table(columns), level)


def merge_segments(folder: Path, segments: list[Segment]) -> Segment:
    """Write the rows of several segments as one, column by column: a merge of many rows makes no object for each."""
    import pyarrow as pa

    tables = [_read_table(folder, segment) for segment in segments]
    merged = _write_table(folder, pa.concat_tables(tables, promote_options="default").unify_dictionaries(), segments[0].level + 1)
    del tables
    pa.default_memory_pool().release_unused()  # or the largest merge's memory stays with this process
    return merged


def _write_table(folder: Path, table: Any, level: int) -> Segment:
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    staging = folder / f".staging-{os.getpid()}.parquet"
    pq.write_table(
        table,
        staging,
        compression="zstd",
        compression_level=9,
        use_dictionary=["topic", "outcome"],
        column_encoding={
            "sample_id": "DELTA_LENGTH_BYTE_ARRAY",
            "partition": "DELTA_BINARY_PACKED",
            "offset": "DELTA_BINARY_PACKED",
            "pass": "DELTA_BINARY_PACKED",
            "step": "DELTA_BINARY_PACKED",
        }
        | ({"former_id": "DELTA_LENGTH_BYTE_ARRAY"} if "former_id" in table.column_names else {}),
        write_statistics=False,
        store_schema=False,
    )
    digest = sha256_of(staging)
    name = f"segment-{digest[:24]}.parquet"
    sync_file(staging)
    staging.replace(folder / name)
    return Segment(name, table.num_rows, (folder / name).stat().st_size, digest, level)


def read_segment(folder: Path, segment: Segment) -> list[LedgerRow]:
    """Rows of one segment, verified by its hash.

    Raises:
        CheckpointError: missing, or not the bytes that the manifest names.
    """
    return _rows_of(_read_table(folder, segment))


def _rows_of(table: Any) -> list[LedgerRow]:
    columns = table.to_pydict()
    columns.setdefault("former_id", [None] * table.num_rows)
    names = ("topic", "partition", "offset", "sample_id", "outcome", "pass", "step", "former_id")
    rows = zip(*(columns[name] for name in names), strict=True)
    return [LedgerRow(t, p, o, s, Outcome(out), ps, st, former) for t, p, o, s, out, ps, st, former in rows]


def _read_table(folder: Path, segment: Segment) -> Any:
    import pyarrow.parquet as pq

    path = folder / segment.name
    if not path.is_file():
        raise CheckpointError(f"ledger segment {segment.name} is missing")
    if sha256_of(path) != segment.sha256:
        raise CheckpointError(f"ledger segment {segment.name} does not match its hash")
    return pq.read_table(path, read_dictionary=["topic", "outcome"], use_threads=False)


class Ledger:
    """The rows of a run, as its newest checkpoint knows them, and those since."""

    def __init__(self, folder: Path, segments: Iterable[Segment] = ()) -> None:
        self.folder = folder
        self.segments = list(segments)
        self._fresh: list[LedgerRow] = []

    def add(self, row: LedgerRow) -> None:
        """Note what became of a record; durable with the next checkpoint."""
        self._fresh.append(row)

    def seal(self) -> list[Segment]:
        """Write the rows since the last seal as a segment, merge small ones, and return all segments that now make up the ledger."""
        if self._fresh:
            self.segments.append(write_segment(self.folder, self._fresh))
            self._fresh = []
        self._merge()
        return list(self.segments)

    def rows(self) -> Iterator[LedgerRow]:
        """All rows, oldest first, those since the last seal included."""
        for segment in self.segments:
            yield from read_segment(self.folder, segment)
        yield from self._fresh

    def find(self, sample_ids: Collection[str]) -> list[LedgerRow]:
        """The sealed rows of these ids, a former one too, oldest first. Their columns alone are searched, so that a million rows take a
        part of a second."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted, found = pa.array(sorted(sample_ids), pa.string()), []
        for segment in self.segments:
            table = _read_table(self.folder, segment)
            is_one = pc.is_in(table["sample_id"], wanted)
            if "former_id" in table.column_names:
                is_one = pc.or_(is_one, pc.is_in(table["former_id"], wanted))
            found += _rows_of(table.filter(is_one))
        return found

    def trained_ids(self, passes: range, topics: set[str], limit: int) -> list[str]:
        """Ids trained in these passes on these topics, as `trained_rows` gives them."""
        return [row.sample_id for row in self.trained_rows(passes, topics, limit)]

    def trained_rows(self, passes: range, topics: set[str], limit: int) -> list[LedgerRow]:
        """What was trained in these passes on these topics, the newest `limit` of it, oldest first; reads no more than that takes."""
        parts: list[list[LedgerRow]] = []
        count = 0
        for segment in reversed(self.segments):
            if count >= limit:
                break
            rows = [row for row in read_segment(self.folder, segment) if row.topic in topics]
            if rows and max(row.pass_number for row in rows) < passes.start:
                break
            parts.append([row for row in rows if row.outcome is Outcome.TRAINED and row.pass_number in passes])
            count += len(parts[-1])
        return list(itertools.chain.from_iterable(reversed(parts)))[-limit:]

    def _merge(self) -> None:
        """Merge the newest MERGE_AT segments while they are of one level, like the carries of a counter: each row is rewritten rarely."""
        while len(tail := self.segments[-MERGE_AT:]) == MERGE_AT and len({segment.level for segment in tail}) == 1:
            if sum(segment.rows for segment in tail) * MERGE_SHARE > sum(segment.rows for segment in self.segments):
                return
            self.segments[-MERGE_AT:] = [merge_segments(self.folder, tail)]


def lineage_of(rows: Iterable[LedgerRow]) -> Ranges:
    """Exact ranges of offsets trained, by `topic:partition`."""
    return ranges_by_partition({(row.topic, row.partition, row.offset) for row in rows if row.outcome is Outcome.TRAINED})


def forget_segments(folder: Path, gone: Iterable[str]) -> None:
    """Delete these segments. Named one by one, so that a writer that was overtaken cannot delete what a newer one just wrote."""
    for name in gone:
        (folder / name).unlink(missing_ok=True)


def orphans(folder: Path, named: set[str]) -> list[str]:
    """Segments that no checkpoint names, and what a killed writer left half-written."""
    return [path.name for pattern in ("segment-*.parquet", ".staging-*") for path in folder.glob(pattern) if path.name not in named]
