"""Owns the choice of device, bits, dtype and backend, from what was asked for and what this machine has.

What cannot be done is refused with the reason and the nearest choice that works; nothing is swapped silently.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from schemas.errors import ConfigError

logger = logging.getLogger(__name__)

BACKENDS = ("auto", "unsloth", "hf")
told: set[str] = set()
"""Reasons that were logged."""

BITS = (4, 8, 16, 32)


def choose_device(device: str | None) -> str:
    """The device as torch writes it; None: a CUDA device, else MPS, else the CPU.

    Raises:
        ConfigError: it is not there.
    """
    import torch

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        wanted = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"device {device!r} is not one torch knows: cpu, cuda, cuda:1, mps") from None
    if wanted.type == "cuda":
        if not torch.cuda.is_available():
            raise ConfigError("device cuda was asked for, and torch finds no CUDA device here; leave it out to train on the CPU")
        index = torch.cuda.current_device() if wanted.index is None else wanted.index
        if index >= torch.cuda.device_count():
            raise ConfigError(f"device {device} was asked for, and this machine has {torch.cuda.device_count()} CUDA device(s)")
        return f"cuda:{index}"
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device mps was asked for, and torch finds none here; leave it out to train on the CPU")
    return str(wanted)


def choose_bits(bits: int | None, device: str) -> int:
    """The bits a weight is held in; None: 4 on a CUDA device with bitsandbytes, 32 on a CPU without bfloat16 arithmetic, else 16.

    Raises:
        ConfigError: this device cannot do what was asked for; names the nearest that it can.
    """
    if bits is not None and bits not in BITS:
        raise ConfigError(f"bits must be one of 4, 8, 16 or 32, not {bits}")
    on_cuda = device.startswith("cuda")
    quantizes = on_cuda and is_installed("bitsandbytes")
    if bits is None:
        return 4 if quantizes else 32 if device == "cpu" and not cpu_has_bfloat16() else 16
    if bits in (4, 8) and not quantizes:
        why = "bitsandbytes is not installed (pip install 'pelton[gpu]')" if on_cuda else f"that needs a CUDA device, and this is {device}"
        raise ConfigError(f"{bits}-bit weights: {why}; the nearest that works here is --bits 16")
    return bits


def choose_dtype(dtype: Any, bits: int, device: str) -> Any:
    """The torch dtype of the arithmetic: what was asked for; None: float32 for 32 bits, else bfloat16, or float16 on a GPU without it.

    Raises:
        ConfigError: torch knows no such dtype, or it contradicts the bits.
    """
    import torch

    if isinstance(dtype, str):
        found = getattr(torch, dtype, None)
        if not isinstance(found, torch.dtype):
            raise ConfigError(f"dtype {dtype!r} is not one torch knows: bfloat16, float16 or float32")
        dtype = found
    if dtype is None:
        half = torch.float16 if device.startswith("cuda") and not torch.cuda.is_bf16_supported() else torch.bfloat16
        return torch.float32 if bits == 32 else half
    if bits in (16, 32) and dtype.itemsize * 8 != bits:
        raise ConfigError(f"{bits}-bit weights and dtype {dtype} contradict each other: leave dtype out, or change bits")
    return dtype


def choose_backend(backend: str, device: str, gguf_file: str | None = None) -> str:
    """`unsloth` or `hf`; `auto` is `unsloth` where it can run.

    Raises:
        ConfigError: no such backend, or `unsloth` where it cannot run; says why.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    obstacle = None
    if not device.startswith("cuda"):
        obstacle = f"it needs a CUDA device, and this is {device}"
    elif not is_installed("unsloth"):
        obstacle = "it is not installed (pip install 'pelton[gpu]')"
    elif gguf_file:
        obstacle = "it does not read GGUF files; convert the model to safetensors"
    if backend == "unsloth" and obstacle:
        raise ConfigError(f"backend unsloth cannot run here: {obstacle}; use --backend hf")
    if backend == "auto" and obstacle and obstacle not in told:
        told.add(obstacle)  # a start asks several times
        logger.info("backend hf (Transformers and PEFT), not Unsloth: %s", obstacle)
    return backend if backend != "auto" else "hf" if obstacle else "unsloth"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 itself (AVX-512 BF16 or AMX). One that does not is many times slower at it than at float32."""
    import torch

    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch tells of it by no public name
    return any(getattr(torch.cpu, name, lambda: False)() for name in known)


def is_installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None
