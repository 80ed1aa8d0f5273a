"""The fast path: a Llama-like decoder with LoRA trained on packed tokens, with fused operations and backward passes written out.

    install(model)              after the LoRA is added: forward passes that train go this way, all others stay as they were
    fuse_loss(model)            after TRL's SFTTrainer is built, which puts a loss of its own into the model
    token_losses(model, batch)  the loss of each token, for per-sample losses

Read on: `model` (what is taken, the forward pass), `layer` (one layer, what is kept), `projection` (weights and LoRA), `packing`, `loss`,
`offload`; `reference` defines the operations in plain torch, `kernels` computes them on CUDA.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

__all__ = ["fuse_loss", "install", "obstacle", "ops_for", "per_token_loss", "token_losses"]


def ops_for(device: Any) -> ModuleType:
    """The module that computes the fused operations on a device."""
    if device.type == "cuda":
        from trainer_node.fast import kernels

        return kernels
    from trainer_node.fast import reference

    return reference


from trainer_node.fast.install import fuse_loss, install, token_losses  # noqa: E402 - they need ops_for
from trainer_node.fast.loss import per_token_loss  # noqa: E402
from trainer_node.fast.model import obstacle  # noqa: E402
