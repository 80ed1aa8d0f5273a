"""Owns the negative log-likelihood of tokens from hidden states: the logits of all tokens are never there at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

Tensor = torch.Tensor
CHUNK_BYTES = 64 << 20
"""Of logits at one time."""


class TokenLosses(NamedTuple):
    """Of N target tokens; all (N,) float32."""

    nll: Tensor
    """In nats; differentiable with respect to the hidden states, token by token."""
    entropy: Tensor
    """Of the predicted distribution, in nats."""
    correct: Tensor
    """1 where the target has the highest logit."""


def per_token_loss(hidden: Tensor, head: Tensor, labels: Tensor) -> TokenLosses:
    """-log softmax(hidden head^T)[label] of each token.

    The gradient of a token's nll with respect to its hidden state depends on that token alone, so it is computed here, while the
    logits are at hand, and backward only scales it: one pass over the vocabulary instead of two (Hsu et al. 2024 do so for the sum).

    Args:
        hidden: (N, H), after the last norm.
        head: (V, H), frozen.
        labels: (N,) int64, none of them ignored.
    """
    return TokenLosses(*_PerTokenLoss.apply(hidden, head, labels))


def losses_and_gradient(hidden: Tensor, head: Tensor, labels: Tensor, wanted: bool) -> tuple[Tensor, Tensor]:
    """(3, N) float32: nll, entropy, correct; and, if wanted, the gradient of each token's nll (N, H), else an empty tensor."""
    from trainer_node.fast import ops_for

    ops = ops_for(hidden.device)
    gradient = torch.empty_like(hidden) if wanted else hidden.new_empty(0)
    results = torch.empty(3, len(hidden), dtype=torch.float32, device=hidden.device)
    chunk = max(CHUNK_BYTES // (head.shape[0] * head.element_size()) // 64 * 64, 64)
    head = head.to(hidden.dtype)
    for start in range(0, len(hidden), chunk):
        rows = slice(start, start + chunk)
        logits = hidden[rows] @ head.t()
        for row, values in zip(results, ops.cross_entropy_(logits, labels[rows], wanted), strict=True):
            row[rows] = values
        if wanted:
            torch.mm(logits, head, out=gradient[rows])
    return results, gradient


class _PerTokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
        results, gradient = losses_and_gradient(hidden, head, labels, ctx.needs_input_grad[0])
        ctx.save_for_backward(gradient)
        nll, entropy, correct = results.unbind(0)
        ctx.mark_non_differentiable(entropy, correct)
        return nll, entropy, correct

    @staticmethod
    def backward(ctx: Any, dnll: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * dnll[:, None].to(gradient.dtype), None, None
