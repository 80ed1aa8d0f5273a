"""How far a partition is done: built on what was delivered, never on arithmetic over offsets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainer_node.commit.positions import PartitionProgress, Positions, ranges
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
