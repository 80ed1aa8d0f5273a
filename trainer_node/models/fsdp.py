"""Weights in pieces (FSDP2, torch's `fully_shard`): each process keeps its part of the frozen base, and the adapter whole.

Only what is never trained is cut, and nearly all of the weight is there. So gradients, clipping, optimizer and checkpoint are what they are
without FSDP: the first process writes them alone, and a run may go on with another number of processes or without FSDP. Before a layer
computes, all processes gather its weights, and drop them after it: every pass through the model is one that all of them make.

What is asked for stands in accelerate's configuration file. The cutting is done here and not by accelerate, which would do it only when
training begins (held-out prompts are asked before), would cut the adapter too, and takes no CPUs.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError
from trainer_node.config import TrainConfig
from trainer_node.kinds import TrainerKind

if TYPE_CHECKING:
    from trainer_node.models.loaded import LoadedModel

logger = logging.getLogger(__name__)

WHOLE = "with `distributed_type: MULTI_GPU` each process holds all weights, and --bits 4 makes them a quarter"
SETTINGS = (
    ("fsdp_version: 2", "FSDP_VERSION", "1", "2", "version 1 does not cut what is frozen and keep what is trained"),
    (
        "fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP",
        "FSDP_AUTO_WRAP_POLICY",
        "no_wrap",
        "transformer_based_wrap",
        "weights are gathered a layer at a time",
    ),
    ("fsdp_reshard_after_forward: true", "FSDP_RESHARD_AFTER_FORWARD", "true", "true", f"else all weights get whole: {WHOLE}"),
    ("fsdp_offload_params: false", "FSDP_OFFLOAD_PARAMS", "false", "false", "pieces in the host's memory are not supported"),
    ("fsdp_activation_checkpointing_offload: false", "FSDP_ACTIVATION_CHECKPOINTING_OFFLOAD", "false", "false", "it is not supported"),
    ('mixed_precision: "no"', "ACCELERATE_MIXED_PRECISION", "no", "no", "--bits chooses the arithmetic"),
    ("parallelism_config: {}", "ACCELERATE_USE_PARALLELISM_CONFIG", "false", "false", "FSDP over all processes is what there is"),
)
"""What must stand in accelerate's file; the launcher's variable for it, what that is where it is missing, and must be; and why."""


@dataclass(frozen=True)
class Sharding:
    """How weights are cut."""

    layers: tuple[str, ...] = ()
    """Classes of the layers whose weights are gathered together; none: what the model says of itself."""
    recompute: bool = False
    """Whether the backward pass computes a layer's activations anew (`fsdp_activation_checkpointing`)."""


def asked_for(config: TrainConfig) -> Sharding | None:
    """How accelerate's configuration file wants weights to be cut; None where it does not.

    accelerate hears no more of it: to its own eyes the processes are those of MULTI_GPU.

    Raises:
        ConfigError: it asks for something that is not done here; says what to change.
    """
    if _variable("ACCELERATE_USE_DEEPSPEED") == "true":
        raise ConfigError(f"DeepSpeed is not supported: `distributed_type: FSDP` with `fsdp_version: 2` cuts weights in pieces; {WHOLE}")
    if _variable("ACCELERATE_USE_FSDP") != "true":
        return None
    for line, variable, missing, wanted, why in SETTINGS:
        if _variable(variable, missing) != wanted:
            raise ConfigError(f"FSDP wants `{line}` in accelerate's configuration file: {why}")
    _refuse(config)
    os.environ["ACCELERATE_USE_FSDP"] = "false"
    named = os.environ.get("FSDP_TRANSFORMER_CLS_TO_WRAP", "")
    return Sharding(tuple(name for name in named.split(",") if name), _variable("FSDP_ACTIVATION_CHECKPOINTING") == "true")


def _variable(name: str, missing: str = "false") -> str:
    return os.environ.get(name, missing).lower()


def _refuse(config: TrainConfig) -> None:
    if config.lora_r == 0:
        raise ConfigError(f"FSDP cuts what is not trained, and --lora-r 0 trains all weights: set --lora-r above 0; {WHOLE}")
    if config.bits not in (16, 32):
        raise ConfigError(f"FSDP cuts weights of 16 or 32 bits: set --bits 16; {WHOLE}")
    if config.trainer is TrainerKind.PPO:
        raise ConfigError(f"FSDP does not go with --trainer ppo: set --trainer grpo; or {WHOLE}")
    if config.backend == "unsloth":
        raise ConfigError("FSDP and Unsloth do not go together: set --backend hf, or `distributed_type: MULTI_GPU`")


def shard(loaded: LoadedModel, sharding: Sharding) -> None:
    """Cut the base's weights in place, each process keeping its own pieces on its device; the adapter comes there whole.

    Called by all processes, on a model that waits in the host's memory: no device ever holds more than its pieces and a layer.

    Raises:
        ConfigError: the model has no layers of the classes named.
    """
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    model, device = loaded.model, loaded.device
    layers = _layers(model.get_base_model(), sharding.layers)
    if sharding.recompute:
        model.get_base_model().gradient_checkpointing_enable({"use_reentrant": False})
    adapter = {weight for weight in model.parameters() if weight.requires_grad}
    mesh = init_device_mesh(device.partition(":")[0], (dist.get_world_size(),))
    # Of the root, too, nothing stays whole after a pass: some processes would gather it anew for the next one while others need not.
    cut: Any = functools.partial(fully_shard, mesh=mesh, reshard_after_forward=True, ignored_params=adapter)
    for layer in layers:
        cut(layer)
    cut(model)
    for weight in adapter:
        weight.data = weight.data.to(device)
    register_fsdp_forward_method(model, "generate")
    logger.warning("weights are in pieces, over %d processes", mesh.size())


def _layers(base: Any, named: tuple[str, ...]) -> list[Any]:
    names = named or tuple(base._no_split_modules or ())
    found = [module for module in base.modules() if type(module).__name__ in names]
    if missing := set(named) - {type(module).__name__ for module in found}:
        raise ConfigError(f"the model has no layer of class {', '.join(sorted(missing))}: leave `fsdp_transformer_layer_cls_to_wrap` out")
    if not found:
        raise ConfigError("the model does not name its layers: set `fsdp_transformer_layer_cls_to_wrap` to their class")
    return found


def in_pieces(model: Any) -> bool:
    """Whether a model's weights were cut."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def averaging(model: Any) -> Any:
    """A model in pieces whose adapter's gradients are averaged over the processes, which accelerate refuses to do for it.

    It knows no model with both: DistributedDataParallel looks after what is whole, and leaves the pieces alone.
    """
    from torch.distributed.tensor import DTensor
    from torch.nn.parallel import DistributedDataParallel

    pieces = [name for name, weight in model.named_parameters(remove_duplicate=False) if isinstance(weight, DTensor)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, pieces)
    return DistributedDataParallel(model)
