"""What became of every record, in a few bytes each."""

from __future__ import annotations

import random

import pytest

from schemas.errors import CheckpointError
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome, lineage_of, orphans, read_segment

SEED = 7


def rows_of(count: int, step_size: int = 8, pass_number: int = 1) -> list[LedgerRow]:
    rng = random.Random(SEED)
    return [
        LedgerRow(f"p.curriculum.sft.{rng.randrange(5)}", 0, n, f"{rng.getrandbits(64):016x}", Outcome.TRAINED, pass_number, n // step_size)
        for n in range(count)
    ]


def fill(ledger: Ledger, rows: list[LedgerRow], every: int) -> None:
    for number, row in enumerate(rows, 1):
        ledger.add(row)
        if number % every == 0:
            ledger.seal()
    ledger.seal()


def test_merging_segments_keeps_every_row_in_order(tmp_path):
    ledger, rows = Ledger(tmp_path), rows_of(3000)
    fill(ledger, rows, 40)
    assert len(ledger.segments) < 60
    assert list(Ledger(tmp_path, ledger.segments).rows()) == rows


def test_a_sample_costs_at_most_20_bytes_on_disk_with_random_ids(tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger, rows_of(24_000), 400)
    assert sum(segment.bytes for segment in ledger.segments) <= 20 * 24_000


def test_rows_since_the_last_seal_are_there_too(tmp_path):
    ledger, rows = Ledger(tmp_path), rows_of(3)
    for row in rows:
        ledger.add(row)
    assert list(ledger.rows()) == rows


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 250, 251, 1000])
def test_ids_remembered_are_the_newest_of_the_pass_up_to_the_horizon(tmp_path, limit):
    ledger = Ledger(tmp_path)
    first, second = rows_of(300, pass_number=1), rows_of(250, pass_number=2)
    fill(ledger, first, 100)
    fill(ledger, second, 100)
    topics = {row.topic for row in second}
    assert ledger.trained_ids(2, topics, limit) == [row.sample_id for row in second][-limit:]


def test_a_segment_that_is_not_what_the_manifest_names_is_refused(tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger, rows_of(10), 100)
    path = tmp_path / ledger.segments[0].name
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="does not match its hash"):
        read_segment(tmp_path, ledger.segments[0])
    path.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        list(ledger.rows())


def test_lineage_is_the_exact_offset_ranges_trained():
    rows = [LedgerRow("t", 0, offset, "x", outcome, 1, 1) for offset, outcome in [(1, Outcome.TRAINED), (2, Outcome.TRAINED)]]
    rows += [LedgerRow("t", 0, 3, "y", Outcome.DEAD_LETTER, 1, 1), LedgerRow("t", 0, 5, "z", Outcome.TRAINED, 1, 2)]
    assert lineage_of([*rows, rows[0]]) == {"t:0": ((1, 2), (5, 5))}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_printed_line_says_trained_dead_letter_or_skipped_and_why(outcome):
    line = LedgerRow("t", 1, 2, "s", outcome, 3, 4).document()
    assert line["outcome"] in ("trained", "dead_letter", "skipped")
    assert (line["topic"], line["partition"], line["offset"], line["sample_id"], line["pass"], line["step"]) == ("t", 1, 2, "s", 3, 4)
    assert line.get("why") == (outcome.value if line["outcome"] == "skipped" else None)


def test_what_no_checkpoint_names_is_an_orphan(tmp_path):
    ledger = Ledger(tmp_path)
    fill(ledger, rows_of(10), 5)
    (tmp_path / ".staging-1.parquet").touch()
    names = [segment.name for segment in ledger.segments]
    assert sorted(orphans(tmp_path, {names[0]})) == sorted([names[1], ".staging-1.parquet"])
