"""The fused operations in plain torch: their definition, what runs on a CPU, and what the GPU kernels are tested against.

Shapes: T packed tokens (all sequences of a batch, end to end, no padding), H hidden, I intermediate, D head size, V vocabulary.
Every function of `kernels` has the same name and meaning here. Statistics and the residual stream are float32, products in `dtype`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from trainer_node.fast.nf4 import NF4Weight
    from trainer_node.fast.packing import Sequences

Tensor = torch.Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """y = x * rstd * weight (Zhang and Sennrich 2019). x (T, H) -> y (T, H) in `dtype`, rstd (T,) float32."""
    wide = x.float()
    rstd = torch.rsqrt(wide.square().mean(-1) + eps)
    return (wide * rstd[:, None] * weight.float()).to(dtype), rstd


def add_rms_norm(x: Tensor, delta: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """x + delta (T, H) float32, its norm in delta's dtype, and rstd (T,) float32."""
    total = x.float() + delta.float()
    return total, *rms_norm(total, weight, eps, delta.dtype)


def rms_norm_backward(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, residual: Tensor | None) -> Tensor:
    """Gradient of rms_norm with respect to x, plus `residual`, the gradient that reaches x past the norm; float32."""
    normal = x.float() * rstd[:, None]
    scaled = dy.float() * weight.float()
    dx = rstd[:, None] * (scaled - normal * (scaled * normal).mean(-1, keepdim=True))
    return dx if residual is None else dx + residual


def rotate_(qkv: Tensor, sequences: Sequences, heads: int, dim: int) -> None:
    """Rotary position embedding (Su et al. 2021, halves paired as in Llama) on the first `heads` heads of qkv (T, W), in place."""
    part = qkv[:, : heads * dim].view(len(qkv), heads, dim)
    part.copy_(_rotated(part, sequences, 1.0))


def rotate_back(dq: Tensor, dk: Tensor, dv: Tensor, sequences: Sequences) -> Tensor:
    """Gradients of attention's q, k, v (T, heads, D) to that of the projection's output (T, W)."""
    parts = (_rotated(dq, sequences, -1.0), _rotated(dk, sequences, -1.0), dv)
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def _rotated(x: Tensor, sequences: Sequences, sign: float) -> Tensor:
    cos = sequences.cos[sequences.positions][:, None]
    sin = sequences.sin[sequences.positions][:, None] * sign
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(x.dtype)


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up (Shazeer 2020). (T, 2I) -> (T, I)."""
    gate, up = gate_up.float().chunk(2, dim=-1)
    return (gate * gate.sigmoid() * up).to(gate_up.dtype)


def swiglu_backward_(gate_up: Tensor, dh: Tensor) -> Tensor:
    """Overwrite gate_up (T, 2I) with its gradient, given that of swiglu's output (T, I)."""
    gate, up = gate_up.float().chunk(2, dim=-1)
    sigmoid, wide = gate.sigmoid(), dh.float()
    dgate = wide * up * sigmoid * (1 + gate * (1 - sigmoid))
    return gate_up.copy_(torch.cat([dgate, wide * gate * sigmoid], dim=-1))


def dequantize_nf4(weight: NF4Weight, out: Tensor) -> None:
    """4-bit NormalFloat (Dettmers et al. 2023) to `out` (rows, columns): two codes a byte, high half first, a scale per block."""
    scales = weight.scales.float()
    if weight.scale_code is not None:
        assert weight.scale_scales is not None
        scales = weight.scale_code[weight.scales.long()] * weight.scale_scales.repeat_interleave(weight.scale_block)[: len(scales)]
        scales = scales + weight.scale_offset
    packed = weight.packed.flatten()
    codes = torch.stack([packed >> 4, packed & 15], dim=1).flatten().long()
    out.copy_((weight.code[codes] * scales.repeat_interleave(weight.block)[: len(codes)]).view_as(out))


def attention(qkv: Tensor, sequences: Sequences, heads: int, kv_heads: int, dim: int) -> tuple[Tensor, ...]:
    """Causal attention within each sequence. qkv (T, (heads + 2 kv_heads) D) -> out (T, heads D), and what backward needs."""
    q, k, v = split_heads(qkv, heads, kv_heads, dim)
    group = heads // kv_heads
    scores = torch.einsum("qhd,khd->hqk", q.float(), k.float().repeat_interleave(group, 1)) * dim**-0.5
    index = torch.arange(len(qkv), device=qkv.device)
    sequence = torch.bucketize(index, sequences.bounds[1:].to(index.dtype), right=True)
    allowed = (sequence[:, None] == sequence[None]) & (index[:, None] >= index[None])
    scores = scores.masked_fill(~allowed, -torch.inf)
    lse = scores.logsumexp(-1)
    out = torch.einsum("hqk,khd->qhd", (scores - lse[..., None]).exp(), v.float().repeat_interleave(group, 1))
    return out.flatten(1).to(qkv.dtype), lse


def keep_(qkv: Tensor, keys: Tensor, values: Tensor, slots: Tensor, places: Tensor) -> None:
    """Keep the keys and values of qkv (T, W), rotated, at `slots` and `places` (T,) of keys and values (slots, length, kv_heads, D)."""
    width = keys.shape[2] * keys.shape[3]
    for kept, part in zip((keys, values), qkv[:, -2 * width :].split(width, dim=1), strict=True):
        kept[slots, places] = part.unflatten(1, keys.shape[2:])


def attend_to_kept(qkv: Tensor, keys: Tensor, values: Tensor, slots: Tensor, places: Tensor, heads: int) -> Tensor:
    """Attention of one query a slot to what is kept there, up to and with its place. qkv (R, W) -> (R, heads D)."""
    group, dim = heads // keys.shape[2], keys.shape[3]
    q = qkv[:, : heads * dim].unflatten(1, (heads, dim)).float()
    k, v = (kept[slots].float().repeat_interleave(group, 2) for kept in (keys, values))
    scores = torch.einsum("rhd,rkhd->rhk", q, k) * dim**-0.5
    unseen = torch.arange(keys.shape[1], device=qkv.device)[None] > places[:, None]
    weights = scores.masked_fill(unseen[:, None], -torch.inf).softmax(-1)
    return torch.einsum("rhk,rkhd->rhd", weights, v).flatten(1).to(qkv.dtype)


def attention_backward(
    dout: Tensor, qkv: Tensor, out: Tensor, kept: tuple[Tensor, ...], sequences: Sequences, heads: int, kv_heads: int, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k, v (T, heads or kv_heads, D)."""
    del out, kept  # the kernels need what they kept; here all is computed again
    with torch.enable_grad():
        leaf = qkv.detach().requires_grad_()
        again = attention(leaf, sequences, heads, kv_heads, dim)[0]
    return split_heads(torch.autograd.grad(again, leaf, dout)[0], heads, kv_heads, dim)


def split_heads(qkv: Tensor, heads: int, kv_heads: int, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Views of q, k and v, each (T, heads, D)."""
    q, k, v = qkv.split([heads * dim, kv_heads * dim, kv_heads * dim], dim=1)
    return q.unflatten(1, (heads, dim)), k.unflatten(1, (kv_heads, dim)), v.unflatten(1, (kv_heads, dim))


def cross_entropy_(logits: Tensor, labels: Tensor, want_gradient: bool) -> Tensor:
    """Negative log-likelihood of each row of logits (N, V), in nats; (N,) float32.

    With `want_gradient`, logits are overwritten by softmax(logits) - onehot(label), the gradient of each row's nll.
    """
    log_p = logits.float().log_softmax(-1)
    nll = -log_p.gather(1, labels[:, None])[:, 0]
    if want_gradient:
        gradient = log_p.exp()
        gradient.scatter_add_(1, labels[:, None], torch.full_like(nll, -1.0)[:, None])
        logits.copy_(gradient)
    return nll


def matmul_wide(a: Tensor, b: Tensor) -> Tensor:
    """a @ b, accumulated and returned in float32."""
    return a.float() @ b.float()
