"""The demo trains what fits into its promise at the speed that it measures, what is asked for first, and says what it leaves out."""

from __future__ import annotations

import pytest

from demo.plan import ANSWER, BACK, BETWEEN, ENDING_S, FEW, PAIR, SHARE_OF_PAIRS, HeldBack, Plan, Speed, left_out, plan

HELD = HeldBack(sent=36, samples=190, prompts=24, asked=78, pairs=6, passes=3, answers=4)
WANTED = 40
"""Of the samples held back, those that a question asks for."""


def looked(speed: Speed, *sums: tuple[float, float]) -> float | None:
    for seconds, samples in sums:
        speed.look({"pelton_step_seconds_sum": seconds, "pelton_samples_trained_total": samples})
    return speed.seconds


def spent(planned: Plan, seconds: float) -> float:
    """By the same figures, seconds that all of it takes."""
    supervised = (HELD.sent + planned.samples) * HELD.passes * (1 + BACK)
    pairs = (HELD.pairs + planned.prompts * SHARE_OF_PAIRS) * HELD.passes * PAIR
    return ENDING_S + BETWEEN * seconds * (supervised + pairs + (HELD.asked + planned.prompts * HELD.answers) * ANSWER)


def test_a_fast_machine_trains_all_and_leaves_nothing_out():
    planned = plan(HELD, 0.02, elapsed_s=40, promise_s=300)
    assert (planned.samples, planned.prompts) == (HELD.samples, HELD.prompts)
    assert left_out([None] * HELD.samples, planned, HELD, WANTED) is None


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.45, 2.0])
def test_a_slower_machine_trains_what_fits_and_says_what_it_left_out(seconds):
    planned = plan(HELD, seconds, elapsed_s=70, promise_s=300)
    assert spent(planned, seconds) <= 300 - 70 or planned == Plan(0, FEW, planned.told)
    told = left_out([None] * HELD.samples, planned, HELD, WANTED)
    assert f"{seconds:.2f} s a sample after 70 s" in told
    assert f"{HELD.samples - max(planned.samples, WANTED)} further facts" in told
    assert ("are asked for" in told) == (planned.samples < WANTED)
    assert planned.prompts >= FEW


def test_the_slower_the_machine_the_less_is_sent_and_the_loop_is_closed_on_the_slowest():
    sent = [plan(HELD, seconds, elapsed_s=60, promise_s=300) for seconds in (0.02, 0.1, 0.2, 0.4, 5.0)]
    assert [one.samples for one in sent] == sorted((one.samples for one in sent), reverse=True)
    assert (sent[-1].samples, sent[-1].prompts) == (0, FEW)
    assert sent[2].samples < sent[0].samples


def test_where_no_speed_is_measured_only_what_closes_the_loop_is_sent_and_why_is_said():
    planned = plan(HELD, None, elapsed_s=180, promise_s=300)
    assert (planned.samples, planned.prompts) == (0, FEW)
    assert "no step was measured in 180 s" in left_out([None] * HELD.samples, planned, HELD, WANTED)


def test_the_first_slow_step_is_no_part_of_the_speed():
    assert looked(Speed(36), (0.0, 0), (9.0, 4), (10.0, 12), (13.0, 20)) == pytest.approx((13.0 - 9.0) / 16)


def test_a_trainer_that_is_started_again_is_measured_anew():
    assert looked(Speed(36), (9.0, 8), (8.0, 4), (12.0, 20)) == pytest.approx(0.25)


def test_a_trainer_so_fast_that_it_is_seen_only_once_is_measured_all_the_same():
    assert looked(Speed(14), (0.7, 14)) == pytest.approx(0.05)
