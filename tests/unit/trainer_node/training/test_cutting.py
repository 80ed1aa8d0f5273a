"""A step's rows are cut where the least is padded, and no micro-batch takes more memory than those of equal size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer_node.training.cutting import MOST_ROWS, equal_cuts, least_padding


def runs(lengths: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Tokens of each run, padding included."""
    return [(end - start) * max(lengths[start:end], default=0) for start, end in zip([0, *ends], ends, strict=False)]


def takes_no_more(lengths: Sequence[int], ends: Sequence[int], than: Sequence[int]) -> bool:
    """Whether no run is larger than the largest of the others, with its padding and without."""

    def largest(ends: Sequence[int]) -> tuple[int, int]:
        return max(runs(lengths, ends)), max(sum(lengths[start:end]) for start, end in zip([0, *ends], ends, strict=False))

    return all(one <= other for one, other in zip(largest(ends), largest(than), strict=True))


@pytest.mark.parametrize(
    ("rows", "parts", "ends"),
    [(8, 4, [2, 4, 6, 8]), (7, 3, [3, 5, 7]), (2, 4, [1, 2, 2, 2]), (5, 1, [5])],
    ids=["8/4", "7/3", "2/4", "5/1"],
)
def test_equal_runs_differ_by_one_row_at_most(rows, parts, ends):
    assert equal_cuts(rows, parts) == ends


def test_one_long_row_among_short_ones_is_alone():
    assert least_padding([40] * 7 + [1000], 2) == [7, 8]
    assert least_padding([40] * 6 + [900, 1000], 4)[-2:] in ([6, 8], [7, 8])


@pytest.mark.parametrize("lengths", [[40] * 12, [5], [9, 8]], ids=["alike", "one", "fewer-than-parts"])
def test_where_nothing_is_gained_runs_are_of_equal_size(lengths):
    assert least_padding(lengths, 4) == equal_cuts(len(lengths), 4)
    assert least_padding(range(MOST_ROWS + 1), 4) == equal_cuts(MOST_ROWS + 1, 4)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(1, 5), st.booleans())
def test_no_other_cut_that_takes_no_more_memory_pads_less(lengths, parts, in_order):
    lengths = sorted(lengths) if in_order else lengths
    ends = least_padding(lengths, parts)
    even = equal_cuts(len(lengths), parts)
    assert len(ends) == parts
    assert ends[-1] == len(lengths)
    assert takes_no_more(lengths, ends, even)
    if len(lengths) >= parts:
        others = ([*chosen, len(lengths)] for chosen in combinations(range(1, len(lengths)), parts - 1))
        allowed = [sum(runs(lengths, other)) for other in others if takes_no_more(lengths, other, even)]
        assert sum(runs(lengths, ends)) == min(allowed)
