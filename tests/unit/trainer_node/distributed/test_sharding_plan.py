"""What accelerate's file may ask for, as its launcher hands it on, and what is refused."""

from __future__ import annotations

import os

import pytest

from schemas.errors import ConfigError
from trainer_node.config import TrainConfig
from trainer_node.distributed.sharding_plan import Sharding, asked_for
from trainer_node.kinds import TrainerKind

GIVEN = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2", "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP"}
"""The least that accelerate's launcher says when its file asks for FSDP as it is done here."""


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("FSDP_", "ACCELERATE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "false")
    return monkeypatch


def test_without_fsdp_nothing_is_sharded_or_refused(environ):
    environ.setenv("FSDP_VERSION", "1")
    assert asked_for(TrainConfig(lora_r=0, bits=4)) is None


def test_what_is_asked_for_is_read_and_accelerate_hears_no_more_of_it(environ):
    for name, value in GIVEN.items():
        environ.setenv(name, value)
    assert asked_for(TrainConfig(bits=16)) == Sharding()
    assert os.environ["ACCELERATE_USE_FSDP"] == "false"
    environ.setenv("ACCELERATE_USE_FSDP", "true")
    environ.setenv("FSDP_ACTIVATION_CHECKPOINTING", "True")
    environ.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "LlamaDecoderLayer,Other")
    assert asked_for(TrainConfig(bits=32)) == Sharding(("LlamaDecoderLayer", "Other"), recompute=True)


@pytest.mark.parametrize(
    ("given", "config", "told"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, {}, "^DeepSpeed is not supported: `distributed_type: FSDP` with `fsdp_version: 2` shards"),
        ({"FSDP_VERSION": "1"}, {}, "`fsdp_version: 2`"),
        ({"FSDP_AUTO_WRAP_POLICY": "SIZE_BASED_WRAP"}, {}, "`fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP`"),
        ({"FSDP_RESHARD_AFTER_FORWARD": "false"}, {}, "`fsdp_reshard_after_forward: true`"),
        ({"FSDP_OFFLOAD_PARAMS": "true"}, {}, "`fsdp_offload_params: false`"),
        ({"FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD": "true"}, {}, "`fsdp_activation_checkpointing_offload: false`"),
        ({"ACCELERATE_MIXED_PRECISION": "bf16"}, {}, '`mixed_precision: "no"`'),
        ({"ACCELERATE_USE_PARALLELISM_CONFIG": "true"}, {}, "`parallelism_config: {}`"),
        ({}, {"lora_r": 0}, "set --lora-r above 0"),
        ({}, {"bits": None}, "set --bits 16"),
        ({}, {"bits": 4}, "set --bits 16"),
        ({}, {"bits": 8}, "set --bits 16"),
        ({}, {"backend": "unsloth"}, "set --backend hf"),
        ({}, {"trainer": TrainerKind.PPO}, "set --trainer grpo or rloo; or with `distributed_type: MULTI_GPU`"),
        ({}, {"rl": "ppo"}, "does not go with --rl ppo: set --rl grpo or rloo; or with"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_that_says_what_to_change(environ, given, config, told):
    for name, value in (GIVEN | given).items():
        environ.setenv(name, value)
    with pytest.raises(ConfigError, match=told) as error:
        asked_for(TrainConfig(**{"bits": 16} | config))
    assert "\n" not in str(error.value)
