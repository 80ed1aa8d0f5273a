"""Which bands are open, and what each gives to a batch."""

from __future__ import annotations

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
