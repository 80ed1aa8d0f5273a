"""The account of a run: what became of every record on `samples`, read from the topics and the checkpoint, not from the nodes' counters.

Each record that a producer sent ends in exactly one of: trained, validation, prompt, dead letter, duplicate. What our own nodes sent back
(variants, pairs) is counted the same way, on a line of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import BadRecord, PeltonError
from schemas.sample import Sample
from streams.kafka.consumer import Record, read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.ledger import LedgerRow, Outcome

PAIRS = "feedback"
"""Origin of preference pairs."""
ENDS = ("trained", "validation", "prompts", "dead_letters", "duplicates")
OF_OUTCOME = {Outcome.TRAINED: "trained", Outcome.VALIDATION: "validation", Outcome.PROMPT: "prompts", Outcome.UNREWARDED: "prompts"}


class AccountNotExact(PeltonError):  # noqa: N818 - it names what is wrong
    """A record ended nowhere, or a sample was trained twice in one pass."""


@dataclass
class Account:
    """Counts by end, for producers' records and for our own."""

    produced: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    ours: int = 0
    ours_ends: Counter[str] = field(default_factory=Counter)
    pairs_ends: Counter[str] = field(default_factory=Counter)
    """Of ours, the ends of the feedback node's pairs."""
    lost: list[str] = field(default_factory=list)
    """Records that ended nowhere, as `topic:partition:offset id`."""
    doubled: list[str] = field(default_factory=list)
    """Sample ids trained more than once in one pass."""

    @property
    def exact(self) -> bool:
        """Whether every record has its one end."""
        sums = self.produced == self.ends.total() and self.ours == self.ours_ends.total()
        return sums and not self.lost and not self.doubled

    def verify(self) -> None:
        """Raises AccountNotExact with what is wrong, in one line."""
        if self.exact:
            return
        parts = []
        if self.lost:
            parts.append(f"{len(self.lost)} records ended nowhere, the first {self.lost[0]}")
        if self.doubled:
            parts.append(f"{len(self.doubled)} samples were trained twice in one pass, the first {self.doubled[0]}")
        raise AccountNotExact("the account is not exact: " + ("; ".join(parts) or "the sums do not agree"))

    def numbers(self) -> dict[str, int]:
        """The account as the summary and the report show it."""
        return {
            "samples_produced": self.produced,
            **{name: self.ends[name] for name in ENDS},
            "variants": self.ours - self.pairs_ends.total(),
            "variants_trained": self.ours_ends["trained"] - self.pairs_ends["trained"],
            "pairs": self.pairs_ends.total(),
            "pairs_trained": self.pairs_ends["trained"],
        }


@dataclass(frozen=True)
class Ends:
    """Where samples ended, by id and by position."""

    by_id: dict[str, str]
    dead_positions: set[tuple[str, int, int]]
    doubled: list[str]


def ends_of(rows: Iterable[LedgerRow], dead: Iterable[Any]) -> Ends:
    """From the ledger of the surviving checkpoint, and the dead letters as (letter, record) pairs."""
    by_id: dict[str, str] = {}
    trained: Counter[tuple[int, str]] = Counter()
    for row in rows:
        if row.outcome is Outcome.TRAINED:
            trained[(row.pass_number, row.sample_id)] += 1
        if row.outcome in OF_OUTCOME:
            by_id[row.sample_id] = OF_OUTCOME[row.outcome]
    positions = set()
    for letter, _ in dead:
        positions.add((letter.topic, letter.partition, letter.offset))
        if letter.sample_id and letter.stage == "trainer":
            by_id.setdefault(letter.sample_id, "dead_letters")
    return Ends(by_id, positions, [sample_id for (_, sample_id), times in trained.items() if times > 1])


def take_account(settings: KafkaSettings, rows: Iterable[LedgerRow]) -> Account:
    """Read `samples` and the dead letters from beginning to end, and find where each record ended."""
    return account_of(read_range(settings, settings.topics.samples.name), ends_of(rows, read_dead_letters(settings)))


def account_of(records: Iterable[Record], ends: Ends) -> Account:
    """The account over these records."""
    account = Account(doubled=ends.doubled)
    seen: set[str] = set()
    for record in sorted(records, key=lambda record: (record.timestamp, record.partition, record.offset)):
        position = (record.topic, record.partition, record.offset)
        origin, sample_id = _read(record)
        ours = bool(origin)
        end: str | None
        if position in ends.dead_positions:
            end = "dead_letters"
        elif sample_id in seen:
            end = "duplicates"
        else:
            end = ends.by_id.get(sample_id)
            seen.add(sample_id)
        account.produced += not ours
        account.ours += ours
        if end is None:
            account.lost.append(f"{record.topic}:{record.partition}:{record.offset} {sample_id}")
        else:
            (account.ours_ends if ours else account.ends)[end] += 1
            account.pairs_ends[end] += origin == PAIRS
    return account


def _read(record: Record) -> tuple[str, str]:
    """Which of our nodes sent it, if one did, and its sample id; an unreadable record is a producer's, and has none."""
    try:
        sample = Sample.decode(record.value)
    except BadRecord:
        return "", ""
    return (sample.origin or "") if sample.is_ours else "", sample.sample_id
