"""Owns one decoder layer: its forward, and its backward written out, so that what is kept and what is computed again is a choice.

Kept for the backward pass, by `keep`:
    inputs     the layer's input; all else is computed again (without the last product, which no gradient needs)
    attention  also q, k, v, attention's output and the residual stream between the blocks: only the MLP is computed again
    all        also gate and up: nothing but the norms is computed again
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from trainer_node.fast.offload import HostMemory
from trainer_node.fast.packing import Sequences
from trainer_node.fast.projection import Projection

Tensor = torch.Tensor
KEEP = ("inputs", "attention", "all")


@dataclass
class Layer:
    """A Llama decoder layer: x + attention(norm(x)), then x + mlp(norm(x)). T packed tokens, H hidden."""

    qkv: Projection
    o: Projection
    gate_up: Projection
    down: Projection
    norm1: Tensor
    norm2: Tensor
    eps: float
    heads: int
    kv_heads: int
    dim: int
    ops: Any
    keep: str
    host: HostMemory | None

    @property
    def projections(self) -> tuple[Projection, ...]:
        """In the order in which gradients are returned."""
        return self.qkv, self.o, self.gate_up, self.down

    def masters(self) -> list[Tensor]:
        """The LoRA weights, as the gradients come: A then B of each part of each projection."""
        return [weight for projection in self.projections for pair in projection.masters for weight in pair]

    def attend(self, x: Tensor, sequences: Sequences) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """x (T, H) -> rotated qkv, attention's output, what its backward needs, and the residual stream after it."""
        normed, _ = self.ops.rms_norm(x, self.norm1, self.eps)
        qkv = self.qkv.forward(normed)
        self.ops.rotate_(qkv, sequences, self.heads + self.kv_heads, self.dim)
        out, *kept = self.ops.attention(qkv, sequences, self.heads, self.kv_heads, self.dim)
        return qkv, out, tuple(kept), self.o.forward(out, residual=x)

    def gate(self, middle: Tensor) -> Tensor:
        """The residual stream after attention (T, H) -> gate and up (T, 2I)."""
        return self.gate_up.forward(self.ops.rms_norm(middle, self.norm2, self.eps)[0])

    def forward(self, x: Tensor, sequences: Sequences) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (T, H) -> the layer's output, and what is kept beside x."""
        qkv, out, extra, middle = self.attend(x, sequences)
        gate_up = self.gate(middle)
        y = self.down.forward(self.ops.swiglu(gate_up), residual=middle)
        if self.keep == "inputs":
            return y, ()
        kept = (qkv, out, middle, *extra)
        return y, (gate_up, *kept) if self.keep == "all" else kept

    def backward(
        self, dy: Tensor, x: Tensor, kept: tuple[Tensor, ...], sequences: Sequences, want_dx: bool
    ) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x and of `masters()`, float32."""
        gate_up = None
        if self.keep == "all":
            gate_up, *rest = kept
            kept = tuple(rest)
        if self.keep == "inputs":
            qkv, out, extra, middle = self.attend(x, sequences)
        else:
            qkv, out, middle, *rest = kept
            extra = tuple(rest)
        dmiddle, mlp_gradients = self._mlp_backward(dy, middle, gate_up)
        del gate_up, middle
        dx, gradients = self._attention_backward(dmiddle, x, qkv, out, extra, sequences, want_dx)
        return dx, gradients + mlp_gradients

    def _mlp_backward(self, dy: Tensor, middle: Tensor, kept_gate_up: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        normed, rstd = self.ops.rms_norm(middle, self.norm2, self.eps)
        # A kept tensor may be asked for again (retain_graph), so it is not overwritten.
        gate_up = self.gate_up.forward(normed) if kept_gate_up is None else kept_gate_up.clone()
        h = self.ops.swiglu(gate_up)
        dh, down_gradients = self.down.backward(h, dy)
        del h
        dgate_up = self.ops.swiglu_backward_(gate_up, dh)
        del dh
        dnormed, gradients = self.gate_up.backward(normed, dgate_up)
        del dgate_up, gate_up
        return self.ops.rms_norm_backward(dnormed, middle, self.norm2, rstd, dy), gradients + down_gradients

    def _attention_backward(
        self, dmiddle: Tensor, x: Tensor, qkv: Tensor, out: Tensor, extra: tuple[Tensor, ...], sequences: Sequences, want_dx: bool
    ) -> tuple[Tensor | None, list[Tensor]]:
        dout, o_gradients = self.o.backward(out, dmiddle)
        dq, dk, dv = self.ops.attention_backward(dout, qkv, out, extra, sequences, self.heads, self.kv_heads, self.dim)
        dqkv = self.ops.rotate_back(dq, dk, dv, sequences)
        del dq, dk, dv, dout
        normed, rstd = self.ops.rms_norm(x, self.norm1, self.eps)
        dnormed, gradients = self.qkv.backward(normed, dqkv, want_dx)
        gradients += o_gradients
        if dnormed is None:
            return None, gradients
        return self.ops.rms_norm_backward(dnormed, x, self.norm1, rstd, dmiddle), gradients


class LayerFunction(torch.autograd.Function):
    """A layer as one node of autograd: (x, layer, sequences, *masters) -> y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Layer, sequences: Sequences, *_masters: Tensor) -> Tensor:
        """Run the layer, keeping what it says; its input goes to host memory where the layer has some."""
        y, kept = layer.forward(x, sequences)
        ctx.layer, ctx.sequences, ctx.want_dx = layer, sequences, ctx.needs_input_grad[0]
        ctx.handle = layer.host.put(x) if layer.host is not None and any(ctx.needs_input_grad) else None
        ctx.save_for_backward(*(kept if ctx.handle is not None else (x, *kept)))
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x and of the LoRA weights."""
        if ctx.handle is None:
            x, *kept = ctx.saved_tensors
        else:
            x, kept = ctx.layer.host.get(ctx.handle), list(ctx.saved_tensors)
        dx, gradients = ctx.layer.backward(dy.contiguous(), x, tuple(kept), ctx.sequences, ctx.want_dx)
        return dx, None, None, *gradients
