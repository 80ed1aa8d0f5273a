"""Supervised training follows the gradient of the mean loss over all target tokens of a step, and says what every sample cost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.unit.trainer_node.training.one_step import OneStep, gradient_by, log_probs, move, same_gradient
from trainer_node.config import TrainConfig
from trainer_node.data.examples import Example
from trainer_node.data.tokenization import format_supervised
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(model=str(tiny_model), bits=32, trainer=TrainerKind.SFT, batch_size=5, lora_r=4)


@pytest.fixture
def examples(make_sample, tokenizer) -> list[Example]:
    pairs = [("what is a?", "b."), ("what is the capital of c?", "d e f g h."), ("x", "yes"), ("", "no, 1 2 3"), ("y z", "1")]
    return [format_supervised(make_sample(prompt=prompt, completion=completion), tokenizer, 64) for prompt, completion in pairs]


def nll(model, example: Example) -> torch.Tensor:
    """Of each target token."""
    first = next(at for at, label in enumerate(example.labels) if label >= 0 and at > 0)
    return -log_probs(model, example.input_ids[:first], example.input_ids[first:])


@pytest.mark.parametrize("accumulation", [1, 3, 7])
def test_the_gradient_is_that_of_the_mean_over_all_target_tokens(config, examples, tmp_path, accumulation):
    loaded = load_for_training(config, None)
    move(loaded.model, "default", 0.05, seed=1)
    step = OneStep(TrainerKind.SFT, loaded, config.model_copy(update={"accumulation": accumulation}), tmp_path, examples)
    losses = [nll(loaded.model, example) for example in examples]
    wanted = gradient_by(loaded.model, torch.cat(losses).mean())
    same_gradient(step.run().gradient, wanted)
    assert [loss.tokens for loss in step.source.losses] == [len(loss) for loss in losses]
    for noted, loss in zip(step.source.losses, losses, strict=True):
        assert noted.loss == pytest.approx(loss.mean().item(), rel=1e-4)
    assert step.source.step_loss() == pytest.approx(torch.cat(losses).mean().item(), rel=1e-4)
    assert step.source.unrewarded() == frozenset()


def test_a_loss_can_be_had_with_the_losses_of_its_tokens(config, examples, tmp_path):
    step = OneStep(TrainerKind.SFT, load_for_training(config, None), config, tmp_path, examples)
    inputs = next(iter(step.source))
    loss, outputs = step.trainer.compute_loss(step.loaded.model, inputs, return_outputs=True)
    assert (outputs["nll"].sum() / step.source.target_tokens).item() == pytest.approx(loss.item())
    assert torch.equal(step.trainer.compute_loss(step.loaded.model, inputs), loss)
