"""The fused operations as Triton kernels and library calls, for CUDA. `reference` defines what each one computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from trainer_node.fast.reference import split_heads

if TYPE_CHECKING:
    from trainer_node.fast.nf4 import NF4Weight
    from trainer_node.fast.packing import Sequences

Tensor = torch.Tensor


@triton.jit
def _rms_norm(x, delta, weight, total, y, rstd, width, eps, add: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, block)
    inside = cols < width
    wide = tl.load(x + row * width + cols, inside, 0.0).to(tl.float32)
    if add:
        wide += tl.load(delta + row * width + cols, inside, 0.0).to(tl.float32)
        tl.store(total + row * width + cols, wide, inside)
    scale = 1.0 / tl.sqrt(tl.sum(wide * wide) / width + eps)
    tl.store(rstd + row, scale)
    w = tl.load(weight + cols, inside, 0.0).to(tl.float32)
    tl.store(y + row * width + cols, wide * scale * w, inside)


def rms_norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """See `reference.rms_norm`."""
    y, rstd = torch.empty_like(x, dtype=dtype), torch.empty(len(x), dtype=torch.float32, device=x.device)
    block = triton.next_power_of_2(x.shape[1])
    _rms_norm[(len(x),)](x, x, weight, x, y, rstd, x.shape[1], eps, False, block, num_warps=_warps(block))
    return y, rstd


def add_rms_norm(x: Tensor, delta: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """See `reference.add_rms_norm`."""
    total, y = torch.empty_like(x, dtype=torch.float32), torch.empty_like(delta)
    rstd = torch.empty(len(x), dtype=torch.float32, device=x.device)
    block = triton.next_power_of_2(x.shape[1])
    _rms_norm[(len(x),)](x, delta, weight, total, y, rstd, x.shape[1], eps, True, block, num_warps=_warps(block))
    return total, y, rstd


@triton.jit
def _rms_norm_backward(dy, x, weight, rstd, residual, dx, width, add: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, block)
    inside = cols < width
    scale = tl.load(rstd + row)
    normal = tl.load(x + row * width + cols, inside, 0.0).to(tl.float32) * scale
    scaled = tl.load(dy + row * width + cols, inside, 0.0).to(tl.float32) * tl.load(weight + cols, inside, 0.0).to(tl.float32)
    gradient = scale * (scaled - normal * (tl.sum(scaled * normal) / width))
    if add:
        gradient += tl.load(residual + row * width + cols, inside, 0.0).to(tl.float32)
    tl.store(dx + row * width + cols, gradient, inside)


def rms_norm_backward(dy: Tensor, x: Tensor, weight: Tensor, rstd: Tensor, residual: Tensor | None) -> Tensor:
    """See `reference.rms_norm_backward`."""
    dx, block = torch.empty_like(x, dtype=torch.float32), triton.next_power_of_2(x.shape[1])
    add = residual is not None
    _rms_norm_backward[(len(x),)](dy, x, weight, rstd, residual if add else x, dx, x.shape[1], add, block, num_warps=_warps(block))
    return dx


@triton.jit
def _rotate(
    source,
    target,
    source_row,
    target_row,
    cos,
    sin,
    positions,
    heads,
    sign,
    half: tl.constexpr,
    wide: tl.constexpr,
    most_heads: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    head, col = tl.arange(0, most_heads)[:, None], tl.arange(0, wide)[None, :]
    inside = (head < heads) & (col < half)
    table = tl.load(positions + row).to(tl.int64) * half + tl.arange(0, wide)
    c = tl.load(cos + table, tl.arange(0, wide) < half, 0.0)[None, :]
    s = tl.load(sin + table, tl.arange(0, wide) < half, 0.0)[None, :] * sign
    first = head * (2 * half) + col
    a = tl.load(source + row * source_row + first, inside, 0.0).to(tl.float32)
    b = tl.load(source + row * source_row + first + half, inside, 0.0).to(tl.float32)
    tl.store(target + row * target_row + first, a * c - b * s, inside)
    tl.store(target + row * target_row + first + half, b * c + a * s, inside)


def _launch_rotate(source: Tensor, target: Tensor, sequences: Sequences, heads: int, dim: int, sign: float) -> None:
    half, wide = dim // 2, triton.next_power_of_2(heads)
    _rotate[(len(source),)](
        source, target, source.stride(0), target.stride(0), sequences.cos, sequences.sin, sequences.positions,
        heads, sign, half, triton.next_power_of_2(half), wide, num_warps=4,
    )  # fmt: skip


def rotate_(qkv: Tensor, sequences: Sequences, heads: int, dim: int) -> None:
    """See `reference.rotate_`."""
    _launch_rotate(qkv, qkv, sequences, heads, dim, 1.0)


def rotate_back(dq: Tensor, dk: Tensor, dv: Tensor, sequences: Sequences) -> Tensor:
    """See `reference.rotate_back`."""
    tokens, dim = len(dq), dq.shape[-1]
    widths = [part.shape[1] * dim for part in (dq, dk, dv)]
    out = torch.empty(tokens, sum(widths), dtype=dq.dtype, device=dq.device)
    q, k, v = out.split(widths, dim=1)
    _launch_rotate(dq, q, sequences, dq.shape[1], dim, -1.0)
    _launch_rotate(dk, k, sequences, dk.shape[1], dim, -1.0)
    v.copy_(dv.flatten(1))
    return out


@triton.jit
def _swiglu(gate_up, h, width, block: tl.constexpr):
    row, cols = tl.program_id(0).to(tl.int64), tl.program_id(1) * block + tl.arange(0, block)
    inside = cols < width
    gate = tl.load(gate_up + row * 2 * width + cols, inside, 0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * width + width + cols, inside, 0.0).to(tl.float32)
    tl.store(h + row * width + cols, gate * tl.sigmoid(gate) * up, inside)


def swiglu(gate_up: Tensor) -> Tensor:
    """See `reference.swiglu`."""
    tokens, width = len(gate_up), gate_up.shape[1] // 2
    h = torch.empty(tokens, width, dtype=gate_up.dtype, device=gate_up.device)
    _swiglu[(tokens, triton.cdiv(width, 1024))](gate_up, h, width, 1024, num_warps=4)
    return h


@triton.jit
def _swiglu_backward(gate_up, dh, width, block: tl.constexpr):
    row, cols = tl.program_id(0).to(tl.int64), tl.program_id(1) * block + tl.arange(0, block)
    inside = cols < width
    gate = tl.load(gate_up + row * 2 * width + cols, inside, 0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * width + width + cols, inside, 0.0).to(tl.float32)
    d = tl.load(dh + row * width + cols, inside, 0.0).to(tl.float32)
    sigmoid = tl.sigmoid(gate)
    tl.store(gate_up + row * 2 * width + cols, d * up * sigmoid * (1.0 + gate * (1.0 - sigmoid)), inside)
    tl.store(gate_up + row * 2 * width + width + cols, d * gate * sigmoid, inside)


def swiglu_backward_(gate_up: Tensor, dh: Tensor) -> Tensor:
    """See `reference.swiglu_backward_`."""
    tokens, width = dh.shape
    _swiglu_backward[(tokens, triton.cdiv(width, 1024))](gate_up, dh, width, 1024, num_warps=4)
    return gate_up


@triton.jit
def _dequantize_nf4(
    packed,
    code,
    scales,
    scale_code,
    scale_scales,
    offset,
    out,
    count,
    group_bytes: tl.constexpr,
    scale_group: tl.constexpr,
    nested: tl.constexpr,
    size: tl.constexpr,
):
    byte = tl.program_id(0).to(tl.int64) * size + tl.arange(0, size)
    inside = byte < count
    pair = tl.load(packed + byte, inside, 0)
    group = byte // group_bytes
    if nested:
        scale = tl.load(scale_code + tl.load(scales + group, inside, 0).to(tl.int32))
        scale = scale * tl.load(scale_scales + group // scale_group, inside, 0.0) + offset
    else:
        scale = tl.load(scales + group, inside, 0.0)
    high = tl.load(code + (pair >> 4).to(tl.int32)) * scale
    low = tl.load(code + (pair & 15).to(tl.int32)) * scale
    both = tl.interleave(high, low)
    element = tl.program_id(0).to(tl.int64) * (2 * size) + tl.arange(0, 2 * size)
    tl.store(out + element, both, element < 2 * count)


def dequantize_nf4(weight: NF4Weight, out: Tensor) -> None:
    """See `reference.dequantize_nf4`. `out` is contiguous."""
    count, nested = weight.packed.numel(), weight.scale_code is not None
    _dequantize_nf4[(triton.cdiv(count, 1024),)](
        weight.packed, weight.code, weight.scales, weight.scale_code if nested else weight.code,
        weight.scale_scales if nested else weight.code, weight.scale_offset, out, count, weight.block // 2, weight.scale_block,
        nested, 1024, num_warps=4,
    )  # fmt: skip


def attention(qkv: Tensor, sequences: Sequences, heads: int, kv_heads: int, dim: int) -> tuple[Tensor, ...]:
    """See `reference.attention`: FlashAttention (Dao 2023) as torch carries it."""
    q, k, v = split_heads(qkv, heads, kv_heads, dim)
    bounds, longest = sequences.bounds, sequences.longest
    out, lse, seed, unused, _ = torch.ops.aten._flash_attention_forward(
        q, k, v, bounds, bounds, longest, longest, 0.0, True, return_debug_mask=False, scale=dim**-0.5
    )
    return out.flatten(1), lse, seed, unused


@triton.jit
def _keep(qkv, keys, values, slots, places, row_width, slot_width, begin, width, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    cols = tl.arange(0, block)
    inside = cols < width
    target = tl.load(slots + row) * slot_width + tl.load(places + row) * width + cols
    source = qkv + row * row_width + begin + cols
    tl.store(keys + target, tl.load(source, inside), inside)
    tl.store(values + target, tl.load(source + width, inside), inside)


def keep_(qkv: Tensor, keys: Tensor, values: Tensor, slots: Tensor, places: Tensor) -> None:
    """See `reference.keep_`."""
    width = keys.shape[2] * keys.shape[3]
    block = triton.next_power_of_2(width)
    _keep[(len(qkv),)](
        qkv, keys, values, slots, places, qkv.stride(0), keys.stride(0), qkv.shape[1] - 2 * width, width, block, num_warps=_warps(block)
    )


@triton.jit
def _attend_to_kept(
    qkv,
    keys,
    values,
    slots,
    places,
    out,
    row_width,
    slot_width,
    width,
    scale,
    group,
    dim,
    most_group: tl.constexpr,
    most_dim: tl.constexpr,
    block: tl.constexpr,
):
    row, kv_head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    head, col, step = tl.arange(0, most_group), tl.arange(0, most_dim), tl.arange(0, block)
    known = (head[:, None] < group) & (col[None, :] < dim)
    at = (kv_head * group + head[:, None]) * dim + col[None, :]
    q = tl.load(qkv + row * row_width + at, known, 0.0)
    length = tl.load(places + row) + 1
    begin = tl.load(slots + row) * slot_width + kv_head * dim
    highest = tl.full((most_group,), -float("inf"), tl.float32)
    total = tl.zeros((most_group,), tl.float32)
    mean = tl.zeros((most_group, most_dim), tl.float32)
    for start in range(0, length, block):
        place = start + step
        source = begin + place[:, None].to(tl.int64) * width + col[None, :]
        inside = (place[:, None] < length) & (col[None, :] < dim)
        k = tl.load(keys + source, inside, 0.0)
        scores = tl.dot(q, tl.trans(k)) * scale
        scores = tl.where(place[None, :] < length, scores, -float("inf"))
        raised = tl.maximum(highest, tl.max(scores, 1))
        weights = tl.exp(scores - raised[:, None])
        shrink = tl.exp(highest - raised)
        total = total * shrink + tl.sum(weights, 1)
        v = tl.load(values + source, inside, 0.0)
        mean = mean * shrink[:, None] + tl.dot(weights.to(v.dtype), v)
        highest = raised
    tl.store(out + row * (tl.num_programs(1) * group * dim) + at, mean / total[:, None], known)


def attend_to_kept(qkv: Tensor, keys: Tensor, values: Tensor, slots: Tensor, places: Tensor, heads: int) -> Tensor:
    """See `reference.attend_to_kept`."""
    kv_heads, dim = keys.shape[2:]
    out = torch.empty(len(qkv), heads * dim, dtype=qkv.dtype, device=qkv.device)
    group = heads // kv_heads
    _attend_to_kept[(len(qkv), kv_heads)](
        qkv, keys, values, slots, places, out, qkv.stride(0), keys.stride(0), kv_heads * dim, dim**-0.5, group, dim,
        max(16, triton.next_power_of_2(group)), max(16, triton.next_power_of_2(dim)), 64, num_warps=4,
    )  # fmt: skip
    return out


def attention_backward(
    dout: Tensor, qkv: Tensor, out: Tensor, kept: tuple[Tensor, ...], sequences: Sequences, heads: int, kv_heads: int, dim: int
) -> tuple[Tensor, Tensor, Tensor]:
    """See `reference.attention_backward`."""
    q, k, v = split_heads(qkv, heads, kv_heads, dim)
    shape, bounds, longest = (len(qkv), heads, dim), sequences.bounds, sequences.longest
    lse, seed, unused = kept
    gradients: tuple[Tensor, Tensor, Tensor] = torch.ops.aten._flash_attention_backward(
        dout.view(shape), q, k, v, out.view(shape), lse, bounds, bounds, longest, longest, 0.0, True, seed, unused, scale=dim**-0.5
    )
    return gradients


@triton.jit
def _cross_entropy(logits, labels, nll, width, gradient: tl.constexpr, block: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    base = logits + row * width
    label = tl.load(labels + row)
    highest = tl.full((), -float("inf"), tl.float32)
    total = tl.zeros((), tl.float32)
    for start in range(0, width, block):
        cols = start + tl.arange(0, block)
        inside = cols < width
        x = tl.load(base + cols, inside, -float("inf")).to(tl.float32)
        raised = tl.maximum(highest, tl.max(x, 0))
        total = total * tl.exp(highest - raised) + tl.sum(tl.exp(x - raised), 0)
        highest = raised
    lse = highest + tl.log(total)
    tl.store(nll + row, lse - tl.load(base + label).to(tl.float32))
    if gradient:
        # Each row's own label was read above; all threads must have done so before it is overwritten.
        tl.debug_barrier()
        for start in range(0, width, block):
            cols = start + tl.arange(0, block)
            inside = cols < width
            p = tl.exp(tl.load(base + cols, inside, -float("inf")).to(tl.float32) - lse)
            tl.store(base + cols, tl.where(cols == label, p - 1.0, p), inside)


def cross_entropy_(logits: Tensor, labels: Tensor, want_gradient: bool) -> Tensor:
    """See `reference.cross_entropy_`."""
    nll = torch.empty(len(logits), dtype=torch.float32, device=logits.device)
    _cross_entropy[(len(logits),)](logits, labels, nll, logits.shape[1], want_gradient, 4096, num_warps=8)
    return nll


def matmul_wide(a: Tensor, b: Tensor) -> Tensor:
    """See `reference.matmul_wide`."""
    if a.dtype == torch.float32:
        return a @ b
    wide: Tensor = torch.mm(a, b, out_dtype=torch.float32)
    return wide


def _warps(block: int) -> int:
    return min(max(block // 512, 1), 8)
