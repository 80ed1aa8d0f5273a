"""Prompts of which the facts hold nothing are told of as what they are: once, with their share, as long as it is so."""

from __future__ import annotations

import logging

import pytest

from feedback_node.policies import RewardConfig, RewardPolicy
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology
from trainer_node.rewards.without_facts import ENOUGH, LATEST, WithoutFacts

Answers = list[tuple[ModelOutput, GraphReward | None]]


@pytest.fixture(scope="module")
def graph() -> Hypergraph:
    graph = Hypergraph(Ontology.from_dict({"predicates": {"capital": {"functional": True, "nouns": ["capital"]}}}))
    graph.put(Fact(subject="Norway", predicate="capital", object="Oslo"), 0)
    return graph


def judged(graph: Hypergraph, number: int, country: str, said: str | None = None, policy: RewardPolicy = RewardPolicy.TERNARY) -> Answers:
    """An answer as the feedback worker judges it."""
    output = ModelOutput(
        prompt_id=f"p{number}", prompt=f"What is the capital of {country}?", completion=said or "Hm.", model_version="r/1", run_id="r"
    )
    claims = [Triplet(subject=country, predicate="capital", object=said, rule="test")] if said else []
    return [(output, judge_output(output, claims, graph, RewardConfig(policy=policy)))]


@pytest.mark.parametrize("policy", list(RewardPolicy))
@pytest.mark.parametrize("said", ["Tromso", None])
def test_prompts_of_which_the_facts_hold_nothing_are_told_once_with_their_share_and_what_to_do(caplog, graph, policy, said):
    seen = WithoutFacts()
    for number in range(4 * ENOUGH):
        seen.saw(judged(graph, number, "Atlantis" if number % 4 == 1 else "Norway", said, policy))
    [line] = caplog.messages
    assert f"of 5 of the last {ENOUGH} prompts (25%) the facts hold nothing" in line
    assert "`pelton facts FILE`" in line
    assert f"of {ENOUGH} of the last {4 * ENOUGH} prompts (25%)" in str(seen.remark)
    assert seen.why() is None, "others can be learnt from"


def test_where_it_is_so_of_all_prompts_it_is_why_rewards_teach_nothing_and_the_remark_goes_when_facts_come(caplog, graph):
    caplog.set_level(logging.WARNING)
    seen = WithoutFacts()
    for number in range(ENOUGH):
        seen.saw(judged(graph, number, "Atlantis", "Poseidonis"))
    assert "(100%)" in str(seen.why())
    assert "p19 is one" in caplog.text
    for number in range(LATEST):
        seen.saw(judged(graph, number, "Norway", "Oslo"))
    assert seen.remark is None
    assert seen.why() is None


def test_what_is_late_or_was_judged_by_somebody_else_says_nothing_of_the_facts(caplog, graph):
    seen = WithoutFacts()
    for number in range(2 * ENOUGH):
        [(output, reward)] = judged(graph, number, "Atlantis")
        assert reward is not None
        seen.saw([(output, None), (output, reward.model_copy(update={"policy": "my-judge"}))])
    assert seen.remark is None
    assert caplog.messages == []
