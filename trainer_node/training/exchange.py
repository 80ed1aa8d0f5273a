"""The exchange of gradients between the processes of a training: put off while one step is taken apart, and then made at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.parallel import DistributedDataParallel

from trainer_node.models.fsdp import is_sharded


def is_own(model: Any) -> bool:
    """Whether a pass through the model is this process's own until its gradients are exchanged: not where weights are sharded."""
    return isinstance(model, DistributedDataParallel) and not is_sharded(model.module)


@contextmanager
def put_off(model: Any) -> Iterator[None]:
    """Passes whose gradients stay with this process. Entered by all processes alike; what one process alone trains is left as it is."""
    if not isinstance(model, DistributedDataParallel):
        yield
        return
    # A process whose forward pass came to its end expects the backward pass that is not to come, and would exchange the next one's.
    model.reducer._reset_state()
    with model.no_sync():
        yield


def average(model: Any) -> None:
    """Make the gradients of each process their mean over all, as a backward pass that is not put off does. Collective."""
    if not isinstance(model, DistributedDataParallel):
        return
    import torch.distributed as dist

    for weight in model.parameters():
        if weight.grad is not None:
            dist.all_reduce(weight.grad)
            weight.grad /= dist.get_world_size()
