"""Owns the negative log-likelihood of tokens from hidden states: the logits of all tokens are never there at once."""

from __future__ import annotations

from typing import Any

import torch

from trainer_node.fast.ops import ops_for

Tensor = torch.Tensor
CHUNK_BYTES = 64 << 20
"""Of logits at one time."""


class TokenLoss(torch.autograd.Function):
    """(hidden (N, H) after the last norm, head (V, H) frozen, labels (N,) int64, none ignored) -> nll (N,) float32, in nats.

    -log softmax(hidden head^T)[label]. The gradient of a token's nll with respect to its hidden state depends on that token alone, so it is
    computed while the logits are at hand, and backward only scales it: one pass over the vocabulary instead of two (Hsu et al. 2024 do
    so for the sum).
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
        """The losses; the gradient of each is kept where one is wanted."""
        ops, wanted = ops_for(hidden.device), ctx.needs_input_grad[0]
        gradient = torch.empty_like(hidden) if wanted else hidden.new_empty(0)
        nll = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
        chunk = max(CHUNK_BYTES // (head.shape[0] * head.element_size()) // 64 * 64, 64)
        head = head.to(hidden.dtype)
        for start in range(0, len(hidden), chunk):
            rows = slice(start, start + chunk)
            logits = hidden[rows] @ head.t()
            nll[rows] = ops.cross_entropy_(logits, labels[rows], wanted)
            if wanted:
                torch.mm(logits, head, out=gradient[rows])
        ctx.save_for_backward(gradient)
        return nll

    @staticmethod
    def backward(ctx: Any, dnll: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of the hidden states (N, H)."""
        (gradient,) = ctx.saved_tensors
        return gradient * dnll[:, None].to(gradient.dtype), None, None
