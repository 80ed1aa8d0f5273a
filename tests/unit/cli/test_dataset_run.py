"""What a run on files says of it at its end: where everything went that was sent."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from cli.dataset_run import WHERE, where_they_went
from trainer_node.commit.ledger import Outcome
from trainer_node.node import RunSummary


def summary(**values: Any) -> RunSummary:
    """A run's, of which only this is asked."""
    return RunSummary(**{field.name: None for field in fields(RunSummary)} | {"samples_trained": 0, "variants_trained": 0} | values)


@pytest.mark.parametrize(("trained", "variants"), [(12, 0), (15, 3)])
def test_variants_are_told_of_where_some_were_trained_alone(trained, variants):
    """Several passes train more than was sent, too."""
    (line,) = where_they_went(6, summary(samples_trained=trained, outcomes={"trained": trained}, variants_trained=variants))
    why = "each pass counts, and each variant of a hard sample" if variants else "each pass counts"
    assert line == f"this start: 6 samples sent, {trained} trained ({why})"


def test_one_pass_that_trained_all_says_nothing_more():
    assert where_they_went(6, summary(samples_trained=6, outcomes={"trained": 6})) == []


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.TRAINED])
def test_whatever_became_of_a_record_there_are_words_for_it(outcome):
    (line,) = where_they_went(6, summary(samples_trained=4, outcomes={"trained": 4, outcome.value: 2}))
    assert line.endswith(f", 2 {WHERE[outcome]}")
