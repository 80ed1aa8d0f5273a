"""What a stream processor remembers of a partition, by the offset it stands for.

The state is a function of the partition's log prefix, so the log is the truth and the file a saving: one JSON file per group and
partition, replaced atomically after the batch it stands for was acknowledged and before its offset is committed. A worker that finds no
file, a torn one, one that is behind (another worker had the partition), or one of another log reads up to CATCH_UP records before the
first one it is given, and counts these in.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from schemas.errors import BadRecord, PeltonError
from streams.committed import read_partition
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.kafka.topic_ids import made_anew
from streams.state_files import make_folder, read_json, state_path, write_json

CATCH_UP = 20_000
"""Most records read again to bring a state up to date."""
FORMAT = 1
"""Version of the file."""
NO_END = 2**62
"""An offset that no log reaches."""

logger = logging.getLogger(__name__)


class State(Protocol):
    """What can be kept here."""

    def observe_record(self, record: Record) -> None:
        """Count in a record that was handled before, without sending anything. Raises BadRecord for what cannot be used."""

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `to_json` wrote; raises ValueError, KeyError, TypeError or AttributeError for anything else."""


S = TypeVar("S", bound=State)


@dataclass
class Kept(Generic[S]):
    """The state of one partition."""

    state: S
    next_offset: int = 0
    """First offset that is not in the state."""
    timestamp: int = -1
    """When the last record in the state was sent, in milliseconds since the epoch."""
    changed: bool = False
    """Whether it is newer than its file."""


class PartitionStates(Generic[S]):
    """The states of the partitions that this worker has now. One thread uses it."""

    def __init__(
        self,
        fresh: Callable[[], S],
        settings: KafkaSettings,
        group: str,
        folder: Path | None = None,
        topic_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._fresh = fresh
        self._settings = settings
        self._group = group
        self._topic_id = topic_id
        self._folder = make_folder(folder) if folder is not None else None
        self._kept: dict[tuple[str, int], Kept[S]] = {}

    def before(self, record: Record) -> tuple[S, bool]:
        """The state that a record is measured against, and whether it holds that record already (it is read again after a crash)."""
        where = (record.topic, record.partition)
        if where not in self._kept:
            self._kept[where] = self._load(record)
        kept = self._kept[where]
        return kept.state, record.offset < kept.next_offset

    def count(self, record: Record) -> None:
        """Count in a record that is passed over by a mark set later: the state follows from the log, whenever that is read."""
        kept = self._kept[record.topic, record.partition]
        if record.offset >= kept.next_offset:
            with contextlib.suppress(BadRecord):  # as when the log is read again
                kept.state.observe_record(record)

    def read_on(self, record: Record, wanted: Callable[[Record], bool], at_end: Callable[[], None] = lambda: None) -> None:
        """Count in what the log has behind the state, from a record that is about to be handled on, as long as it is wanted.

        What was counted in, and what `at_end` does, is kept at once: whoever handles these records after a crash finds the same state.
        """
        kept = self._kept[record.topic, record.partition]
        start = max(kept.next_offset, record.offset)
        for later in read_partition(self._settings, record.topic, record.partition, start, NO_END):
            if not wanted(later):
                break
            _count_in(kept.state, later)
            kept.next_offset, kept.timestamp = later.offset + 1, later.timestamp
        at_end()
        kept.changed = True
        self.save()

    def advance(self, record: Record) -> None:
        """The record is in the state now, or was dead-lettered."""
        kept = self._kept[record.topic, record.partition]
        if record.offset >= kept.next_offset:
            kept.next_offset, kept.timestamp, kept.changed = record.offset + 1, record.timestamp, True

    def save(self) -> None:
        """Write what changed. Call it after the batch was acknowledged."""
        if self._folder is None:
            return
        for (topic, partition), kept in self._kept.items():
            if kept.changed:
                document = {
                    "format": FORMAT,
                    "group": self._group,
                    "topic": topic,
                    "topic_id": self._topic_id(),
                    "partition": partition,
                    "next_offset": kept.next_offset,
                    "timestamp": kept.timestamp,
                    "state": kept.state.to_json(),
                }
                write_json(self._path(topic, partition), document)
                kept.changed = False

    def all(self) -> list[S]:
        """Those of all partitions that were met."""
        return [kept.state for kept in self._kept.values()]

    def forget(self) -> None:
        """Partitions may have changed hands: look at the files and the log again."""
        self._kept.clear()

    def read_before(self, record: Record, start: int) -> Iterator[Record]:
        """The records of a record's partition from offset `start` to it."""
        return read_partition(self._settings, record.topic, record.partition, start, record.offset)

    def _path(self, topic: str, partition: int) -> Path:
        assert self._folder is not None
        return state_path(self._folder, f"{self._group}@{topic}-{partition}")

    def _load(self, record: Record) -> Kept[S]:
        kept = self._read_file(record.topic, record.partition) or Kept(self._fresh())
        if self._topic_id() is None and record.offset < kept.next_offset and record.timestamp > kept.timestamp:
            logger.warning("state of %s %d is of another log; it is made anew", record.topic, record.partition)  # no id tells it better
            kept = Kept(self._fresh())
        start = max(kept.next_offset, record.offset - CATCH_UP)
        if start < record.offset:
            self._catch_up(kept, record, start)
        return kept

    def _catch_up(self, kept: Kept[S], record: Record, start: int) -> None:
        count = 0
        for earlier in self.read_before(record, start):
            count += _count_in(kept.state, earlier)
        kept.next_offset, kept.changed = record.offset, True
        logger.info("state of %s %d: %d records before offset %d read again", record.topic, record.partition, count, record.offset)

    def _read_file(self, topic: str, partition: int) -> Kept[S] | None:
        if self._folder is None:
            return None
        path = self._path(topic, partition)
        if (document := read_json(path)) is None:
            return None
        try:
            if document["format"] != FORMAT or (document["group"], document["topic"]) != (self._group, topic):
                raise ValueError("another format, group or topic")
            if made_anew({topic: document.get("topic_id")}, {topic: self._topic_id()}):
                raise ValueError("it is of a topic that was deleted; this one was made anew")
            state = self._fresh()
            state.restore(document["state"])
            return Kept(state, int(document["next_offset"]), int(document["timestamp"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("state file %s cannot be used (%s); it is made anew from the log", path, error)
            return None


def _count_in(state: State, record: Record) -> bool:
    """Whether the state could use a record; where not, it lies in the dead letters, or will."""
    try:
        state.observe_record(record)
    except BadRecord:
        return False
    except PeltonError:
        raise
    except Exception:
        logger.exception("%s %d:%d", record.topic, record.partition, record.offset)  # dead-lettered as a processing_error
        return False
    return True
