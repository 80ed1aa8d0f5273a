"""Scores of a classification are those of their definitions, at any size."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer_node.training.label_scores import Chosen, adjusted_rand, label_scores, macro_f1


def rows(true: list[str], chosen: list[str], candidates: int = 3) -> list[Chosen]:
    return [Chosen(one, other, one, candidates) for one, other in zip(true, chosen, strict=True)]


def test_the_scores_are_accuracy_its_baseline_macro_f1_and_the_adjusted_rand_index():
    scores = label_scores(rows(["a", "a", "a", "b"], ["a", "b", "a", "b"])).values
    assert scores["val_accuracy"] == 0.75
    assert scores["val_accuracy_mean"] == 1.0
    assert scores["val_accuracy_baseline"] == 0.75, "what the commonest label for all would have"
    assert scores["val_macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert label_scores(rows(["a", "a", "b", "b"], ["a", "b", "b", "b"])).values["val_adjusted_rand"] == pytest.approx(0.0)
    perfect = label_scores(rows(["a", "b", "c"], ["a", "b", "c"])).values
    assert perfect["val_accuracy"] == perfect["val_macro_f1"] == perfect["val_adjusted_rand"] == 1.0


def test_a_label_that_is_only_chosen_counts():
    assert macro_f1(["a", "a"], ["a", "b"]) == pytest.approx((2 / 3 + 0) / 2)


def test_rows_that_cannot_be_wrong_are_left_out_and_too_few_rows_measure_nothing():
    mixed = [*rows(["a", "b"], ["b", "a"]), *rows(["c"], ["c"], candidates=1)]
    assert label_scores(mixed).values["val_accuracy"] == 0.0
    assert label_scores(mixed[1:]).values == {}
    assert set(label_scores([]).absent) == set(label_scores(mixed).values)
    assert "val_adjusted_rand" in label_scores(rows(["a", "a"], ["a", "b"])).absent, "one class has no partition to find again"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=2, max_size=12))
def test_the_adjusted_rand_index_is_that_of_all_pairs(labels: list[tuple[str, str]]):
    true, chosen = zip(*labels, strict=True)
    pairs = list(combinations(range(len(labels)), 2))
    both = sum(true[i] == true[j] and chosen[i] == chosen[j] for i, j in pairs)
    of_true, of_chosen = (sum(one[i] == one[j] for i, j in pairs) for one in (true, chosen))
    expected, highest = of_true * of_chosen / len(pairs), (of_true + of_chosen) / 2
    wanted = 1.0 if abs(highest - expected) < 1e-12 else (both - expected) / (highest - expected)
    assert adjusted_rand(true, chosen) == pytest.approx(wanted)


def test_a_hundred_thousand_rows_are_no_more_than_a_hundred():
    true, chosen = list("aabb" * 25_000), list("aabc" * 25_000)
    assert 0 < adjusted_rand(true, chosen) < 1
    assert adjusted_rand(true, chosen) == pytest.approx(adjusted_rand(true[:10_000], chosen[:10_000]), abs=1e-4)
