"""What `pelton simulate` concludes from what it measured."""

from __future__ import annotations

import pytest

from cli.simulate import as_text
from cli.simulation import Plan, Saturated, Steady, conclude, needed, quantile, rates, slope
from schemas.errors import UserError


def plan(**other: float) -> Plan:
    given = {"rate": 1000.0, "answers": 0.0, "step_s": 0.5, "batch": 8, "workers": 1, "seconds": 10.0, "events": 1000, "headroom": 0.5}
    return Plan(**{**given, **other})  # type: ignore[arg-type]


def steady(rate: float, growth: float) -> Steady:
    return Steady(rate, 0.1, 0.2, 5, growth, 0.0)


def test_workers_are_planned_with_a_share_of_their_best_and_never_none():
    assert needed(1000, 500, 0.5) == 4
    assert needed(1001, 500, 0.5) == 5
    assert needed(1, 500, 0.7) == 1


def test_rates_are_of_the_middle_without_start_and_end():
    """100 a second and 2 ms of a core each; the first second is a start, in which nothing but 2 s of a core passes."""
    times = [(0.0, 1, 0.0), *((1.0 + number, 100 * number + 1, 2.0 + 0.2 * number) for number in range(11)), (30.0, 1001, 4.2)]
    per_s, core_ms = rates(times, 1000)
    assert per_s == pytest.approx(100)
    assert core_ms == pytest.approx(2.0)


def test_what_was_done_before_anything_could_be_measured_asks_for_more():
    with pytest.raises(UserError, match="give more --events"):
        rates([(0.0, 1000, 1.0), (0.0, 1000, 1.0)], 1000)


def test_lag_starts_at_the_first_rate_at_which_it_grows():
    curriculum = Saturated("curriculum", 1, 1000, 400.0, 2.0, [100.0, 101.0])
    feedback = Saturated("feedback", 2, 100, 40.0, 20.0, [500.0, 500.0])
    looked = [steady(100, 0.0), steady(200, 1.0), steady(300, 90.0), steady(400, 200.0)]
    found = conclude(plan(answers=100.0), curriculum, feedback, looked)
    assert found["lag_starts_between"] == [200, 300]
    assert found["workers"] == {"curriculum": 5, "feedback": 10}
    assert found["partitions"] == 10
    assert found["cores"] == {"curriculum": 2.0, "feedback": 2.0}
    assert found["trainers"] == 63
    text = as_text(found)
    assert "lag in front of the curriculum starts between 200 and 300 samples/s" in text
    assert "5 curriculum, 10 feedback at 50% of their best" in text


def test_a_rate_that_was_disturbed_below_one_that_was_kept_up_with_is_not_where_lag_starts():
    looked = [steady(100, 20.0), steady(200, 1.0), steady(300, 90.0)]
    found = conclude(plan(), Saturated("curriculum", 1, 1000, 400.0, 2.0, [1.0, 1.0]), None, looked)
    assert found["lag_starts_between"] == [200, 300]


def test_where_lag_never_grew_the_most_that_was_tried_is_said():
    found = conclude(plan(), Saturated("curriculum", 1, 1000, 400.0, 2.0, [1.0, 1.0]), None, [steady(100, 0.0)])
    assert "above 100 samples/s, the most that was tried" in as_text(found)


def test_growth_is_a_slope_and_a_quantile_of_nothing_is_none():
    assert slope([(0.0, 0), (1.0, 10), (2.0, 20)]) == pytest.approx(10)
    assert slope([(0.0, 5)]) == 0.0
    assert quantile([], 0.5) is None
    assert quantile([1.0, 2.0, 3.0], 0.95) == 3.0
