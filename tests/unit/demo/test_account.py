"""The account closes only when every record has exactly one end."""

from __future__ import annotations

import pytest

from demo.account import AccountNotExact, account_of, ends_of
from schemas.sample import Sample
from streams.kafka.consumer import Record
from trainer_node.commit.ledger import LedgerRow, Outcome


def record(offset: int, sample: Sample | None) -> Record:
    return Record("samples", 0, offset, None, sample.encode() if sample else b"{", (), offset)


def row(sample_id: str, outcome: Outcome = Outcome.TRAINED, pass_number: int = 1) -> LedgerRow:
    return LedgerRow("curriculum.sft.0", 0, 0, sample_id, outcome, pass_number, 1)


class Letter:
    """A dead letter's position."""

    def __init__(self, topic: str, offset: int, sample_id: str | None = None, stage: str = "curriculum") -> None:
        self.topic, self.partition, self.offset, self.sample_id, self.stage = topic, 0, offset, sample_id, stage


def test_each_record_has_one_end_and_variants_and_pairs_are_counted_apart():
    records = [
        record(0, Sample(sample_id="a", text="x")),
        record(1, Sample(sample_id="a", text="x")),
        record(2, None),
        record(3, Sample(sample_id="v", text="x", split="validation")),
        record(4, Sample(sample_id="p", prompt="x")),
        record(5, Sample(sample_id="a-1", text="y", origin="augmenter", parent_id="a")),
        record(6, Sample(sample_id="nan", text="z")),
        record(7, Sample(sample_id="p-1", prompt="x", chosen="y", rejected="z", origin="feedback")),
    ]
    rows = [row("a"), row("a", pass_number=2), row("v", Outcome.VALIDATION), row("p", Outcome.PROMPT), row("a-1"), row("p-1")]
    letters = [(Letter("samples", 2), None), (Letter("curriculum.sft.0", 9, "nan", "trainer"), None)]
    account = account_of(records, ends_of(rows, letters))
    account.verify()
    assert account.numbers() == {
        "samples_produced": 6,
        "trained": 1,
        "validation": 1,
        "prompts": 1,
        "dead_letters": 2,
        "duplicates": 1,
        "variants": 1,
        "variants_trained": 1,
        "pairs": 1,
        "pairs_trained": 1,
    }


def test_a_record_that_ended_nowhere_is_named():
    account = account_of([record(7, Sample(sample_id="gone", text="x"))], ends_of([], []))
    with pytest.raises(AccountNotExact, match="1 records ended nowhere, the first samples:0:7 gone"):
        account.verify()


def test_a_sample_trained_twice_in_one_pass_is_named():
    account = account_of([record(0, Sample(sample_id="a", text="x"))], ends_of([row("a"), row("a")], []))
    with pytest.raises(AccountNotExact, match="1 samples were trained twice in one pass, the first a"):
        account.verify()
