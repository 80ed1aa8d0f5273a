"""Comparisons are paired, exact where they can be, honest about how small p can get, and cover what they say they cover."""

from __future__ import annotations

import numpy as np
import pytest

from reports.comparison import EXACT_UP_TO, compare_paired


def test_eight_pairs_cannot_go_below_a_p_that_is_said():
    found = compare_paired([0.0] * 8, [1.0, 1.1, 0.9, 1.2, 1.3, 0.8, 1.0, 1.05])
    assert found.p == found.smallest_p == 2 / 2**8 == 0.0078125
    assert "p 0.0078 (8 pairs; cannot be below 0.0078)" in found.told()


def test_equal_arms_have_a_p_of_one_and_an_interval_of_zero():
    found = compare_paired([0.5] * 8, [0.5] * 8)
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_pairs_are_paired_though_the_arms_overlap_by_far():
    seeds = np.arange(12.0) * 10
    found = compare_paired(list(seeds), list(seeds + 0.1 + np.arange(12) / 1000))
    assert found.p == found.smallest_p
    assert found.low is not None
    assert found.low > 0


def test_the_exact_p_is_the_share_of_sign_assignments_at_least_as_extreme():
    assert compare_paired([0, 0, 0], [3.0, 1.0, -1.0]).p == pytest.approx(6 / 8)  # sums 5, 3, 3, 1 and their negatives: 3 is observed


def test_many_pairs_are_drawn_and_p_is_never_nothing():
    count = EXACT_UP_TO + 20
    found = compare_paired([0.0] * count, [1.0] * count)
    assert found.p == found.smallest_p == 1 / 20_001


def test_p_is_uniform_where_nothing_differs():
    generator = np.random.default_rng(1)
    ps = [compare_paired([0.0] * 10, list(generator.normal(size=10)), draws=200).p for _ in range(300)]
    assert 0.02 <= np.mean(np.array(ps) <= 0.05) <= 0.09


def test_too_few_pairs_say_so_and_what_is_no_pair_is_refused():
    assert compare_paired([], []).told() == "nothing to compare"
    assert compare_paired([0.0], [1.0]).low is None
    for bad in ([1.0, 2.0], [float("nan")]):
        with pytest.raises(ValueError, match="paired"):
            compare_paired([1.0], bad)
