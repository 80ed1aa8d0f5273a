import json

import pytest

from schemas.errors import BadRecord
from schemas.graph_reward import GraphReward, RewardStatus

REWARD = {
    "reward_id": "o@3",
    "output_id": "o",
    "prompt_id": "p",
    "model_version": "m",
    "status": RewardStatus.NO_CLAIMS,
    "policy": "strict",
    "total": 0,
    "verified": 0,
    "contradicted": 0,
    "unknown": 0,
    "graph_version": 3,
}


def test_a_reward_of_none_is_none_after_the_wire_not_a_zero_and_not_a_bad_record():
    sent = GraphReward(**REWARD, reward=None)
    assert GraphReward.decode(sent.encode()) == sent
    assert GraphReward.decode(sent.encode()).reward is None


@pytest.mark.parametrize("value", [-0.1, 1.1, 1e308, float("nan"), float("inf")])
def test_a_reward_that_is_no_number_from_0_to_1_is_a_bad_record(value):
    document = json.loads(GraphReward(**REWARD, reward=0.5).encode())
    with pytest.raises(BadRecord):
        GraphReward.decode(json.dumps(document | {"reward": value}).encode())
