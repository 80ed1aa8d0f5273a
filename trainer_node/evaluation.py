"""How good the model is on held-out samples: `val_metric`."""

from __future__ import annotations

from typing import Any

import torch

from trainer_node.formats import Example
from trainer_node.losses import collate, token_losses

BATCH = 16


@torch.no_grad()
def mean_loss(model: Any, examples: list[Example], pad_token_id: int) -> float:
    """Mean negative log-likelihood over all target tokens of the examples, in nats; exp() of it is the perplexity.

    The model's training mode is as before on return.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    total, count = 0.0, 0
    try:
        for start in range(0, len(examples), BATCH):
            inputs = collate(examples[start : start + BATCH], pad_token_id).inputs()
            nll, mask = token_losses(model, {name: tensor.to(device) for name, tensor in inputs.items()})
            total += float(nll.sum())
            count += int(mask.sum())
    finally:
        model.train(was_training)
    return total / max(1, count)
