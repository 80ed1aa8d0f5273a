"""Each GPU kernel computes what its plain definition says: on a CUDA device, or on a CPU under Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from trainer_node.fast import reference
from trainer_node.fast.nf4 import NF4Weight
from trainer_node.fast.packing import Sequences

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
needs_triton = pytest.mark.skipif(not INTERPRETED and DEVICE == "cpu", reason="run in a process of its own, see the first test")
NF4 = [
    -1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0,
    0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0,
]  # fmt: skip


@pytest.mark.processes
@pytest.mark.skipif(INTERPRETED or DEVICE == "cuda", reason="the tests below run in this process")
def test_all_kernels_under_the_interpreter() -> None:
    """Triton reads TRITON_INTERPRET when a kernel is defined, so this needs a process of its own."""
    pytest.importorskip("triton")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    result = subprocess.run(
        command, env=os.environ | {"TRITON_INTERPRET": "1"}, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert result.returncode == 0, result.stdout[-3000:]


def random(*shape: int, dtype: torch.dtype = torch.float32, scale: float = 1.0) -> torch.Tensor:
    return (torch.randn(*shape, device=DEVICE) * scale).to(dtype)


def sequences(lengths: tuple[int, ...], dim: int) -> Sequences:
    positions = torch.cat([torch.arange(n, device=DEVICE) for n in lengths]).int()
    bounds = torch.tensor([0, *lengths], device=DEVICE).cumsum(0).int()
    angles = torch.arange(max(lengths), device=DEVICE)[:, None] * torch.rand(dim // 2, device=DEVICE)
    tokens = torch.arange(sum(lengths), device=DEVICE)
    return Sequences(tokens, positions, bounds, max(lengths), angles.cos(), angles.sin())


def assert_near(ours: torch.Tensor, theirs: torch.Tensor, error: float = 1e-5) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    difference = (ours.double() - theirs.double()).norm() / theirs.double().norm().clamp(min=1e-9)
    assert difference < error, f"relative error {difference:.2e}"


@needs_triton
@pytest.mark.parametrize("width", [32, 576, 100])
def test_rms_norm(width: int) -> None:
    from trainer_node.fast import kernels

    x, weight, dy, residual = random(7, width), random(width), random(7, width), random(7, width)
    dtype = torch.float32 if INTERPRETED else torch.bfloat16
    (y, rstd), (y2, rstd2) = kernels.rms_norm(x, weight, 1e-5, dtype), reference.rms_norm(x, weight, 1e-5, dtype)
    assert_near(y, y2, 1e-5 if INTERPRETED else 1e-3)
    assert_near(rstd, rstd2)
    delta = random(7, width, dtype=dtype)
    for ours, theirs in zip(kernels.add_rms_norm(x, delta, weight, 1e-5), reference.add_rms_norm(x, delta, weight, 1e-5), strict=True):
        assert_near(ours, theirs, 1e-5 if ours.dtype == torch.float32 else 1e-3)
    for past in (None, residual):
        ours, theirs = (ops.rms_norm_backward(dy, x, weight, rstd2, past) for ops in (kernels, reference))
        assert_near(ours, theirs)


@needs_triton
@pytest.mark.parametrize(("heads", "kv_heads", "dim"), [(3, 1, 16), (4, 2, 64), (2, 2, 24)])
def test_attention_to_what_slots_keep(heads: int, kv_heads: int, dim: int) -> None:
    from trainer_node.fast import kernels

    dtype = torch.float32 if INTERPRETED else torch.bfloat16
    slots = torch.tensor([4, 0, 2], device=DEVICE)
    kept = [[torch.zeros(6, 150, kv_heads, dim, dtype=dtype, device=DEVICE) for _ in range(2)] for _ in range(2)]
    prompts = random(3 * 140, (heads + 2 * kv_heads) * dim, dtype=dtype)
    query = random(3, (heads + 2 * kv_heads) * dim, dtype=dtype)
    lengths = torch.tensor([140, 64, 1], device=DEVICE)
    found = []
    for ops, (keys, values) in zip((kernels, reference), kept, strict=True):
        places = torch.arange(140, device=DEVICE).repeat(3)
        ops.keep_(prompts, keys, values, slots.repeat_interleave(140), places)
        ops.keep_(query, keys, values, slots, lengths)
        found.append(ops.attend_to_kept(query, keys, values, slots, lengths, heads))
    for ours, theirs in zip(*kept, strict=True):
        assert torch.equal(ours, theirs)
    assert_near(*found, 1e-5 if INTERPRETED else 5e-3)


@needs_triton
@pytest.mark.parametrize(("heads", "kv_heads", "dim"), [(3, 1, 16), (4, 2, 64), (2, 2, 24)])
def test_rotate(heads: int, kv_heads: int, dim: int) -> None:
    from trainer_node.fast import kernels

    lengths = sequences((5, 3), dim)
    qkv = random(8, (heads + 2 * kv_heads) * dim)
    ours, theirs = qkv.clone(), qkv.clone()
    kernels.rotate_(ours, lengths, heads + kv_heads, dim)
    reference.rotate_(theirs, lengths, heads + kv_heads, dim)
    assert_near(ours, theirs)
    back = [ops.rotate_back(*reference.split_heads(qkv, heads, kv_heads, dim), lengths) for ops in (kernels, reference)]
    assert_near(*back)


@needs_triton
@pytest.mark.parametrize("width", [48, 1500])
def test_swiglu(width: int) -> None:
    from trainer_node.fast import kernels

    gate_up, dh = random(5, 2 * width, scale=3), random(5, width)
    assert_near(kernels.swiglu(gate_up), reference.swiglu(gate_up))
    assert_near(kernels.swiglu_backward_(gate_up.clone(), dh), reference.swiglu_backward_(gate_up.clone(), dh))


@needs_triton
@pytest.mark.parametrize("nested", [True, False])
def test_dequantize_nf4(nested: bool) -> None:
    from trainer_node.fast import kernels

    rows, columns = 48, 192
    blocks = rows * columns // 64
    weight = NF4Weight(
        packed=torch.randint(0, 256, (rows * columns // 2,), dtype=torch.uint8, device=DEVICE),
        code=torch.tensor(NF4, device=DEVICE),
        block=64,
        scales=torch.randint(0, 256, (blocks,), dtype=torch.uint8, device=DEVICE) if nested else random(blocks).abs(),
        rows=rows,
        columns=columns,
        scale_code=random(256) if nested else None,
        scale_scales=random(-(-blocks // 32)).abs() if nested else None,
        scale_offset=0.25 if nested else 0.0,
        scale_block=32 if nested else 1,
    )
    # The interpreter cuts bfloat16 off where the device rounds it, so there it is left to the device.
    for dtype in (torch.float32, torch.bfloat16)[: 1 if INTERPRETED else 2]:
        ours, theirs = (torch.full((rows, columns), torch.nan, dtype=dtype, device=DEVICE) for _ in range(2))
        kernels.dequantize_nf4(weight, ours)
        reference.dequantize_nf4(weight, theirs)
        assert_near(ours, theirs, 1e-6 if dtype == torch.float32 else 1e-4)


@needs_triton
@pytest.mark.parametrize("vocabulary", [11, 5000])
def test_cross_entropy(vocabulary: int) -> None:
    from trainer_node.fast import kernels

    logits = random(6, vocabulary, scale=4)
    labels = torch.randint(0, vocabulary, (6,), device=DEVICE)
    labels[0] = logits[0].argmax()
    ours, theirs = logits.clone(), logits.clone()
    assert_near(kernels.cross_entropy_(ours, labels, True), reference.cross_entropy_(theirs, labels, True))
    assert_near(ours, theirs)
    untouched = logits.clone()
    kernels.cross_entropy_(untouched, labels, False)
    assert torch.equal(untouched, logits)


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
def test_attention_on_cuda() -> None:
    from trainer_node.fast import kernels

    lengths = sequences((70, 1, 130), 64)
    qkv = random(201, 8 * 64, dtype=torch.bfloat16)
    (ours, *kept), (theirs, *_) = (ops.attention(qkv, lengths, 4, 2, 64) for ops in (kernels, reference))
    assert_near(ours, theirs, 1e-2)
    dout = random(201, 4 * 64, dtype=torch.bfloat16)
    mine = kernels.attention_backward(dout, qkv, ours, tuple(kept), lengths, 4, 2, 64)
    plain = reference.attention_backward(dout, qkv, theirs, (), lengths, 4, 2, 64)
    for a, b in zip(mine, plain, strict=True):
        assert_near(a, b, 2e-2)


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
@pytest.mark.parametrize("nested", [True, False])
def test_dequantize_is_bitsandbytes_own_to_the_bit(nested: bool) -> None:
    functional = pytest.importorskip("bitsandbytes").functional
    from trainer_node.fast import kernels

    weight = random(192, 576, dtype=torch.bfloat16, scale=0.02)
    packed, state = functional.quantize_4bit(weight, blocksize=64, compress_statistics=nested, quant_type="nf4")

    class Parameter:
        data, quant_state = packed, state

    ours = torch.empty_like(weight)
    kernels.dequantize_nf4(NF4Weight.of(Parameter), ours)
    assert torch.equal(ours, functional.dequantize_4bit(packed, state))


@pytest.mark.gpu
@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
def test_wide_products_are_accumulated_and_returned_in_float32() -> None:
    from trainer_node.fast import kernels

    a, b = random(16, 900, dtype=torch.bfloat16), random(900, 48, dtype=torch.bfloat16)
    assert_near(kernels.matmul_wide(a, b), reference.matmul_wide(a, b))
