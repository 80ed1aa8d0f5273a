"""Rewards of a step: equal answers are one output, what is late is None, and nothing gets out before the step's batch is durable."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from schemas.errors import PeltonError
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.sample import Task
from schemas.training_sample import Objective
from streams.kafka.settings import KafkaSettings
from trainer_node.rewards.client import SILENT_LIMIT, JudgedStep, RewardClient


class Table(RewardClient):
    """Answers as the feedback node does, from a table; what it does not know comes too late."""

    def __init__(self, rewards: dict[str, float | None], **more: Any) -> None:
        super().__init__(KafkaSettings(), None, "run", 1.0, threading.Event(), **more)  # type: ignore[arg-type]
        self.rewards = rewards
        self.outputs: list[ModelOutput] = []

    def judge(self, outputs: list[ModelOutput], finish: bool = False) -> dict[str, GraphReward | None]:
        assert finish, "a step needs its rewards, also when the node is to stop"
        self.outputs += outputs
        return {output.output_id: self.given(output) if output.completion in self.rewards else None for output in outputs}

    def given(self, output: ModelOutput) -> GraphReward:
        value = self.rewards[output.completion]
        status = RewardStatus.OK if value is not None else RewardStatus.NO_CLAIMS
        counts = {"total": 1, "verified": 1, "contradicted": 0, "unknown": 0, "graph_version": 1}
        ids = {"reward_id": "r", "output_id": output.output_id, "prompt_id": output.prompt_id, "model_version": output.model_version}
        return GraphReward(reward=value, status=status, policy="strict", **ids, **counts)


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    return [make_sample(f"p{n}", f"what is {n}?", None, objective=Objective.PROMPT, task=Task.RLHF_GRPO) for n in range(2)]


def test_completions_of_one_prompt_that_say_the_same_are_one_output_and_share_its_reward(prompts):
    client = Table({"x": 0.5, "y": 1.0, "nothing": None})
    assert client.rewards_of(7, [prompts[0]] * 4 + [prompts[1]], ["x", "y", "x", "late", "nothing"]) == [0.5, 1.0, 0.5, None, None]
    assert [(output.prompt_id, output.completion) for output in client.outputs] == [
        ("p0", "x"),
        ("p0", "y"),
        ("p0", "late"),
        ("p1", "nothing"),
    ]
    assert {(output.phase, output.model_version, output.run_id) for output in client.outputs} == {("train", "run/6", "run")}


def test_each_step_is_observed_with_the_reward_of_every_completion(prompts):
    seen: list[JudgedStep] = []
    Table({"x": 0.5}, observe=seen.append).rewards_of(7, [prompts[0]] * 3, ["x", "late", "x"])
    assert [(judged.step, judged.rewards) for judged in seen] == [(7, [0.5, None, 0.5])]
    assert seen[0].seconds >= 0


def test_the_node_stops_when_nobody_judges_but_not_when_judgements_have_no_value(prompts):
    client = Table({"valueless": None})
    for step in range(1, SILENT_LIMIT):
        client.rewards_of(step, prompts[:1], ["late"])
    client.rewards_of(SILENT_LIMIT, prompts[:1], ["valueless"])
    for step in range(1, SILENT_LIMIT):
        client.rewards_of(step, prompts[:1], ["late"])
    with pytest.raises(PeltonError, match="is `pelton worker feedback` running"):
        client.rewards_of(SILENT_LIMIT, prompts[:1], ["late"])


def test_no_output_of_a_step_gets_out_when_its_batch_cannot_be_made_durable(prompts):
    def full() -> None:
        raise OSError("no space left on device")

    client = RewardClient(KafkaSettings(), None, "run", 1.0, threading.Event(), before_sending=full)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="no space left"):
        client.rewards_of(1, prompts[:1], ["x"])
