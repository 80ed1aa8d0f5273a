"""When training stops early: after `patience` evaluations in a row that are no better, whichever way better is."""

from __future__ import annotations

import math

import pytest

from trainer_node.commit.state import EarlyStoppingState
from trainer_node.config import TrainConfig
from trainer_node.run.early_stopping import EarlyStopping


def stops_at(measure: str, values: list[float], patience: int = 3) -> int | None:
    early = EarlyStopping(patience)
    return next((number for number, value in enumerate(values) if early.update(measure, value)), None)


def test_patience_is_three_unless_said_otherwise():
    assert TrainConfig().patience == 3


def test_a_loss_must_fall_and_an_accuracy_must_rise():
    falling = [0.9, 0.8, 0.7, 0.6, 0.5]
    assert stops_at("val_loss", falling) is None
    assert stops_at("val_accuracy", falling) == 3
    rising = falling[::-1]
    assert stops_at("val_loss", rising) == 3
    assert stops_at("val_accuracy", rising) is None


def test_an_improvement_begins_the_count_anew_and_as_good_as_the_best_is_none():
    assert stops_at("val_accuracy", [0.5, 0.5, 0.4, 0.6, 0.6, 0.5, 0.6]) == 6


def test_a_value_that_is_not_a_number_is_no_improvement():
    assert stops_at("val_loss", [math.nan, math.nan, math.nan]) == 2
    assert stops_at("val_loss", [math.nan, 1.0, math.nan, math.nan, 0.9]) is None


def test_patience_zero_never_stops():
    assert stops_at("val_loss", [1.0] * 50, patience=0) is None


def test_values_of_two_measures_are_not_compared():
    early = EarlyStopping(1)
    assert not early.update("val_loss", 0.1)
    assert not early.update("val_accuracy", 0.05)
    assert early.state.best == 0.05


@pytest.mark.parametrize("measure", ["val_loss", "val_accuracy"])
def test_a_restart_goes_on_counting(measure):
    early = EarlyStopping(3)
    for _ in range(3):
        assert not early.update(measure, 0.5)
    again = EarlyStopping(3, EarlyStoppingState.model_validate_json(early.state.model_dump_json()))
    assert again.update(measure, 0.5)
