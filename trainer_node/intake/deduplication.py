"""Which sample ids have been taken in this pass, so that a repeat trains once.

A worker that was killed sends a sample again, at a new offset and perhaps in another band: offsets are not identity. The memory holds the
last `horizon` ids taken in a pass; after a crash it is read back from the ledger. An id that comes again later than that trains twice.
What was trained in an earlier round is remembered as well, through all passes of the rounds after it.

A sample whose hash is another since messages 1.1 brings its former one along: a record of either is a duplicate of the other, so that an
upgrade trains nothing twice. Two samples that only had the former one in common are two.
"""

from __future__ import annotations

import hashlib
from collections import Counter
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
        self._taken = _Memory(horizon)
        self._taken_formers = _Memory(horizon)
        self._earlier = _Memory(horizon)
        self._waiting: set[int] = set()
        self._waiting_formers: Counter[int] = Counter()
        self._journalled: dict[int, RecordPosition] = {}
        self._journalled_formers: dict[int, int] = {}

    def expect(self, entries: Iterable[JournalEntry]) -> None:
        """These were journalled before a crash: of a sample sent twice, the record that the journal names is the one to train on."""
        for entry in entries:
            for topic, number, offset, sample_id in entry.samples:
                self._journalled[key_of(entry.objective, sample_id)] = (topic, number, offset)
            for former_id, sample_id in entry.formers.items():
                self._journalled_formers[key_of(entry.objective, former_id)] = key_of(entry.objective, sample_id)

    def is_duplicate(self, objective: Objective, sample_id: str, position: RecordPosition, former_id: str | None = None) -> bool:
        """Whether a delivered record is one too many."""
        key = key_of(objective.value, sample_id)
        if key in self._journalled:
            return self._journalled[key] != position
        if self._journalled_formers.get(key) in self._journalled:
            return True  # the same sample under its id of before 1.1
        taken, formers, earlier = (memory.of(objective) for memory in (self._taken, self._taken_formers, self._earlier))
        if key in self._waiting_formers or key in formers:
            return True
        keys = [key] if former_id is None else [key, key_of(objective.value, former_id)]
        return any(one in known for one in keys for known in (self._waiting, taken, earlier, self._journalled))

    def wait(self, objective: Objective, sample_id: str, former_id: str | None = None) -> None:
        """The sample is ready to be chosen."""
        self._waiting.add(key_of(objective.value, sample_id))
        if former_id is not None:
            self._waiting_formers[key_of(objective.value, former_id)] += 1

    def unwait(self, objective: Objective, sample_id: str, former_id: str | None = None) -> None:
        """It no longer waits, and was not taken: a rewind will deliver it again."""
        self._waiting.discard(key_of(objective.value, sample_id))
        if former_id is not None:
            former = key_of(objective.value, former_id)
            self._waiting_formers -= Counter({former: 1})  # keeps what is left above nought

    def take(self, objective: Objective, sample_id: str, former_id: str | None = None) -> None:
        """The sample has been chosen."""
        key = key_of(objective.value, sample_id)
        self.unwait(objective, sample_id, former_id)
        self._journalled.pop(key, None)
        self._taken.of(objective).add(key)
        if former_id is not None:
            self.take_former(objective, former_id)

    def take_former(self, objective: Objective, former_id: str) -> None:
        """A sample has been chosen that had this id before messages 1.1."""
        self._taken_formers.of(objective).add(key_of(objective.value, former_id))

    def take_earlier(self, objective: Objective, sample_id: str, former_id: str | None = None) -> None:
        """The sample was trained in a round before this one."""
        for known in (sample_id, former_id):
            if known is not None:
                self._earlier.of(objective).add(key_of(objective.value, known))

    def untake(self, objective: Objective, sample_id: str, former_id: str | None = None) -> None:
        """It was chosen and then not trained on: another record of it is no duplicate."""
        self._taken.of(objective).discard(key_of(objective.value, sample_id))
        if former_id is not None:
            self._taken_formers.of(objective).discard(key_of(objective.value, former_id))

    def give_up(self, objective: str, sample_id: str) -> None:
        """A journalled sample will not come: a record of it elsewhere may be taken."""
        self._journalled.pop(key_of(objective, sample_id), None)

    def new_pass(self, objective: Objective) -> None:
        """Every sample of the round may be taken once again."""
        self._taken.of(objective).clear()
        self._taken_formers.of(objective).clear()

    def new_round(self, objective: Objective) -> None:
        """What was taken so far is not taken again, in whatever pass."""
        earlier = self._earlier.of(objective)
        for memory in (self._taken, self._taken_formers):
            for key in memory.of(objective):
                earlier.add(key)
            memory.of(objective).clear()

    def __len__(self) -> int:
        """Ids taken that are remembered."""
        return len(self._taken)


class _Memory:
    """Recent ids by objective."""

    def __init__(self, horizon: int) -> None:
        self._horizon = horizon
        self._ids: dict[Objective, RecentIds[int]] = {}

    def of(self, objective: Objective) -> RecentIds[int]:
        return self._ids.setdefault(objective, RecentIds(self._horizon))

    def __len__(self) -> int:
        return sum(len(ids) for ids in self._ids.values())


@lru_cache(maxsize=4096)  # asked for when a sample comes, when it waits and when it is taken
def key_of(objective: str, sample_id: str) -> int:
    """64 bits of objective and id: a tenth of the memory, and two of a million ids meet with a chance of 3e-8."""
    return int.from_bytes(hashlib.blake2b(f"{objective}\x1f{sample_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest())
