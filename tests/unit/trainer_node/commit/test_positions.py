"""How far a partition is done: built on what was delivered, never on arithmetic over offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer_node.commit.positions import (
    PartitionProgress,
    Positions,
    partition_name,
    partition_of,
    positions_in,
    ranges,
    ranges_by_partition,
)
from trainer_node.commit.state import PartitionState

SOME = st.sets(st.integers(min_value=0, max_value=40), max_size=30)


@given(delivered=SOME, data=st.data())
def test_all_below_the_watermark_is_done_and_offsets_never_delivered_count_as_done(delivered, data):
    done = data.draw(st.sets(st.sampled_from(sorted(delivered)))) if delivered else set()
    progress = PartitionProgress(0)
    for offset in sorted(delivered):
        assert progress.delivered(offset)
    progress.fetched_to(50)
    for offset in data.draw(st.permutations(sorted(done))):
        progress.done(offset)
    assert progress.watermark == min(delivered - done, default=50)
    assert progress.pending == len(delivered - done)


@given(delivered=SOME, data=st.data())
def test_after_a_restore_exactly_what_was_not_done_is_taken_again(delivered, data):
    done = data.draw(st.sets(st.sampled_from(sorted(delivered)))) if delivered else set()
    before = PartitionProgress(0)
    for offset in sorted(delivered):
        before.delivered(offset)
    for offset in done:
        before.done(offset)
    before.fetched_to(50)
    after = PartitionProgress.restore(PartitionState.model_validate_json(before.snapshot().model_dump_json()))
    again = {offset for offset in sorted(delivered) if offset >= after.watermark and after.delivered(offset)}
    assert again == delivered - done


def test_a_record_delivered_twice_is_taken_once():
    progress = PartitionProgress(0)
    assert progress.delivered(3)
    assert not progress.delivered(3)
    progress.done(3)
    assert not progress.delivered(3)


@given(done=SOME, first=st.integers(0, 40), length=st.integers(0, 20))
def test_what_retention_took_is_named_without_what_was_done_before(done, first, length):
    progress = PartitionProgress(0)
    for offset in done:
        progress.delivered(offset)
        progress.done(offset)
    lost = {offset for begin, end in progress.lost(first, first + length) for offset in range(begin, end + 1)}
    assert lost == set(range(first, first + length + 1)) - done


def test_what_lies_below_the_start_or_the_watermark_is_not_taken_and_the_fetch_position_never_goes_back():
    progress = PartitionProgress(5)
    assert not progress.delivered(4)
    assert progress.delivered(7)
    assert (progress.watermark, progress.next_offset, progress.pending) == (7, 8, 1)
    progress.fetched_to(3)
    progress.done(7)
    assert (progress.watermark, progress.next_offset, progress.pending) == (8, 8, 0)
    assert not progress.delivered(6), "it was never delivered, and the fetch position has passed it"
    progress.fetched_to(12)
    assert progress.watermark == 12


def test_a_snapshot_holds_the_watermark_and_what_is_done_above_it_alone():
    progress = PartitionProgress(0)
    for offset in (0, 1, 2, 4, 5, 8):
        progress.delivered(offset)
    for offset in (0, 1, 4, 5, 8):
        progress.done(offset)
    state = progress.snapshot()
    assert (state.watermark, state.done) == (2, ((4, 5), (8, 8)))
    progress.done(2)
    assert (progress.snapshot().watermark, progress.snapshot().done) == (9, ())


def test_positions_are_restored_by_name_and_a_partition_that_no_snapshot_knows_keeps_its_start():
    before = Positions({("b", 1): 3, ("a", 0): 5})
    before[("b", 1)].delivered(3)
    before[("b", 1)].done(3)
    snapshot = before.snapshot()
    assert list(snapshot) == ["a:0", "b:1"]
    after = Positions({("a", 0): 0, ("b", 1): 0, ("c", 0): 7})
    after.restore(snapshot)
    assert after.watermarks() == {("a", 0): 5, ("b", 1): 4, ("c", 0): 7}


@pytest.mark.parametrize(("partition", "name"), [(("sft.0", 3), "sft.0:3"), (("a:b", 12), "a:b:12")])
def test_a_partition_s_name_is_its_topic_and_number_and_is_read_back(partition, name):
    assert partition_name(partition) == name
    assert partition_of(name) == partition


def test_record_positions_become_ranges_by_partition_in_any_order_and_back():
    positions = [("t", 1, 5), ("t", 0, 2), ("t", 1, 4), ("t", 0, 0), ("s", 0, 9), ("t", 1, 6)]
    found = ranges_by_partition(positions)
    assert found == {"s:0": ((9, 9),), "t:0": ((0, 0), (2, 2)), "t:1": ((4, 6),)}
    assert list(positions_in(found)) == sorted(positions)


def test_a_rewind_forgets_the_pass_before():
    positions = Positions({("t", 0): 5})
    positions[("t", 0)].delivered(5)
    positions[("t", 0)].done(5)
    positions.rewind({("t", 0): 5})
    assert positions[("t", 0)].delivered(5)
    assert positions.watermarks() == {("t", 0): 5}


@given(SOME)
def test_ranges_name_each_offset_once(offsets):
    named = [offset for first, last in ranges(sorted(offsets)) for offset in range(first, last + 1)]
    assert named == sorted(offsets)
