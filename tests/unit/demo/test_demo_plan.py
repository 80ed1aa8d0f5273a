"""The demo trains what fits into its promise at the speed that it measures, what is asked for first, and says what it leaves out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from demo.plan import AHEAD, ANSWER, BACK, BETWEEN, ENDING_S, FEW, PAIR, SHARE_OF_PAIRS, HeldBack, Plan, Planner, Speed, left_out, plan

HELD = HeldBack(sent=36, samples=190, prompts=24, asked=78, pairs=6, passes=3, answers=4)
PROMISE_S = 300.0
BEGINS_S = 60.0
"""When the first step is taken: before it, questions are asked."""


def looked(speed: Speed, *sums: tuple[float, float]) -> float | None:
    for seconds, samples in sums:
        speed.look({"pelton_step_seconds_sum": seconds, "pelton_samples_trained_total": samples})
    return speed.seconds


def spent(planned: Plan, seconds: float) -> float:
    """By the same figures, seconds that all of it takes."""
    supervised = (HELD.sent + planned.samples) * HELD.passes * (1 + BACK)
    pairs = (HELD.pairs + planned.prompts * SHARE_OF_PAIRS) * HELD.passes * PAIR
    return ENDING_S + BETWEEN * seconds * (supervised + pairs + (HELD.asked + planned.prompts * HELD.answers) * ANSWER)


def demo_on(seconds: Callable[[float], float], held: HeldBack = HELD) -> tuple[Plan, float]:
    """A run on a machine that takes so many seconds a sample at a time: all that it sent besides, and when it ended."""
    planner, trained, step_s, now, sent = Planner(held, PROMISE_S), 0, 0.0, BEGINS_S, held.sent
    last: Plan | None = None
    while last is None or trained < sent:
        if last is None:
            planned = planner.look({"pelton_step_seconds_sum": step_s, "pelton_samples_trained_total": trained}, now)
            sent += planned.samples if planned else 0
            last = planned if planned and planned.is_last else None
        batch = min(4, sent - trained)
        trained, step_s = trained + batch, step_s + batch * seconds(now)
        now += batch * seconds(now) * BETWEEN or 0.5
    rest = sent * (held.passes * (1 + BACK) - 1) + (held.asked + last.prompts * held.answers) * ANSWER
    rest += (held.pairs + last.prompts * SHARE_OF_PAIRS) * held.passes * PAIR
    for _ in range(round(rest)):
        now += seconds(now) * BETWEEN
    return replace(last, samples=sent - held.sent), now + ENDING_S


EVEN = HeldBack(sent=28, samples=100, prompts=12, asked=72, pairs=3, passes=2, answers=4)
ALL = (EVEN.samples, EVEN.prompts)


@pytest.mark.parametrize("slow_until", [75.0, 90.0, 150.0])
@pytest.mark.parametrize("slow", [1.5, 5.0])
def test_a_machine_that_was_slow_at_the_first_look_alone_trains_all(slow, slow_until):
    planned, ended = demo_on(lambda now: slow if now < min(slow_until, BEGINS_S + slow * 20) else 0.1, EVEN)
    assert (planned.samples, planned.prompts) == ALL
    assert ended <= PROMISE_S


@pytest.mark.parametrize("slower", [0.45, 0.6])
@pytest.mark.parametrize("at", [64.0, 68.0, 75.0])
def test_a_machine_that_gets_slower_midway_ends_in_time_and_sends_less(at, slower):
    planned, ended = demo_on(lambda now: 0.15 if now < at else slower, EVEN)
    assert 0 < planned.samples < EVEN.samples
    assert ended <= PROMISE_S


def test_a_machine_that_gets_slower_when_nearly_all_facts_are_sent_gives_prompts_up_too():
    planned, ended = demo_on(lambda now: 0.15 if now < 74 else 0.6, EVEN)
    assert FEW <= planned.prompts < EVEN.prompts
    assert ended <= PROMISE_S


def test_a_quick_look_sends_no_more_than_a_tranche():
    planner = Planner(EVEN, PROMISE_S)
    planner.look({"pelton_step_seconds_sum": 3.0, "pelton_samples_trained_total": 4}, 70)
    planned = planner.look({"pelton_step_seconds_sum": 3.1, "pelton_samples_trained_total": 16}, 70.5)
    assert (planned.samples, planned.prompts, planned.is_last) == (EVEN.samples // 5, 0, False)


def test_a_tranche_is_drawn_evenly_from_all_that_fits_so_that_what_is_asked_for_is_not_trained_first():
    assert Plan(4, 0, "", is_last=False, room=10).places == [0, 2, 5, 7]
    assert Plan(3, 0, "", room=3).places == [0, 1, 2]
    assert Plan(0, FEW, "").places == []
    planned = Planner(EVEN, PROMISE_S).look({"pelton_step_seconds_sum": 2.0, "pelton_samples_trained_total": 16}, 70)
    assert (planned.samples, planned.room) == (20, EVEN.samples), "all fits"
    slower = Planner(EVEN, PROMISE_S).look({"pelton_step_seconds_sum": 9.6, "pelton_samples_trained_total": 16}, 70)
    assert slower.samples == 20 < slower.room < EVEN.samples
    assert max(slower.places) < slower.room, "what nothing asks for is not sent before what is asked for and might not fit"


def test_the_next_tranche_waits_until_the_one_before_is_nearly_trained():
    planner, sums = Planner(EVEN, PROMISE_S), {"pelton_step_seconds_sum": 2.0, "pelton_samples_trained_total": 16}
    first = planner.look(sums, 70)
    assert planner.look(sums, 71) is None
    sums["pelton_samples_trained_total"] = EVEN.sent + first.samples - AHEAD
    assert planner.look(sums, 75).samples == first.samples


def test_a_few_samples_are_sent_at_once():
    planned = Planner(replace(EVEN, sent=14, samples=10), PROMISE_S).look(
        {"pelton_step_seconds_sum": 0.7, "pelton_samples_trained_total": 14}, 40
    )
    assert (planned.samples, planned.prompts, planned.is_last) == (10, EVEN.prompts, True)


def test_a_trainer_that_says_nothing_for_long_is_waited_for_no_longer():
    planner = Planner(HELD, PROMISE_S)
    assert planner.look({}, 179) is None
    planned = planner.look({}, 181)
    assert (planned.samples, planned.prompts, planned.is_last) == (0, FEW, True)
    assert planned.told == "no step was measured in 181 s"


def test_what_is_trained_already_is_reckoned_once():
    fresh, later = (
        plan(replace(EVEN, trained=trained), 0.5, elapsed_s=elapsed, promise_s=PROMISE_S) for trained, elapsed in ((0, 60), (24, 75))
    )
    assert later.samples == fresh.samples


def test_a_fast_machine_trains_all_and_leaves_nothing_out():
    planned = plan(HELD, 0.02, elapsed_s=40, promise_s=300)
    assert (planned.samples, planned.prompts) == (HELD.samples, HELD.prompts)
    assert planned.over_s == 0
    assert left_out(0, 0, 0, planned, PROMISE_S) is None


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.45, 2.0])
def test_a_slower_machine_plans_what_fits_and_says_by_what(seconds):
    planned = plan(HELD, seconds, elapsed_s=70, promise_s=300)
    assert spent(planned, seconds) <= 300 - 70 or (planned.samples, planned.prompts) == (0, FEW)
    assert planned.told == f"{seconds:.2f} s a sample after 70 s"
    assert planned.prompts >= FEW


def test_what_is_left_out_is_told_by_kind_with_the_reason():
    told = left_out(3, 40, 8, Plan(9, 4, "0.45 s a sample after 70 s"), PROMISE_S)
    assert told == (
        "left out to end in time (0.45 s a sample after 70 s): 3 facts that are asked for (their questions count as never trained), "
        "40 further facts, 8 prompts to sample pairs of"
    )
    assert left_out(0, 40, 0, Plan(9, 12, "why"), PROMISE_S) == "left out to end in time (why): 40 further facts"


def test_a_machine_that_is_too_slow_for_the_promise_is_told_so_when_the_last_is_decided_and_how_long_it_will_take():
    planned = plan(HELD, 2.0, elapsed_s=70, promise_s=PROMISE_S)
    assert (planned.samples, planned.prompts) == (0, FEW)
    assert PROMISE_S + planned.over_s == pytest.approx(70 + spent(planned, 2.0))
    told = left_out(0, 40, 0, planned, PROMISE_S)
    assert told
    assert told.endswith(f"; this machine is too slow for 300 s, it will take about {70 + spent(planned, 2.0):.0f} s")
    assert plan(HELD, 0.45, elapsed_s=70, promise_s=PROMISE_S).over_s == 0


def test_the_slower_the_machine_the_less_is_sent_and_the_loop_is_closed_on_the_slowest():
    sent = [plan(HELD, seconds, elapsed_s=60, promise_s=300) for seconds in (0.02, 0.1, 0.2, 0.4, 5.0)]
    assert [one.samples for one in sent] == sorted((one.samples for one in sent), reverse=True)
    assert (sent[-1].samples, sent[-1].prompts) == (0, FEW)
    assert sent[2].samples < sent[0].samples


def test_where_no_speed_is_measured_only_what_closes_the_loop_is_sent_and_why_is_said():
    planned = plan(HELD, None, elapsed_s=180, promise_s=300)
    assert (planned.samples, planned.prompts) == (0, FEW)
    assert planned.told == "no step was measured in 180 s"


def test_the_first_slow_step_is_no_part_of_the_speed():
    assert looked(Speed(36), (0.0, 0), (9.0, 4), (10.0, 12), (13.0, 16)) == pytest.approx((13.0 - 9.0) / 12)


def test_the_speed_is_that_of_the_newest_steps():
    assert looked(Speed(36), (9.0, 4), (19.0, 16), (20.0, 20), (21.0, 24), (22.0, 28)) == pytest.approx((22.0 - 19.0) / 12)


def test_a_trainer_that_is_started_again_is_measured_anew():
    speed = Speed(36)
    assert looked(speed, (9.0, 8), (8.0, 4), (12.0, 20)) == pytest.approx(0.25)
    assert speed.trained == 28


def test_a_trainer_so_fast_that_it_is_seen_only_once_is_measured_all_the_same():
    assert looked(Speed(14), (0.7, 14)) == pytest.approx(0.05)
