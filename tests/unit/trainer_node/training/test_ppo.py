"""PPO by rounds: what TRL takes for value and reward model, the KL coefficient, and a bad round that is undone as a whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import set_seed

from schemas.sample import Task
from schemas.training_sample import Objective
from tests.unit.trainer_node.training.one_step import move
from tests.unit.trainer_node.training.test_rl import NEW_TOKENS, SIZE, Run, same
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.ppo import JudgedRewards, Round, ValueModel, micro_batches

ANSWERS = 2
"""To each prompt."""


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(
        model=str(tiny_model), bits=32, trainer=TrainerKind.PPO, batch_size=SIZE, lora_r=8, max_new_tokens=NEW_TOKENS, max_seq=64, lr=1e-2,
        num_generations=ANSWERS,
    )  # fmt: skip


@pytest.fixture
def prompts(make_sample) -> list[Any]:
    return [make_sample(f"p{n}", f"what is {n}?", None, objective=Objective.PROMPT, task=Task.RLHF_PPO) for n in range(SIZE)]


def after_a_round(config: TrainConfig, prompts: list[Any], folder: Path, answers: Any = None) -> tuple[dict[str, torch.Tensor], Any]:
    """Weights after one round, and its answers; with `answers`, those are given."""
    run = Run(TrainerKind.PPO, config, prompts, folder, steps=1, judge=lambda *_: [0.1, 0.9, 0.4, 0.7] * ANSWERS)
    move(run.loaded.model, "default", 0.05, seed=1)
    recorded: list[Any] = []
    sampler = run.trainer.sampler

    def given(rows: Any, batch: Any, finished: Any) -> Any:
        if answers is None:
            recorded.append(sampler(rows, batch, finished))
            return recorded[-1]
        for row, answer in zip(rows, answers, strict=True):
            finished(row, answer)
        return answers

    run.trainer.sampler = given
    set_seed(7)
    run.train()
    return run.weights(), answers or recorded[0]


def test_kl_coefficient_temperature_and_epochs_change_what_a_round_of_the_same_answers_does(config, prompts, tmp_path):
    _, answers = after_a_round(config, prompts, tmp_path)
    weights, _ = after_a_round(config, prompts, tmp_path, answers)
    assert same(after_a_round(config, prompts, tmp_path, answers)[0], weights)
    for other in ({"beta": 5.0}, {"temperature": 0.5}, {"ppo_epochs": 2}):
        assert not same(after_a_round(config.model_copy(update=other), prompts, tmp_path, answers)[0], weights), other


def test_a_round_whose_weights_are_no_numbers_leaves_weights_and_optimizer_as_they_were(config, prompts, tmp_path):
    run = Run(TrainerKind.PPO, config, prompts, tmp_path, steps=2, judge=lambda *_: [0.1, 0.9, 0.4, 0.7] * ANSWERS)
    kept: list[tuple[dict[str, torch.Tensor], Any]] = []

    def keep() -> None:
        kept.append((run.weights(), copy.deepcopy(run.trainer.optimizer.state_dict())))
        with torch.no_grad():
            run.loaded.model.get_input_embeddings().weight.fill_(float("nan"))

    run.after_step = keep
    run.train()
    assert [bool(step) for step in run.undone] == [False, True]
    (weights, optimizer), (weights_after, optimizer_after) = kept
    assert same(weights, weights_after)
    assert optimizer["param_groups"] == optimizer_after["param_groups"]
    assert optimizer["state"].keys() == optimizer_after["state"].keys() != set()
    for number, state in optimizer["state"].items():
        assert same(state, optimizer_after["state"][number])


# --- what TRL is given ---------------------------------------------------------------------------------------------------------


def test_values_are_a_head_of_zeros_on_the_policy_s_own_states_without_a_gradient_into_the_policy(config):
    policy = load_for_training(config, None).model
    model = ValueModel(policy)
    ids = torch.tensor([[5, 6, 7], [8, 9, 10]])
    states = model.features(input_ids=ids, output_hidden_states=True)
    with torch.no_grad():
        own = policy.get_base_model().model(input_ids=ids).last_hidden_state
    torch.testing.assert_close(states.last_hidden_state, own)
    assert not states.last_hidden_state.requires_grad
    values = model.score(states.last_hidden_state)
    assert values.shape == (2, 3, 1)
    assert not values.any()
    assert values.requires_grad
    assert {name for name, _ in model.named_parameters()} == {"head.weight", "head.bias"}, "the policy's weights are the policy's"
    assert model.score(states.last_hidden_state.to(torch.bfloat16)).dtype is torch.float32


def test_each_row_gets_its_reward_at_every_position():
    rewards = JudgedRewards()
    rewards.rewards = torch.tensor([0.25, 0.75])
    (given,) = rewards.given(input_ids=torch.zeros(2, 3, dtype=torch.long), attention_mask=None).hidden_states
    assert rewards.score(given).tolist() == [[[0.25]] * 3, [[0.75]] * 3]


def test_rows_of_a_round_are_taken_together():
    answers = Round(torch.arange(6).view(3, 2), torch.arange(9).view(3, 3), [torch.arange(12).view(3, 4)], [0.1, None, 0.3])
    some = answers.rows([0, 2])
    assert (some.queries.tolist(), some.sequences.tolist()) == ([[0, 1], [4, 5]], [[0, 1, 2], [6, 7, 8]])
    assert ([score.tolist() for score in some.scores], some.rewards) == ([[[0, 1, 2, 3], [8, 9, 10, 11]]], [0.1, 0.3])
    moved = some.to("meta")
    assert {tensor.device.type for tensor in (moved.queries, moved.sequences, *moved.scores)} == {"meta"}
    assert moved.rewards == some.rewards


@pytest.mark.parametrize(
    ("rows", "most", "parts"),
    [
        ([8], 1, 1),
        ([8], 2, 2),
        ([8], 3, 3),  # 3, 3 and 2
        ([4], 3, 2),  # three would be 2, 2 and 0
        ([5], 4, 3),
        ([2], 9, 2),
        ([1, 8], 4, 1),
        ([4, 8], 3, 2),
        ([7, 7], 7, 7),
    ],
)
def test_every_process_cuts_its_rows_into_as_many_micro_batches_none_of_them_empty(rows, most, parts):
    assert micro_batches(rows, most) == parts
