"""Owns linear layers that read one input: a frozen weight, LoRA beside it, forward and backward by hand.

y = x W^T + s (x A^T) B^T (Hu et al. 2021). The parts of a projection (q, k and v; gate and up) are one matrix product: their W stand one
under another, their A too, and their B on the diagonal of one matrix.
"""

from __future__ import annotations

from typing import Any

import torch

from trainer_node.fast.nf4 import NF4Weight, is_nf4

Tensor = torch.Tensor


class Projection:
    """The layers `modules` (PEFT LoRA layers or plain linear ones) as one. Shapes: x (T, in), y (T, sum of out), R the sum of ranks."""

    def __init__(self, modules: list[Any], adapter: str, dtype: torch.dtype, ops: Any) -> None:
        self.ops = ops
        self.dtype = dtype
        bases = [getattr(module, "base_layer", module) for module in modules]
        self.columns = bases[0].in_features
        self.rows = [base.out_features for base in bases]
        self.weights = [NF4Weight.of(base.weight) for base in bases] if is_nf4(bases[0].weight) else None
        self.dense = None if self.weights else _fuse(bases, dtype)
        self.device = bases[0].weight.device
        self._adopt(modules, adapter)

    def _adopt(self, modules: list[Any], adapter: str) -> None:
        """Working copies of the LoRA weights in the arithmetic's dtype: `a` (R, in) times the scale; `b` (out, R), block-diagonal."""
        self.masters: list[tuple[Tensor, Tensor]] = []
        self.blocks: list[tuple[slice, slice]] = []
        self.scale = 1.0
        row = rank = 0
        for module, rows in zip(modules, self.rows, strict=True):
            if hasattr(module, "lora_A") and adapter in module.lora_A:
                pair = module.lora_A[adapter].weight, module.lora_B[adapter].weight
                self.masters.append(pair)
                self.blocks.append((slice(row, row + rows), slice(rank, rank + len(pair[0]))))
                self.scale = module.scaling[adapter]
                rank += len(pair[0])
            row += rows
        self.a = torch.zeros(rank, self.columns, dtype=self.dtype, device=self.device)
        self.b = torch.zeros(row, rank, dtype=self.dtype, device=self.device)

    def copies(self) -> tuple[list[Tensor], list[Tensor]]:
        """Views into the working copies, and the master weights they are to be refreshed from, pair by pair."""
        views = [view for rows, ranks in self.blocks for view in (self.a[ranks], self.b[rows, ranks])]
        return views, [weight for pair in self.masters for weight in pair]

    def weight(self) -> Tensor:
        """(out, in) in the arithmetic's dtype; from 4 bits, a temporary."""
        if self.weights is None:
            assert self.dense is not None
            return self.dense
        out = torch.empty(sum(self.rows), self.columns, dtype=self.dtype, device=self.device)
        for part, weight in zip(out.split(self.rows), self.weights, strict=True):
            self.ops.dequantize_nf4(weight, part)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """The projection of x."""
        y = x @ self.weight().t()
        return y.addmm_(x @ self.a.t(), self.b.t()) if self.masters else y

    def backward(self, x: Tensor, dy: Tensor, want_dx: bool = True) -> tuple[Tensor | None, list[Tensor]]:
        """Gradient of x, and float32 gradients of each part's A and B, in the order of `masters`."""
        dx = dy @ self.weight() if want_dx else None
        if not self.masters:
            return dx, []
        dlow = dy @ self.b
        if dx is not None:
            dx.addmm_(dlow, self.a)
        low = x @ self.a.t()
        da = self.ops.matmul_wide(dlow.t(), x)
        if self.scale != 1.0:
            da.mul_(self.scale)
        gradients = []
        for rows, ranks in self.blocks:
            gradients += [da[ranks], self.ops.matmul_wide(dy[:, rows].t(), low[:, ranks])]
        return dx, gradients


def _fuse(bases: list[Any], dtype: torch.dtype) -> Tensor:
    """The parts' dense weights as one matrix, and each part's own weight a view into it, so that nothing is held twice."""
    weights: list[Tensor] = [base.weight.detach().to(dtype) for base in bases]
    if len(weights) == 1:
        return weights[0]
    fused = torch.cat(weights)
    for base, part in zip(bases, fused.split([base.out_features for base in bases]), strict=True):
        base.weight.data = part
    return fused
