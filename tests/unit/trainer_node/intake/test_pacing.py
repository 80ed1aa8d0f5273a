"""Which bands are open, and what each gives to a batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.training_sample import BANDS
from trainer_node.commit.state import PacingState
from trainer_node.intake.pacing import Pacing

WAITING = st.lists(st.integers(0, 60), min_size=BANDS, max_size=BANDS)


@given(waiting=WAITING, size=st.integers(1, 50), highest=st.integers(0, BANDS - 1))
def test_a_batch_is_as_full_as_the_open_bands_allow_and_takes_nothing_from_closed_ones(waiting, size, highest):
    shares = Pacing(8, highest=highest).shares(waiting, size)
    assert sum(shares) == min(size, sum(waiting[: highest + 1]))
    assert all(0 <= share <= there for share, there in zip(shares, waiting, strict=True))
    assert not any(shares[highest + 1 :])


@given(waiting=WAITING, more=WAITING, size=st.integers(1, 20), highest=st.integers(0, BANDS - 1))
def test_what_waits_beyond_a_whole_batch_changes_no_share(waiting, more, size, highest):
    pacing = Pacing(8, highest=highest)
    larger = [there + extra if there >= size else there for there, extra in zip(waiting, more, strict=True)]
    assert pacing.shares(waiting, size) == pacing.shares(larger, size)


@pytest.mark.parametrize(
    ("highest", "size", "waiting", "shares"),
    [
        (0, 8, [60] * 5, [8, 0, 0, 0, 0]),
        (1, 8, [60] * 5, [4, 4, 0, 0, 0]),
        (2, 8, [60] * 5, [2, 2, 4, 0, 0]),
        (4, 16, [60] * 5, [2, 2, 2, 2, 8]),
        (2, 10, [60] * 5, [2, 2, 6, 0, 0]),  # what does not divide goes to the newest
        (3, 1, [60] * 5, [0, 0, 0, 1, 0]),
    ],
)
def test_half_a_batch_is_of_the_newest_band_and_the_rest_is_spread_evenly_below(highest, size, waiting, shares):
    assert Pacing(8, highest=highest).shares(waiting, size) == shares


@pytest.mark.parametrize(
    ("waiting", "shares"),
    [
        ([60, 0, 60, 0, 0], [4, 0, 4, 0, 0]),  # not from the hardest
        ([60, 60, 1, 0, 0], [5, 2, 1, 0, 0]),
        ([3, 60, 1, 0, 0], [3, 4, 1, 0, 0]),
        ([0, 0, 60, 0, 0], [0, 0, 8, 0, 0]),
        ([1, 1, 1, 60, 60], [1, 1, 1, 0, 0]),
    ],
)
def test_what_a_band_lacks_comes_from_the_easiest_that_has_more(waiting, shares):
    assert Pacing(8, highest=2).shares(waiting, 8) == shares


def test_opening_the_next_band_says_whether_there_was_one_and_counts_its_steps_anew():
    pacing = Pacing(8, highest=BANDS - 2, steps_here=5)
    assert pacing.advance() is True
    assert (pacing.highest, pacing.steps_here) == (BANDS - 1, 0)
    assert pacing.advance() is False
    assert pacing.highest == BANDS - 1


def test_a_restored_pacing_goes_on_where_it_was():
    before = Pacing(3)
    for _ in range(4):
        before.step_chosen()
    after = Pacing(3)
    after.restore(before.snapshot())
    assert after == before
    assert (before.highest, before.steps_here) == (1, 1)


def test_the_next_band_opens_after_its_steps_and_a_restart_begins_with_the_easiest():
    pacing = Pacing(2)
    opened = []
    for _ in range(12):
        pacing.step_chosen()
        opened.append(pacing.highest)
    assert opened == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4, 4]
    pacing.restart()
    assert pacing.snapshot() == PacingState(highest=0, steps_here=0)


@given(band=st.integers(0, BANDS - 1), steps=st.integers(0, 5))
def test_opening_up_to_a_band_after_a_crash_is_opening_each_because_the_others_were_dry(band, steps):
    one, other = Pacing(7, steps_here=steps), Pacing(7, steps_here=steps)
    one.open_to(band)
    while other.highest < band:
        other.advance()
    assert one == other
