"""A kind of trainer is one line and one module: its spec is found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import Trainer

from trainer_node.config import TrainConfig
from trainer_node.kinds import Reference, TrainerKind
from trainer_node.models.restore import load_for_training
from trainer_node.training.factory import build_trainer, spec_of

KINDS = [kind for kind in TrainerKind if not kind.is_sequence]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_s_module_is_named_after_it_and_ends_with_its_spec(kind: TrainerKind):
    spec = spec_of(kind)
    assert spec.kind is kind
    assert issubclass(spec.trainer, Trainer)
    assert spec.trainer.__module__ == f"trainer_node.training.{kind.value}"


def test_dpo_learns_at_a_twentieth_of_the_rate_unless_told_otherwise():
    assert spec_of(TrainerKind.DPO).learning_rate(TrainConfig(lr=0.2)) == pytest.approx(0.01)
    assert spec_of(TrainerKind.DPO).learning_rate(TrainConfig(lr=0.2, dpo_lr=0.5)) == 0.5
    assert spec_of(TrainerKind.SFT).learning_rate(TrainConfig(lr=0.2, dpo_lr=0.5)) == 0.2


def test_warm_restarts_come_after_the_steps_that_are_set(tiny_model: Path, tmp_path: Path):
    config = TrainConfig(model=str(tiny_model), bits=32, lora_r=2, schedule="cosine_with_restarts", restart_steps=4, lr=0.1)
    trainer = build_trainer(TrainerKind.SFT, load_for_training(config, None), config, tmp_path, [])
    trainer.create_optimizer_and_scheduler(trainer.args.max_steps)
    rates = []
    for _ in range(9):
        rates.append(trainer.last_learning_rate())
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    assert rates[0] == rates[4] == rates[8] == 0.1
    assert rates[2] == pytest.approx(0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_what_compares_with_a_reference_keeps_the_policy_as_it_was_when_it_began(tiny_model: Path, tmp_path: Path, kind: TrainerKind):
    config = TrainConfig(model=str(tiny_model), bits=32, lora_r=2, trainer=kind)
    loaded = load_for_training(config, None)
    build_trainer(kind, loaded, config, tmp_path, [])
    assert ("ref" in loaded.model.peft_config) == (kind.facts.reference is not Reference.NEVER)
