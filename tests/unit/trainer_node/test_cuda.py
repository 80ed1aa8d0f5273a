"""The trainers on a CUDA device: they learn, by the fast path, and a sample has the loss that the ordinary path gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from schemas.sample import Task
from schemas.training_sample import Objective
from tests.models.tiny import build
from tests.unit.trainer_node.test_trainers import Steps, train
from trainer_node import losses
from trainer_node.config import TrainConfig, TrainerKind
from trainer_node.formats import format_rlhf, format_supervised
from trainer_node.weights import load_for_training

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    model = build(tmp_path / "model", hidden=128)
    return TrainConfig(model=str(model), backend="hf", bits=16, batch_size=4, lr=1e-2, lora_r=16)


def questions(make_sample) -> list:
    return [make_sample(f"s{n}", f"what is {n}?" + " yes" * n, f"{n}{n}.") for n in range(8)]


def test_sft_learns_by_the_fast_path(config, make_sample, tokenizer, tmp_path):
    steps = Steps(questions(make_sample), lambda sample: format_supervised(sample, tokenizer, 64), Objective.SFT, steps=30)
    trainer = train(TrainerKind.SFT, steps, config, tmp_path)
    assert hasattr(trainer.model.get_base_model(), "pelton_fast")
    assert trainer.model_wrapped is trainer.model, "one process trains on one GPU, however many it sees"
    assert steps.losses[-1] < 0.6 * steps.losses[0]


def test_dpo_learns(config, make_sample, tokenizer, tmp_path):
    pairs = [
        make_sample(f"p{n}", f"what is {n}?", None, chosen=f"{n}.", rejected="no", objective=Objective.PREFERENCE, task=Task.PREFERENCE)
        for n in range(8)
    ]
    steps = Steps(pairs, lambda sample: format_rlhf(sample, tokenizer, 64), Objective.PREFERENCE, steps=15)
    train(TrainerKind.DPO, steps, config.model_copy(update={"dpo_lr": config.lr}), tmp_path)
    assert steps.losses[-1] < 0.6 * steps.losses[0]


def test_the_fast_path_gives_each_sample_the_loss_of_the_ordinary_one(config, make_sample, tokenizer, monkeypatch):
    loaded = load_for_training(config, None)
    examples = [format_supervised(sample, tokenizer, 64) for sample in questions(make_sample)]
    inputs = {name: tensor.cuda() for name, tensor in losses.collate(examples, tokenizer.pad_token_id).inputs().items()}
    fast, tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    monkeypatch.setattr(losses, "_takes_fast_path", lambda model: False)
    with torch.no_grad():
        ordinary, same_tokens = losses.sample_losses(*losses.token_losses(loaded.model, inputs))
    assert tokens == same_tokens
    assert fast == pytest.approx(ordinary, rel=0.02)
