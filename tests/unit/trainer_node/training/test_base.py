"""What all trainers share: hooks beside each micro-batch, a bad step undone, and an exhausted memory told with the settings to change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.errors import BrokerError, DeadLetterReason, PeltonError, UserError
from tests.unit.trainer_node.training.one_step import Given, OneStep
from trainer_node.config import TrainConfig
from trainer_node.data.examples import IGNORED, Example, PairExample, PromptExample
from trainer_node.kinds import TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.batch_source import StepHooks
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, build_trainer
from trainer_node.training.taking_apart import ModelAtFault

EXAMPLES: dict[TrainerKind, list[Any]] = {
    TrainerKind.SFT: [Example([5, 6, 7, 8], [IGNORED, 6, 7, 8]), Example([9, 10], [IGNORED, 10])],
    TrainerKind.DPO: [PairExample([5, 6], [7], [8, 9, 10]), PairExample([5], [6], [7])],
    TrainerKind.GRPO: [PromptExample([5, 6, 7]), PromptExample([5])],
    TrainerKind.PPO: [PromptExample([5, 6, 7]), PromptExample([5])],
}


def config_of(kind: TrainerKind, tiny_model: Path, **more: Any) -> TrainConfig:
    settings = {"batch_size": 2, "lora_r": 4, "max_new_tokens": 4, "num_generations": 2} | more
    return TrainConfig(model=str(tiny_model), bits=32, trainer=kind, **settings)


def one_step(kind: TrainerKind, tiny_model: Path, folder: Path, **more: Any) -> OneStep:
    config = config_of(kind, tiny_model, **more)
    return OneStep(
        kind,
        load_for_training(config, None),
        config,
        folder,
        EXAMPLES[kind],
        lambda step, samples, texts: [0.5, 1.0, 0.0, 0.2][: len(texts)],
    )


# --- beside a step -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accumulation", [1, 2])
def test_hooks_are_called_once_for_each_micro_batch_after_its_passes(tiny_model, tmp_path, accumulation):
    config = config_of(TrainerKind.SFT, tiny_model, accumulation=accumulation)
    loaded, told = load_for_training(config, None), []

    @contextmanager
    def window() -> Iterator[None]:
        told.append("open")
        yield
        told.append("closed")

    loaded.model.register_forward_pre_hook(lambda *_: told.append("forward"))
    trainer = build_trainer(TrainerKind.SFT, loaded, config, tmp_path, [StepCallback(lambda: told.append("step"), lambda: None)])
    hooks = StepHooks(meanwhile=lambda: told.append("meanwhile"), gil_window=window)
    batches = iter([Given(EXAMPLES[TrainerKind.SFT]), None])
    trainer.feed_from(build_source(TrainerKind.SFT, config, 0, lambda: next(batches), None, hooks=hooks))  # type: ignore[arg-type]
    trainer.train()
    assert told == ["forward", "open", "closed", "meanwhile", "open", "closed"] * accumulation + ["step"]


def test_the_learning_rate_of_the_step_that_was_taken_is_told(tiny_model, tmp_path):
    step = one_step(TrainerKind.SFT, tiny_model, tmp_path, lr=0.25, schedule="constant_with_warmup", warmup_steps=4).run()
    assert step.trainer.last_learning_rate() == pytest.approx(0.25 / 4)


# --- bad steps ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [TrainerKind.SFT, TrainerKind.DPO])
def test_a_loss_that_is_no_finite_number_undoes_the_step_and_names_its_samples(tiny_model, tmp_path, kind, value):
    step = one_step(kind, tiny_model, tmp_path, accumulation=2)
    before = {name: weight.clone() for name, weight in step.loaded.model.named_parameters()}
    step.loaded.model.register_forward_hook(lambda model, inputs, output: setattr(output, "logits", output.logits + value))
    told: list[Any] = []
    undo = step.trainer.undo_bad_step
    step.trainer.undo_bad_step = lambda: told.append(undo()) or told[-1]
    step.run()
    assert step.gradient == {}
    assert all(torch.equal(weight, before[name]) for name, weight in step.loaded.model.named_parameters())
    why = (DeadLetterReason.NAN_LOSS, "the loss of step 1 was not a number; the step was undone")
    assert {name: (bad.reason, bad.detail) for name, bad in told[0].items()} == {"s0": why, "s1": why}
    assert step.source.bad


def test_a_sound_step_keeps_its_gradient_and_its_samples(tiny_model, tmp_path):
    step = one_step(TrainerKind.SFT, tiny_model, tmp_path)
    assert step.trainer.undo_bad_step() == {}, "before the first step"
    step.run()
    assert step.gradient
    assert step.trainer.undo_bad_step() == {}


# --- an exhausted memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "accumulation", "size", "change"),
    [
        (TrainerKind.SFT, 1, "2 sequences of up to 4 tokens", "lower --batch-size, raise --accumulation or lower --max-seq"),
        (
            TrainerKind.DPO,
            2,
            "4 sequences of up to 5 tokens, in 2 micro-batches",
            "lower --batch-size, raise --accumulation or lower --max-seq",
        ),
        (
            TrainerKind.GRPO,
            1,
            "4 completions of up to 7 tokens with their prompts",
            "lower --batch-size, --num-generations or --max-new-tokens, or raise --accumulation",
        ),
        (
            TrainerKind.PPO,
            1,
            "4 completions of up to 7 tokens with their prompts",
            "lower --batch-size, --num-generations or --max-new-tokens, or raise --accumulation",
        ),
    ],
)
def test_an_exhausted_memory_is_told_with_the_step_its_size_and_the_settings_to_change(
    tiny_model, tmp_path, kind, accumulation, size, change
):
    step = one_step(kind, tiny_model, tmp_path, accumulation=accumulation)

    def exhausted(*_: Any) -> None:
        raise MemoryError

    step.loaded.model.register_forward_pre_hook(exhausted)
    with pytest.raises(UserError) as told:
        step.run()
    assert str(told.value) == (
        f"out of memory in step 1: {size}. Nothing is lost: {change}, and start the run again; it goes on from its newest checkpoint"
    )
    assert isinstance(told.value.__cause__, MemoryError)


def test_a_memory_exhausted_before_the_first_step_is_told_too(tiny_model, tmp_path):
    config = config_of(TrainerKind.SFT, tiny_model)
    loaded = load_for_training(config, None)
    trainer = build_trainer(TrainerKind.SFT, loaded, config, tmp_path, [])

    def exhausted() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    trainer.feed_from(build_source(TrainerKind.SFT, config, 0, exhausted, None))  # type: ignore[arg-type]
    with pytest.raises(UserError) as told:
        trainer.train()
    assert str(told.value) == (
        "out of memory before the first step; nothing is lost: lower --batch-size, raise --accumulation or lower --max-seq,"
        " and start the run again"
    )


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (RuntimeError("gloo: connection closed"), PeltonError, "another process of this training is gone (gloo: connection closed)"),
        (
            RuntimeError("shapes do not fit"),
            ModelAtFault,
            "no sample of step 1 can be trained, nor a plain sentence (RuntimeError: shapes do",
        ),
        (BrokerError("away"), BrokerError, "away"),
    ],
)
def test_a_lost_process_is_told_as_that_and_any_other_error_as_it_is(tiny_model, tmp_path, error, kind, says):
    step = one_step(TrainerKind.SFT, tiny_model, tmp_path)

    def fail(*_: Any) -> None:
        raise error

    step.loaded.model.register_forward_pre_hook(fail)
    with pytest.raises(kind) as told:
        step.run()
    assert str(told.value).startswith(says)
