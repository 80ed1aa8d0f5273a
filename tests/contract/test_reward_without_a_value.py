from schemas.graph_reward import GraphReward, RewardStatus


def test_a_reward_of_none_is_none_after_the_wire_not_a_zero_and_not_a_bad_record():
    sent = GraphReward(
        reward_id="o@3",
        output_id="o",
        prompt_id="p",
        model_version="m",
        reward=None,
        status=RewardStatus.NO_CLAIMS,
        policy="strict",
        total=0,
        verified=0,
        contradicted=0,
        unknown=0,
        graph_version=3,
    )
    assert GraphReward.decode(sent.encode()) == sent
    assert GraphReward.decode(sent.encode()).reward is None
