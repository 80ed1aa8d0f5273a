"""DPO follows the gradient of the mean loss over a step's pairs, against the reference that it began with; each pair's loss is told."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import logsigmoid

from schemas.errors import UserError
from schemas.sample import Task
from schemas.training_sample import Objective
from tests.unit.trainer_node.training.one_step import OneStep, gradient_by, log_probs, move, same_gradient
from trainer_node.config import TrainConfig
from trainer_node.data.examples import PairExample
from trainer_node.data.tokenization import format_rlhf
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training


@pytest.fixture
def config(tiny_model: Path) -> TrainConfig:
    return TrainConfig(model=str(tiny_model), bits=32, trainer=TrainerKind.DPO, batch_size=3, lora_r=4, beta=0.3)


@pytest.fixture
def pairs(make_sample, tokenizer) -> list[PairExample]:
    rows = [("what is a?", "b.", "no"), ("what is the capital of c?", "d e f g h i.", "x"), ("x", "1", "2, 3, 4, 5 6 7 8")]
    kind = {"completion": None, "objective": Objective.PREFERENCE, "task": Task.PREFERENCE}
    return [
        format_rlhf(make_sample(prompt=prompt, chosen=chosen, rejected=rejected, **kind), tokenizer, 64)
        for prompt, chosen, rejected in rows
    ]


@contextmanager
def reference(model: Any, name: str | None):
    """The model as the reference: with an adapter of this name, or without any."""
    if name is None:
        with model.disable_adapter():
            yield
        return
    model.set_adapter(name)
    yield
    model.set_adapter("default")
    for parameter, weight in model.named_parameters():
        weight.requires_grad_(".default." in parameter)


def gains(model: Any, pair: PairExample, against: str | None) -> torch.Tensor:
    """What the chosen side has gained on the reference, less what the rejected side has; in nats."""
    sides = (pair.chosen_ids, pair.rejected_ids)
    policy = [log_probs(model, pair.prompt_ids, side).sum() for side in sides]
    with torch.no_grad(), reference(model, against):
        before = [log_probs(model, pair.prompt_ids, side).sum() for side in sides]
    return (policy[0] - before[0]) - (policy[1] - before[1])


def one_step(config: TrainConfig, pairs: list[PairExample], folder: Path, against: str | None = "ref") -> OneStep:
    """A policy and a reference that are neither each other nor the bare base."""
    loaded = load_for_training(config, None)
    step = OneStep(TrainerKind.DPO, loaded, config, folder, pairs)
    if against is None:
        loaded.model.delete_adapter("ref")
    else:
        move(loaded.model, "ref", 0.05, seed=2)
    move(loaded.model, "default", 0.05, seed=1)
    return step


@pytest.mark.parametrize(("against", "beta", "accumulation"), [("ref", 0.3, 1), ("ref", 2.0, 4), (None, 0.3, 2)])
def test_the_gradient_is_that_of_the_mean_over_pairs_against_the_reference(config, pairs, tmp_path, beta, accumulation, against):
    config = config.model_copy(update={"beta": beta, "accumulation": accumulation})
    step = one_step(config, pairs, tmp_path, against)
    margins = [beta * gains(step.loaded.model, pair, against) for pair in pairs]
    losses = -logsigmoid(torch.stack(margins))
    wanted = gradient_by(step.loaded.model, losses.mean())
    same_gradient(step.run().gradient, wanted)
    assert [loss.loss for loss in step.source.losses] == pytest.approx(losses.tolist(), rel=1e-3)
    assert [loss.tokens for loss in step.source.losses] == [len(pair.chosen_ids) + len(pair.rejected_ids) for pair in pairs]
    assert step.source.step_loss() == pytest.approx(losses.mean().item(), rel=1e-4), "pairs weigh the same, however long they are"


@pytest.mark.parametrize("against", ["ref", None])
def test_margins_of_held_out_pairs_are_those_that_are_trained(config, pairs, tmp_path, against):
    step = one_step(config, pairs, tmp_path, against)
    wanted = [0.3 * gains(step.loaded.model, pair, against).item() for pair in pairs]
    found = step.trainer.margins(step.loaded.model, pairs)
    assert found.tolist() == pytest.approx(wanted, rel=1e-3, abs=1e-5)
    assert not found.requires_grad


def test_a_loss_can_be_had_with_its_margins(config, pairs, tmp_path):
    step = one_step(config, pairs, tmp_path)
    inputs = next(iter(step.source))
    loss, outputs = step.trainer.compute_loss(step.loaded.model, inputs, return_outputs=True)
    assert -logsigmoid(outputs["margins"]).mean().item() == pytest.approx(loss.item())
    assert step.trainer.compute_loss(step.loaded.model, inputs).item() == pytest.approx(loss.item())


def test_without_an_adapter_there_is_no_reference_and_it_is_said(config, pairs, tmp_path):
    config = config.model_copy(update={"trainer": TrainerKind.AUTO, "lora_r": 0})
    with pytest.raises(UserError) as told:
        OneStep(TrainerKind.DPO, load_for_training(config, None), config, tmp_path, pairs).run()
    assert str(told.value) == "DPO without LoRA would need a second copy of the model as its reference: set --lora-r above 0"
