"""What became of every record, in a few bytes each."""

from __future__ import annotations

import random
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from schemas.errors import CheckpointError
from trainer_node.commit.ledger import Ledger, LedgerRow, Outcome, Segment, lineage_of, orphans, read_segment, write_segment

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


@pytest.mark.parametrize(
    ("there", "sealed", "levels"),
    [
        ([(40, 3)], 8, [3, 1]),
        ([(39, 3)], 8, [3] + [0] * 8),  # they would be more than a sixth of all
        ([(40, 3)], 7, [3] + [0] * 7),
        ([(500, 3), (8, 1)], 7, [3, 1] + [0] * 7),  # the last eight are of two classes
        ([(500, 3), (8, 1)], 8, [3, 1, 1]),
        ([(900, 3), *[(8, 1)] * 7], 8, [3, 2]),  # as a counter carries
    ],
)
def test_eight_segments_of_a_class_become_one_of_the_next_where_they_are_at_most_a_sixth_of_all(tmp_path, there, sealed, levels):
    ledger = Ledger(tmp_path, [write_segment(tmp_path, rows_of(count), level) for count, level in there])
    rows = list(ledger.rows())
    for row in rows_of(sealed):
        ledger.add(row)
        ledger.seal()
    assert [segment.level for segment in ledger.segments] == levels
    assert list(Ledger(tmp_path, ledger.segments).rows()) == rows + rows_of(sealed)


def test_a_segment_is_of_the_lowest_class_unless_it_is_merged(tmp_path):
    written = write_segment(tmp_path / "runs" / "r" / "ledger", rows_of(2))
    assert (written.rows, written.level) == (2, 0)
    assert Segment("s", 1, 2, "hash").level == 0, "as the oldest manifests have it"
    assert write_segment(tmp_path / "runs" / "r" / "ledger", rows_of(2)) == written, "the same rows are the same segment"
    assert read_segment(tmp_path / "runs" / "r" / "ledger", written) == rows_of(2)


def test_columns_are_of_the_types_and_encodings_that_make_a_row_small(tmp_path):
    segment = write_segment(tmp_path, rows_of(2000))
    assert segment.name == f"segment-{segment.sha256[:24]}.parquet"
    file = pq.ParquetFile(tmp_path / segment.name)
    columns = {column.path_in_schema: column for column in map(file.metadata.row_group(0).column, range(file.metadata.num_columns))}
    assert {name: column.physical_type for name, column in columns.items()} == {
        "topic": "BYTE_ARRAY",
        "partition": "INT32",
        "offset": "INT64",
        "sample_id": "BYTE_ARRAY",
        "outcome": "BYTE_ARRAY",
        "pass": "INT32",
        "step": "INT64",
    }
    encodings = {"topic": "RLE_DICTIONARY", "outcome": "RLE_DICTIONARY", "sample_id": "DELTA_LENGTH_BYTE_ARRAY"}
    for name, column in columns.items():
        assert encodings.get(name, "DELTA_BINARY_PACKED") in column.encodings, name
        assert (column.compression, column.is_stats_set) == ("ZSTD", False)
    assert not file.metadata.metadata, "no second schema beside Parquet's"
    plain = tmp_path / "plain.parquet"
    pq.write_table(file.read(), plain, compression="zstd", use_dictionary=["topic", "outcome"], store_schema=False)
    assert segment.bytes < plain.stat().st_size


def test_columns_have_their_types_also_where_no_row_tells_them(tmp_path):
    full, empty = (pq.read_schema(tmp_path / write_segment(tmp_path, rows_of(count)).name) for count in (3, 0))
    for name in ("partition", "offset", "sample_id", "pass", "step"):
        assert full.field(name).type == empty.field(name).type


def test_a_segment_is_on_the_disk_before_it_has_its_name(tmp_path, disk):
    segment = write_segment(tmp_path, rows_of(3))
    (synced, _), (_, staging, name) = disk.events
    assert (synced, name) == ("sync", segment.name)
    assert disk.synced[staging] == (tmp_path / segment.name).read_bytes()


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
    assert ledger.trained_ids(range(2, 3), topics, limit) == [row.sample_id for row in second][-limit:]


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


def test_the_id_that_a_sample_had_before_is_kept_through_merges_beside_rows_that_have_none(tmp_path):
    ledger, rows = Ledger(tmp_path), rows_of(3000)
    for number in range(7, 3000, 200):  # some segments have such a row, others have none
        rows[number] = replace(rows[number], former_id=f"h-{number}")
    fill(ledger, rows, 40)
    assert any(segment.level for segment in ledger.segments)
    assert list(Ledger(tmp_path, ledger.segments).rows()) == rows
    newest = ledger.trained_rows(range(1, 2), {row.topic for row in rows}, 300)
    assert [row.former_id for row in newest if row.former_id] == ["h-2807"]
