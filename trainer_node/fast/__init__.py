"""The fast path: a Llama-like decoder with LoRA trained on packed tokens, with fused operations and backward passes written out.

    install(model)              after the LoRA is added: forward passes that train go this way, all others stay as they were
    token_losses(model, batch)  the loss of each token, differentiable, without logits
    obstacle(model)             why a model cannot be taken

Read on: `model` (what is taken, the forward pass), `layer` (one layer), `projection` (weights and LoRA), `packing`, `loss`, `offload`;
`reference` defines the operations in plain torch, `kernels` computes them on CUDA.
"""

from trainer_node.fast.install import install, token_losses
from trainer_node.fast.model import obstacle

__all__ = ["install", "obstacle", "token_losses"]
