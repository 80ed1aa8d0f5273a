"""Which bands are open, and what each gives to a batch."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.training_sample import BANDS
from trainer_node.commit.state import PacingState
from trainer_node.competence import ENDLESS, Form, Horizon, competence, horizon_of
from trainer_node.curricula import Curriculum
from trainer_node.intake.apportion import apportioned
from trainer_node.intake.pacing import HELD_BACK, Pacing
from trainer_node.intake.pacing_plan import PacingPlan, plan_of

WAITING = st.lists(st.integers(0, 60), min_size=BANDS, max_size=BANDS)
PLANS = st.builds(
    PacingPlan,
    st.sampled_from(Form),
    st.one_of(st.none(), st.builds(Horizon, st.integers(1, 500), st.sampled_from(["samples", "tokens", "steps"]))),
    st.booleans(),
    st.booleans(),
)
BY_STEPS = PacingPlan(Form.STEP, Horizon(2 * BANDS, "steps"))


def train(pacing: Pacing, counts: list[int], tokens: int = 0) -> None:
    """So many samples of each band."""
    first = [max(reached, 0) for reached in pacing.reached]
    pacing.chosen([range(start, start + count) for start, count in zip(first, counts, strict=True)], tokens)


@given(plan=PLANS, waiting=WAITING, behind=WAITING, trained=WAITING, size=st.integers(1, 50), highest=st.integers(0, BANDS - 1))
def test_a_batch_is_as_full_as_the_open_bands_allow_and_takes_nothing_from_closed_ones(plan, waiting, behind, trained, size, highest):
    pacing = Pacing(plan)
    train(pacing, trained, 7)
    pacing.open_to(highest)
    left = [here + more for here, more in zip(waiting, behind, strict=True)]
    shares = pacing.shares(left, waiting, size)
    assert sum(shares) == min(size, sum(waiting[: pacing.highest + 1]))
    assert all(0 <= share <= there for share, there in zip(shares, waiting, strict=True))


@given(plan=PLANS, left=WAITING, more=WAITING, size=st.integers(1, 20), highest=st.integers(0, BANDS - 1))
def test_what_has_arrived_beyond_a_whole_batch_changes_no_share(plan, left, more, size, highest):
    """The log decides, not how far it was fetched."""
    pacing = Pacing(plan, highest=highest)
    left = [one + other for one, other in zip(left, more, strict=True)]
    some, all_of_it = [min(count, size) for count in left], left
    assert pacing.shares(left, some, size) == pacing.shares(left, all_of_it, size)


@pytest.mark.parametrize("form", list(Form))
def test_competence_grows_from_its_beginning_to_everything_and_never_falls(form):
    values = [competence(form, step / 100) for step in range(-5, 120)]
    assert values == sorted(values)
    assert 0 < values[0] <= 1 / BANDS
    assert values[-1] == values[105] == pytest.approx(1.0)


def test_the_root_is_ahead_of_the_line_and_a_step_is_a_band():
    assert competence(Form.ROOT, 0.25) == pytest.approx((0.01 + 0.99 * 0.25) ** 0.5)
    assert competence(Form.LINEAR, 0.25) == pytest.approx(0.1 + 0.9 * 0.25)
    assert [competence(Form.STEP, p) for p in (0, 0.19, 0.2, 0.5, 0.99, 1)] == [0.2, 0.2, 0.4, 0.6, 1.0, 1.0]


@given(weights=st.lists(st.floats(0, 10), min_size=1, max_size=6), count=st.integers(0, 40), number=st.integers(0, 10_000))
def test_whole_samples_are_within_one_of_their_shares_and_add_up(weights, count, number):
    given_out = apportioned(weights, count, number)
    total = sum(weights)
    assert sum(given_out) == (count if total else 0)
    if total:
        assert all(abs(made - weight / total * count) < 1 + 1e-6 for made, weight in zip(given_out, weights, strict=True))


def test_a_share_that_is_too_small_for_a_batch_is_given_in_one_of_several():
    given_out = [apportioned([7.95, 0.05], 8, number)[1] for number in range(1000)]
    assert set(given_out) == {0, 1}
    assert sum(given_out) in range(47, 54), "0.05 of a sample a batch"
    waits = [index for index, made in enumerate(given_out) if made]
    assert max(later - earlier for earlier, later in itertools.pairwise(waits)) <= 60, "and never long without"


def test_over_a_stated_horizon_bands_open_by_samples_tokens_or_steps_and_a_new_pass_begins_with_the_easiest():
    for unit, tokens in (("samples", 0), ("tokens", 4), ("steps", 0)):
        pacing = Pacing(PacingPlan(Form.STEP, Horizon(10 if unit == "steps" else 40, unit)))
        opened = []
        for _ in range(11):
            train(pacing, [4, 0, 0, 0, 0], tokens)
            opened.append(pacing.highest)
        assert opened == [0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4], unit
        pacing.restart()
        assert pacing.snapshot() == PacingState()


def test_in_a_pass_of_known_length_a_band_opens_when_it_is_due_however_many_samples_there_are():
    small, large = Pacing(), Pacing()
    for pacing, scale in ((small, 1), (large, 1000)):
        left = [100 * scale] * BANDS
        assert not pacing.open_for(left, 10 * scale), "the easiest has enough"
        assert pacing.highest == 0
        train(pacing, [60 * scale, 0, 0, 0, 0])
        assert pacing.open_for([40 * scale] + [100 * scale] * 4, 10 * scale)
        assert pacing.highest == 1


def test_rehearsal_is_given_of_bands_that_are_done_but_for_what_was_held_back():
    pacing = Pacing(highest=2)
    train(pacing, [95, 92, 20, 0, 0])
    left = [5, 8, 80, 100, 100]
    weights = pacing.weights(left, 20)
    assert sum(weights) == pytest.approx(20)
    assert 0 < weights[0] < 1.5
    assert 0 < weights[1] < 2
    assert weights[2] > 16
    assert weights[3:] == [0, 0], "closed"


def test_after_a_stated_horizon_all_bands_are_drained_evenly_and_each_has_a_floor():
    pacing = Pacing(PacingPlan(Form.ROOT, Horizon(100)), highest=4)
    train(pacing, [60, 30, 20, 10, 0])
    weights = pacing.weights([10, 20, 30, 40, 900], 50)
    floor = HELD_BACK * 50 / BANDS
    assert weights == pytest.approx([floor + 45 * left / 1000 for left in (10, 20, 30, 40, 900)])


def test_without_a_curriculum_all_bands_are_open_at_once_and_each_gives_by_what_it_has():
    pacing = Pacing(plan_of(Curriculum.OFF, Form.ROOT, "auto", None, ends=True))
    assert pacing.highest == BANDS - 1
    train(pacing, [3, 2, 9, 0, 0])
    assert pacing.weights([10, 20, 30, 40, 100], 20) == pytest.approx([1, 2, 3, 4, 10])


@pytest.mark.parametrize(
    ("waiting", "shares"),
    [([0, 60, 1, 0, 0], [0, 8, 0, 0, 0]), ([1, 1, 1, 60, 60], [1, 1, 1, 0, 0]), ([0, 0, 60, 0, 0], [0, 0, 8, 0, 0])],
)
def test_what_a_band_lacks_comes_from_the_easiest_that_has_more(waiting, shares):
    assert Pacing(BY_STEPS, highest=2).shares([30, 30, 30, 60, 60], waiting, 8) == shares


def test_opening_the_next_band_says_whether_there_was_one():
    pacing = Pacing(highest=BANDS - 2)
    assert pacing.advance() is True
    assert pacing.advance() is False
    assert pacing.highest == BANDS - 1


@given(plan=PLANS, batches=st.lists(WAITING, max_size=5), more=WAITING)
def test_a_restored_pacing_goes_on_where_it_was(plan, batches, more):
    before, after = Pacing(plan), Pacing(plan)
    for counts in batches:
        train(before, counts, sum(counts))
    after.restore(PacingState.model_validate_json(before.snapshot().model_dump_json()))
    assert after == before
    assert after.shares(more, more, 16) == before.shares(more, more, 16)


def test_a_checkpoint_that_knows_open_bands_and_steps_alone_goes_on_with_them():
    old = PacingState.model_validate({"highest": 2, "steps_here": 1})
    pacing = Pacing(BY_STEPS)
    pacing.restore(old)
    assert (pacing.highest, pacing.steps) == (2, 5)
    other = Pacing()
    other.restore(old)
    assert other.highest == 2


def test_a_run_whose_order_is_turned_round_has_all_bands_open_and_keeps_what_was_trained_of_each():
    before = Pacing()
    train(before, [40, 10, 0, 0, 0])
    after = Pacing(plan_of(Curriculum.REVERSE, Form.ROOT, "auto", None, ends=True))
    after.restore(before.snapshot())
    assert (after.highest, after.taken) == (BANDS - 1, [0, 0, 0, 10, 40])


def test_a_horizon_is_a_number_of_samples_or_tokens_or_the_pass():
    assert (horizon_of("auto"), horizon_of("5000")) == (None, Horizon(5000))
    assert (horizon_of("5000 samples"), horizon_of("2000000tokens")) == (Horizon(5000), Horizon(2_000_000, "tokens"))
    assert plan_of(Curriculum.DIFFICULTY, Form.ROOT, "auto", None, ends=False).horizon == ENDLESS
    assert plan_of(Curriculum.DIFFICULTY, Form.ROOT, "auto", 3, ends=True) == PacingPlan(Form.STEP, Horizon(15, "steps"))
    for wrong in ("", "0", "-3", "5 apples", "1e6"):
        with pytest.raises(ValueError, match="neither `auto` nor a number of samples or tokens"):
            horizon_of(wrong)
