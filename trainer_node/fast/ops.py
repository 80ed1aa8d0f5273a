"""Owns which module computes the fused operations on a device."""

from __future__ import annotations

from types import ModuleType

import torch


def ops_for(device: torch.device) -> ModuleType:
    """`kernels` on CUDA, `reference` elsewhere. Triton is imported where it runs only."""
    if device.type == "cuda":
        from trainer_node.fast import kernels

        return kernels
    from trainer_node.fast import reference

    return reference
