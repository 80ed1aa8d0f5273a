"""What must hold between the settings of a run, and what of them a checkpoint remembers."""

from __future__ import annotations

import pytest

from schemas.errors import ConfigError
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"trainer": "ppo", "lora_r": 0}, "--trainer ppo compares with the model it began with, .*: set lora_r above 0$"),
        ({"trainer": "grpo", "lora_r": 0}, "--trainer grpo compares .*: set lora_r above 0, or beta to 0$"),
        ({"trainer": "dpo", "beta": 0}, "beta must be above 0 for --trainer dpo"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], told: str):
    with pytest.raises(ConfigError, match=told):
        TrainConfig.load(environ={}, **settings)


@pytest.mark.parametrize(
    "settings", [{"trainer": "grpo", "lora_r": 0, "beta": 0}, {"trainer": "sft", "lora_r": 0}, {"trainer": "dpo", "lora_r": 0}]
)
def test_settings_that_do_not_are_taken(settings: dict[str, object]):
    assert TrainConfig.load(environ={}, **settings).lora_r == 0


def test_dpo_learns_at_a_twentieth_of_the_rate_unless_told_otherwise():
    assert TrainConfig(lr=0.2).learning_rate(TrainerKind.DPO) == pytest.approx(0.01)
    assert TrainConfig(lr=0.2, dpo_lr=0.5).learning_rate(TrainerKind.DPO) == 0.5
    assert TrainConfig(lr=0.2, dpo_lr=0.5).learning_rate(TrainerKind.SFT) == 0.2


def test_a_checkpoint_remembers_what_is_not_a_default():
    assert TrainConfig().hash() == TrainConfig(batch_size=8).hash()
    assert len({TrainConfig().hash(), TrainConfig(batch_size=4).hash(), TrainConfig(seed=4).hash()}) == 3
