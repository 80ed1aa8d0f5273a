"""Sharded weights (FSDP2, torch's `fully_shard`): each process holds a shard of the frozen base, and the whole adapter.

Only what is never trained is sharded, and nearly all of the weight is there. So gradients, clipping, optimizer and checkpoint are what they
are without FSDP: rank 0 writes them alone, and a run may go on with another number of processes or without FSDP. Before a layer computes,
all processes gather its weights, and drop them after it: every pass through the model is one that all of them make.

The plan comes from accelerate's configuration file (`trainer_node.distributed.sharding_plan`). accelerate itself would shard only when
training begins (held-out prompts are asked before), would shard the adapter too, and takes no CPUs.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

from schemas.errors import ConfigError
from trainer_node.distributed.sharding_plan import Sharding
from trainer_node.models.loaded import LoadedModel

logger = logging.getLogger(__name__)


def shard(loaded: LoadedModel, sharding: Sharding) -> None:
    """Shard the base's weights in place, each process keeping its shard on its device; the adapter comes there whole.

    Called by all processes, on a model that waits in the host's memory: no device ever holds more than its shard and a layer.

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
    fully_shard_module: Any = functools.partial(fully_shard, mesh=mesh, reshard_after_forward=True, ignored_params=adapter)
    for layer in layers:
        fully_shard_module(layer)
    fully_shard_module(model)
    for weight in adapter:
        weight.data = weight.data.to(device)
    register_fsdp_forward_method(model, "generate")
    logger.warning("weights are sharded over %d processes", mesh.size())


def _layers(base: Any, named: tuple[str, ...]) -> list[Any]:
    names = named or tuple(base._no_split_modules or ())
    found = [module for module in base.modules() if type(module).__name__ in names]
    if missing := set(named) - {type(module).__name__ for module in found}:
        raise ConfigError(f"the model has no layer of class {', '.join(sorted(missing))}: leave `fsdp_transformer_layer_cls_to_wrap` out")
    if not found:
        raise ConfigError("the model does not name its layers: set `fsdp_transformer_layer_cls_to_wrap` to their class")
    return found


def is_sharded(model: Any) -> bool:
    """Whether a model's weights are sharded."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def back_to_shards(model: Any) -> None:
    """After a pass that raised: drop the weights that it had gathered. Nothing where none are sharded."""
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def averaging(model: Any) -> Any:
    """A sharded model whose adapter's gradients are averaged over the processes, which accelerate refuses to do for it.

    It knows no model with both: DistributedDataParallel looks after what is whole, and leaves the shards alone.
    """
    from torch.distributed.tensor import DTensor
    from torch.nn.parallel import DistributedDataParallel

    shards = [name for name, weight in model.named_parameters(remove_duplicate=False) if isinstance(weight, DTensor)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, shards)
    return DistributedDataParallel(model)
