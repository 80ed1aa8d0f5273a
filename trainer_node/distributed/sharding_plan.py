"""What accelerate's configuration file says of sharding, checked and turned into the plan that `trainer_node.models.fsdp` carries out.

The launcher hands the file on as environment variables.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from schemas.errors import ConfigError
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind

MULTI_GPU = "with `distributed_type: MULTI_GPU` each process holds all weights, and --bits 4 makes them a quarter"


@dataclass(frozen=True)
class Sharding:
    """How weights are sharded over the processes."""

    layers: tuple[str, ...] = ()
    """Classes of the layers whose weights are gathered together; none: what the model says of itself."""
    recompute: bool = False
    """Whether the backward pass computes a layer's activations anew (`fsdp_activation_checkpointing`)."""


@dataclass(frozen=True)
class RequiredSetting:
    """A line that must stand in accelerate's file."""

    line: str
    variable: str
    """The launcher's variable for it."""
    default: str
    """What that is where it is missing."""
    value: str
    """What it must be."""
    why: str


REQUIRED = (
    RequiredSetting("fsdp_version: 2", "FSDP_VERSION", "1", "2", "version 1 does not shard what is frozen and keep what is trained whole"),
    RequiredSetting(
        "fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP",
        "FSDP_AUTO_WRAP_POLICY",
        "no_wrap",
        "transformer_based_wrap",
        "weights are gathered a layer at a time",
    ),
    RequiredSetting(
        "fsdp_reshard_after_forward: true",
        "FSDP_RESHARD_AFTER_FORWARD",
        "true",
        "true",
        f"else each process ends up with all weights: {MULTI_GPU}",
    ),
    RequiredSetting("fsdp_offload_params: false", "FSDP_OFFLOAD_PARAMS", "false", "false", "shards in the host's memory are not supported"),
    RequiredSetting(
        "fsdp_activation_checkpointing_offload: false",
        "FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD",
        "false",
        "false",
        "it is not supported",
    ),
    RequiredSetting('mixed_precision: "no"', "ACCELERATE_MIXED_PRECISION", "no", "no", "--bits chooses the arithmetic"),
    RequiredSetting(
        "parallelism_config: {}", "ACCELERATE_USE_PARALLELISM_CONFIG", "false", "false", "FSDP over all processes is what there is"
    ),
)


def asked_for(config: TrainConfig) -> Sharding | None:
    """The sharding that accelerate's configuration file asks for; None where it asks for none.

    accelerate hears no more of it (the environment is changed): to its own eyes the processes are those of MULTI_GPU.

    Raises:
        ConfigError: it asks for something that is not done here; says what to change.
    """
    if _variable("ACCELERATE_USE_DEEPSPEED") == "true":
        raise ConfigError(f"DeepSpeed is not supported: `distributed_type: FSDP` with `fsdp_version: 2` shards weights; {MULTI_GPU}")
    if _variable("ACCELERATE_USE_FSDP") != "true":
        return None
    for setting in REQUIRED:
        if _variable(setting.variable, setting.default) != setting.value:
            raise ConfigError(f"FSDP wants `{setting.line}` in accelerate's configuration file: {setting.why}")
    _refuse(config)
    os.environ["ACCELERATE_USE_FSDP"] = "false"
    named = os.environ.get("FSDP_TRANSFORMER_CLS_TO_WRAP", "")
    return Sharding(tuple(name for name in named.split(",") if name), _variable("FSDP_ACTIVATION_CHECKPOINTING") == "true")


def _variable(name: str, default: str = "false") -> str:
    return os.environ.get(name, default).lower()


def _refuse(config: TrainConfig) -> None:
    """Settings of the run that do not go with sharding."""
    if config.lora_r == 0:
        raise ConfigError(f"FSDP shards what is not trained, and --lora-r 0 trains all weights: set --lora-r above 0; {MULTI_GPU}")
    if config.bits not in (16, 32):
        raise ConfigError(f"FSDP shards weights of 16 or 32 bits: set --bits 16; {MULTI_GPU}")
    flag = "--rl" if config.trainer.is_sequence else "--trainer"
    for objective, kind in config.kinds(ends=False).items():
        if not kind.facts.shardable:
            alike = [other.value for other in TrainerKind if other.objectives == (objective,) and other.facts.shardable]
            raise ConfigError(f"FSDP does not go with {flag} {kind.value}: set {flag} {' or '.join(alike)}; or {MULTI_GPU}")
    if config.backend == "unsloth":
        raise ConfigError("FSDP and Unsloth do not go together: set --backend hf, or `distributed_type: MULTI_GPU`")
