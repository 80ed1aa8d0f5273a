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


@pytest.mark.parametrize(
    ("said", "status", "learnt"),
    [
        ({"reward": 0.25}, RewardStatus.OK, 0.25),
        ({"reward": 0.25, "value": -2.5}, RewardStatus.OK, -2.5),
        ({"value": 3}, RewardStatus.OK, 3.0),
        ({"reward": None}, RewardStatus.NO_CLAIMS, None),
        ({}, RewardStatus.NO_CLAIMS, None),
    ],
)
def test_another_judge_says_what_he_can_know_and_no_more(said, status, learnt):
    reward = GraphReward.decode(json.dumps({"output_id": "o", "prompt_id": "p", "policy": "my-judge", **said}).encode())
    assert (reward.status, reward.learnt_from, reward.reward_id) == (status, learnt, "o@my-judge")


@pytest.mark.parametrize("missing", ["output_id", "prompt_id", "policy"])
def test_what_a_judge_must_say_is_named(missing):
    said = {"output_id": "o", "prompt_id": "p", "policy": "my-judge", "reward": 1.0}
    with pytest.raises(BadRecord, match=missing):
        GraphReward.decode(json.dumps({name: value for name, value in said.items() if name != missing}).encode())


@pytest.mark.parametrize("value", [-0.1, 1.1, 1e308, float("nan"), float("inf")])
def test_a_reward_that_is_no_number_from_0_to_1_is_a_bad_record(value):
    document = json.loads(GraphReward(**REWARD, reward=0.5).encode())
    with pytest.raises(BadRecord):
        GraphReward.decode(json.dumps(document | {"reward": value}).encode())
