"""The loss of each sample, out of the training step itself: token losses before they are summed, no second pass through the model.

The step's loss is the mean negative log-likelihood over all completion tokens of the optimizer step (in nats), as in Transformers'
Trainer with `num_items_in_batch`: L = Σ_samples Σ_tokens nll / N. A sample's own loss is the mean over its own tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses
from torch.nn.parallel import DistributedDataParallel

from trainer_node.data.examples import IGNORED, Example, LossExample, PairExample

Splittable = TypeVar("Splittable", Example, PairExample, LossExample)


@dataclass(frozen=True)
class MicroBatch:
    """One forward and backward. Tensors are (rows, length), padded on the left, so that all completions end at the last column."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor

    def inputs(self) -> dict[str, torch.Tensor]:
        """As keyword arguments of a causal language model, labels included."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "position_ids": self.position_ids,
            "labels": self.labels,
        }


def collate(examples: list[Example], pad_token_id: int) -> MicroBatch:
    """Examples to left-padded tensors; positions count from each row's first real token, which nothing predicts, so it has no label.

    By NumPy: torch is slow at reading lists, and where the host is a step's limit, that is a part of every step.
    """
    lengths = [len(example.input_ids) for example in examples]
    width = max(lengths)
    ids = np.full((len(examples), width), pad_token_id)
    labels = np.full_like(ids, IGNORED)
    for row, example in enumerate(examples):
        ids[row, width - lengths[row] :] = example.input_ids
        labels[row, width - lengths[row] + 1 :] = example.labels[1:]
    mask = (torch.arange(width) >= width - torch.tensor(lengths)[:, None]).long()
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return MicroBatch(torch.from_numpy(ids), mask, positions, torch.from_numpy(labels))


def sequences(examples: Sequence[LossExample]) -> list[Example]:
    """What goes through the model for these examples: of pairs, first all chosen sides, then all rejected ones."""
    return [row for side in zip(*(example.sequences() for example in examples), strict=True) for row in side]


def split(examples: Sequence[Splittable], ends: Sequence[int]) -> list[list[Splittable]]:
    """Examples in runs that end at `ends`, in order. A run that would be empty gets one example without any loss.

    The training loop wants so many micro-batches per optimizer step, and no fewer; an example without labels adds nothing to the sum.
    """
    return [list(examples[start:end]) or [examples[0].without_loss()] for start, end in zip([0, *ends], ends, strict=False)]


def target_tokens(examples: Sequence[Example]) -> int:
    """Tokens that carry loss; a row's first token has no prediction, so it never counts."""
    return sum(label != IGNORED for example in examples for label in example.labels[1:])


def token_losses(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Negative log-likelihood of each target token, differentiable.

    Only the columns in which some row has a target go through the language-model head: with completions at the right, that leaves the
    prompts out of the widest matrix product of a small model.

    Where the fast path is installed (`trainer_node.fast`: CUDA, Llama-like, LoRA), a training pass goes that way and makes no logits.

    Args:
        model: a causal language model that takes `logits_to_keep`.
        inputs: `MicroBatch.inputs()`.

    Returns:
        nll: (rows, kept columns; all but the last on the fast path), 0 where there is no target. mask: same shape, True where there is one.
    """
    if _takes_fast_path(model):
        from trainer_node import fast

        return fast.token_losses(model, inputs)
    inputs = dict(inputs)
    targets = inputs.pop("labels")[:, 1:]
    columns = (targets != IGNORED).any(0).nonzero().flatten()
    if columns.numel() == 0:
        columns = torch.zeros(1, dtype=torch.long, device=targets.device)
    logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    if logits.shape[1] > len(columns):  # Unsloth gives those of all columns
        logits = logits[:, columns]
    kept = targets[:, columns]
    nll = F.cross_entropy(logits.float().flatten(0, 1), kept.flatten(), ignore_index=IGNORED, reduction="none")
    return nll.view(kept.shape), kept != IGNORED


def _takes_fast_path(model: Any) -> bool:
    """A pass that trains the adapter of a model that the fast path was installed in."""
    base = getattr(model.module if isinstance(model, DistributedDataParallel) else model, "get_base_model", None)
    return base is not None and hasattr(base(), "pelton_fast") and torch.is_grad_enabled() and model.training


def sample_losses(nll: torch.Tensor, mask: torch.Tensor) -> tuple[list[float], list[int]]:
    """Mean loss and token count of each row, summed in float64; (rows, columns) in, two lists of length rows out.

    A row without targets has no loss, which is not a number, and 0 tokens.
    """
    tokens = mask.sum(-1)
    sums = in_float64(nll.detach() * mask).sum(-1)
    return (sums / tokens.to(sums.device)).tolist(), tokens.tolist()


def in_float64(values: torch.Tensor) -> torch.Tensor:
    """The same numbers in float64; on the CPU, where the device has no such numbers."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def mean_over_tokens(losses: Iterable[tuple[float, int]]) -> float:
    """Loss of a step that minimises the mean over all its tokens; takes the mean loss and the tokens (not 0) of each sample."""
    losses = list(losses)
    return math.fsum(loss * tokens for loss, tokens in losses) / sum(tokens for _, tokens in losses)


def mean_over_samples(losses: Iterable[tuple[float, int]]) -> float:
    """Loss of a step in which each sample weighs the same, however long it is."""
    losses = list(losses)
    return math.fsum(loss for loss, _ in losses) / len(losses)
