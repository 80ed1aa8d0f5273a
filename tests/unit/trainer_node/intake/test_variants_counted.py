"""Of what was trained, a run knows how much the augmenter had made."""

from __future__ import annotations

from tests.unit.trainer_node.intake.test_feed import bench, encoded, spread  # noqa: F401 - a fixture
from trainer_node.commit.ledger import Outcome


def test_variants_are_counted_apart_from_other_samples_and_from_pairs_of_ours(bench):  # noqa: F811
    made = bench(spread(3) | {"sft.0": [encoded("s0"), encoded("v0", origin="augmenter"), encoded("p0", origin="feedback")]})
    made.train()
    assert set(made.outcomes(Outcome.TRAINED)) >= {"s0", "v0", "p0"}
    assert made.feed.admission.variants_trained == 1
