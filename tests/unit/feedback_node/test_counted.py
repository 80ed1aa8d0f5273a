"""What a feedback node's metrics say of a run is of its latest answers, and how old the models are that gave them."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from feedback_node.counted import CountedRewards, step_of
from schemas.graph_reward import GraphReward
from streams import metrics
from tests.models.messages import EXAMPLES

REWARD = next(one for one in EXAMPLES if isinstance(one, GraphReward))


@pytest.mark.parametrize(
    ("version", "step"), [("nightly/40", 40), ("40", 40), ("nightly/", None), ("llama-3", None), ("x/" + "9" * 30, None)]
)
def test_a_model_version_names_its_step_or_none(version, step):
    assert step_of(version) == step


def test_staleness_is_the_way_from_the_newest_model_to_the_oldest_of_a_batch():
    counted = CountedRewards()
    rewards = [REWARD.model_copy(update={"run_id": "stale", "model_version": f"stale/{step}"}) for step in (10, 40, 30)]
    counted.count(rewards[:2])
    assert REGISTRY.get_sample_value("pelton_output_staleness_steps", {"run_id": "stale"}) == 30
    counted.count(rewards[2:])
    assert REGISTRY.get_sample_value("pelton_output_staleness_steps", {"run_id": "stale"}) == 10
    metrics.forget_run("stale")
