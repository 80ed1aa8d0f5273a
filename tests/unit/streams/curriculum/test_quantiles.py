import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.curriculum.quantiles import LARGEST, RELATIVE_ERROR, SMALLEST, RunningQuantiles

values = st.lists(st.floats(min_value=SMALLEST, max_value=LARGEST), min_size=1, max_size=200)


def sketch_of(numbers):
    sketch = RunningQuantiles()
    for number in numbers:
        sketch.observe(number)
    return sketch


@given(values, st.floats(min_value=0, max_value=1))
def test_a_quantile_is_within_its_relative_error(numbers, q):
    exact = sorted(numbers)[math.floor(q * (len(numbers) - 1))]
    assert sketch_of(numbers).quantile(q) == pytest.approx(exact, rel=RELATIVE_ERROR * 1.0001)


@given(values)
def test_the_order_of_observations_does_not_matter(numbers):
    assert sketch_of(numbers) == sketch_of(sorted(numbers))


@given(values, values)
def test_merging_is_counting_all_in_one(first, second):
    merged = sketch_of(first)
    merged.merge(sketch_of(second))
    assert merged == sketch_of(first + second)
    assert merged.count == len(first) + len(second)


@given(values)
def test_a_state_survives_json(numbers):
    sketch = sketch_of(numbers)
    again = RunningQuantiles.from_json(json.loads(json.dumps(sketch.to_json())))
    assert again == sketch
    assert again.count == sketch.count


def test_ranks_count_what_is_smaller_and_half_of_what_is_equal():
    sketch = sketch_of([0, 0, 1, 2])
    assert [sketch.below(x) for x in (0, 1, 2, 3)] == [0, 0.5, 0.75, 1]
    assert [sketch.mid_rank(x) for x in (0, 1, 2, 3)] == [0.25, 0.625, 0.875, 1]


def test_a_zero_is_exact():
    assert sketch_of([0, 0, 0, 5]).quantile(0.5) == 0.0


def test_before_the_first_number_there_is_no_quantile_and_a_rank_in_the_middle():
    assert RunningQuantiles().quantile(0.5) is None
    assert RunningQuantiles().mid_rank(3) == 0.5
    assert RunningQuantiles().below(3) == 0


def test_memory_is_bounded_over_the_whole_range():
    spread = math.log(LARGEST / SMALLEST)
    sketch = sketch_of(SMALLEST * math.exp(spread * n / 50_000) for n in range(50_001))
    assert len(sketch.to_json()) <= 1_730
    sketch.observe(1e300)
    assert sketch.quantile(1.0) == pytest.approx(LARGEST, rel=RELATIVE_ERROR * 1.0001)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_what_has_no_rank_is_refused(wrong):
    with pytest.raises(ValueError, match="non-negative finite"):
        RunningQuantiles().observe(wrong)


@pytest.mark.parametrize("state", [{"3": 0}, {"3": -1}, {"3": 1.5}, {"x": 1}])
def test_a_torn_state_is_refused(state):
    with pytest.raises(ValueError):
        RunningQuantiles.from_json(state)
