"""Which sample ids have been taken in this pass, so that a repeat trains once.

A worker that was killed sends a sample again, at a new offset and perhaps in another band: offsets are not identity. The memory holds the
last `horizon` ids taken in a pass; after a crash it is read back from the ledger. An id that comes again later than that trains twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from schemas.training_sample import Objective
from streams.recent_ids import RecentIds
from trainer_node.commit.journal import JournalEntry
from trainer_node.commit.positions import RecordPosition


class Deduplicator:
    """Memory of ids, by objective: the same id may stand for an answer to imitate and for a preference."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self._taken: RecentIds[int] = RecentIds(horizon)
        self._waiting: set[int] = set()
        self._journalled: dict[int, RecordPosition] = {}

    def expect(self, entries: Iterable[JournalEntry]) -> None:
        """These were journalled before a crash: of a sample sent twice, the record that the journal names is the one to train on."""
        for entry in entries:
            for topic, number, offset, sample_id in entry.samples:
                self._journalled[key_of(entry.objective, sample_id)] = (topic, number, offset)

    def is_duplicate(self, objective: Objective, sample_id: str, position: RecordPosition) -> bool:
        """Whether a delivered record is one too many."""
        key = key_of(objective.value, sample_id)
        if key in self._journalled:
            return self._journalled[key] != position
        return key in self._waiting or key in self._taken

    def wait(self, objective: Objective, sample_id: str) -> None:
        """The sample is ready to be chosen."""
        self._waiting.add(key_of(objective.value, sample_id))

    def unwait(self, objective: Objective, sample_id: str) -> None:
        """It no longer waits, and was not taken: a rewind will deliver it again."""
        self._waiting.discard(key_of(objective.value, sample_id))

    def take(self, objective: Objective, sample_id: str) -> None:
        """The sample has been chosen."""
        key = key_of(objective.value, sample_id)
        self._waiting.discard(key)
        self._journalled.pop(key, None)
        self._taken.add(key)

    def untake(self, objective: Objective, sample_id: str) -> None:
        """It was chosen and then not trained on: another record of it is no duplicate."""
        self._taken.discard(key_of(objective.value, sample_id))

    def give_up(self, objective: str, sample_id: str) -> None:
        """A journalled sample will not come: a record of it elsewhere may be taken."""
        self._journalled.pop(key_of(objective, sample_id), None)

    def new_pass(self) -> None:
        """Every sample may be taken once again."""
        self._taken.clear()

    def __len__(self) -> int:
        """Ids taken that are remembered."""
        return len(self._taken)


@lru_cache(maxsize=4096)  # asked for when a sample comes, when it waits and when it is taken
def key_of(objective: str, sample_id: str) -> int:
    """64 bits of objective and id: a tenth of the memory, and two of a million ids meet with a chance of 3e-8."""
    return int.from_bytes(hashlib.blake2b(f"{objective}\x1f{sample_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest())
