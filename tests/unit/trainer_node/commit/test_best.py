"""Which value of `val_metric` is better."""

from __future__ import annotations

import math

import pytest

from trainer_node.commit.best import ACCURACY, LOSS, is_better


@pytest.mark.parametrize(
    ("measure", "value", "than", "better"),
    [
        (LOSS, 1.0, 2.0, True),
        (LOSS, 2.0, 1.0, False),
        (LOSS, 1.0, 1.0, False),
        (ACCURACY, 0.9, 0.8, True),
        (ACCURACY, 0.8, 0.9, False),
        (ACCURACY, 0.8, 0.8, False),
        (LOSS, 5.0, None, True),
        (ACCURACY, 0.0, None, True),
        (LOSS, math.nan, None, False),
        (LOSS, -math.inf, 1.0, False),
        (ACCURACY, math.inf, 0.5, False),
    ],
)
def test_a_loss_is_better_the_lower_an_accuracy_the_higher_and_what_is_no_number_never(measure, value, than, better):
    assert is_better(measure, value, than) is better


def test_measures_are_called_what_checkpoints_call_them():
    assert (LOSS, ACCURACY) == ("val_loss", "val_accuracy")
