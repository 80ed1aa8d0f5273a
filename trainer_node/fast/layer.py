"""Owns one decoder layer: its forward, and its backward written out.

For the backward pass only the layer's input is kept, in host memory where the device has some; all else is computed again, without the
last product, which no gradient needs.

The residual stream and its gradient are float32, as in Transformers' recipe for 4-bit models: in bfloat16 each layer would round both,
and the small gradients of a LoRA at its start drown in that. What is kept of the stream is in the arithmetic's dtype: rounded once, not
added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from trainer_node.fast.offload import HostMemory
from trainer_node.fast.packing import Sequences
from trainer_node.fast.projection import Projection

Tensor = torch.Tensor
MLP_BYTES = 256 << 20
"""Of gate and up at one time in the backward pass."""


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
    dtype: torch.dtype
    ops: Any
    host: HostMemory | None

    @property
    def projections(self) -> tuple[Projection, ...]:
        """In the order in which gradients are returned."""
        return self.qkv, self.o, self.gate_up, self.down

    def masters(self) -> list[Tensor]:
        """The LoRA weights, as the gradients come: A then B of each part of each projection."""
        return [weight for projection in self.projections for pair in projection.masters for weight in pair]

    def attend(self, x: Tensor, sequences: Sequences) -> tuple[Tensor, Tensor, tuple[Tensor, ...], Tensor]:
        """x (T, H) -> rotated qkv, attention's output, what its backward needs, and what the block adds to the residual stream."""
        normed, _ = self.ops.rms_norm(x, self.norm1, self.eps, self.dtype)
        qkv = self.qkv.forward(normed)
        self.ops.rotate_(qkv, sequences, self.heads + self.kv_heads, self.dim)
        out, *extra = self.ops.attention(qkv, sequences, self.heads, self.kv_heads, self.dim)
        return qkv, out, tuple(extra), self.o.forward(out)

    def forward(self, x: Tensor, sequences: Sequences) -> Tensor:
        """x (T, H) float32 -> the layer's output, float32."""
        return self.finish(x, self.attend(x, sequences)[-1])

    def finish(self, x: Tensor, delta: Tensor) -> Tensor:
        """The layer's output from its input and what its attention adds to it, (T, H) each; float32."""
        middle, normed, _ = self.ops.add_rms_norm(x, delta, self.norm2, self.eps)
        y: Tensor = middle.add_(self.down.forward(self.ops.swiglu(self.gate_up.forward(normed))))
        return y

    def backward(self, dy: Tensor, x: Tensor, sequences: Sequences, want_dx: bool) -> tuple[Tensor | None, list[Tensor]]:
        """Gradients of x and of `masters()`, float32. x comes as it was kept, in the arithmetic's dtype."""
        qkv, out, extra, delta = self.attend(x, sequences)
        middle, normed, rstd = self.ops.add_rms_norm(x, delta, self.norm2, self.eps)
        del delta
        dnormed, mlp_gradients = self._mlp_backward(dy, normed)
        dmiddle = self.ops.rms_norm_backward(dnormed, middle, self.norm2, rstd, dy)
        del dnormed, normed, middle
        dx, gradients = self._attention_backward(dmiddle, x, qkv, out, extra, sequences, want_dx)
        return dx, gradients + mlp_gradients

    def _mlp_backward(self, dy: Tensor, normed: Tensor) -> tuple[Tensor, list[Tensor]]:
        """By runs of tokens, since gate, up and their gradients are the widest tensors of all; the weights' gradients add up."""
        runs = max(1, -(-len(normed) * 2 * self.down.columns * normed.element_size() // MLP_BYTES))
        size = -(-len(normed) // runs)
        dnormed = torch.empty_like(normed)
        total: list[Tensor] = []
        for start in range(0, len(normed), size):
            rows = slice(start, start + size)
            dnormed[rows], gradients = self._mlp_backward_of(dy[rows].to(self.dtype), normed[rows])
            if total:
                torch._foreach_add_(total, gradients)
            else:
                total = gradients
        return dnormed, total

    def _mlp_backward_of(self, dy: Tensor, normed: Tensor) -> tuple[Tensor, list[Tensor]]:
        gate_up = self.gate_up.forward(normed)
        h = self.ops.swiglu(gate_up)
        dh, down_gradients = self.down.backward(h, dy)
        del h
        dgate_up = self.ops.swiglu_backward_(gate_up, dh)
        del dh
        dnormed, gradients = self.gate_up.backward(normed, dgate_up)
        assert dnormed is not None
        return dnormed, gradients + down_gradients

    def _attention_backward(
        self, dmiddle: Tensor, x: Tensor, qkv: Tensor, out: Tensor, extra: tuple[Tensor, ...], sequences: Sequences, want_dx: bool
    ) -> tuple[Tensor | None, list[Tensor]]:
        dout, o_gradients = self.o.backward(out, dmiddle.to(self.dtype))
        dq, dk, dv = self.ops.attention_backward(dout, qkv, out, extra, sequences, self.heads, self.kv_heads, self.dim)
        dqkv = self.ops.rotate_back(dq, dk, dv, sequences)
        del dq, dk, dv, dout
        normed, rstd = self.ops.rms_norm(x, self.norm1, self.eps, self.dtype)
        dnormed, gradients = self.qkv.backward(normed, dqkv, want_dx)
        gradients += o_gradients
        if dnormed is None:
            return None, gradients
        return self.ops.rms_norm_backward(dnormed, x, self.norm1, rstd, dmiddle), gradients


class LayerFunction(torch.autograd.Function):
    """A layer as one node of autograd: (x, layer, sequences, *masters) -> y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Layer, sequences: Sequences, *_masters: Tensor) -> Tensor:
        """Run the layer, keeping its input: in host memory where the layer has some."""
        y = layer.forward(x, sequences)
        ctx.layer, ctx.sequences, ctx.want_dx = layer, sequences, ctx.needs_input_grad[0]
        kept, ctx.handle = x.to(layer.dtype), None
        if layer.host is None:
            ctx.save_for_backward(kept)
        elif any(ctx.needs_input_grad):
            ctx.handle = layer.host.put(kept)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of x and of the LoRA weights."""
        x = ctx.saved_tensors[0] if ctx.handle is None else ctx.layer.host.get(ctx.handle)
        dx, gradients = ctx.layer.backward(dy.contiguous(), x, ctx.sequences, ctx.want_dx)
        return dx, None, None, *gradients
