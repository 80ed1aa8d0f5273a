"""Owns frozen weights as the fast path reads them: NF4 as bitsandbytes packed them, or dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class NF4Weight:
    """One weight matrix in 4 bits. The tensors are bitsandbytes' own; nothing is copied."""

    packed: torch.Tensor
    """uint8, two codes a byte, high half first, rows end to end."""
    code: torch.Tensor
    """(16,) float32: the value of each code."""
    block: int
    """Weights that share a scale."""
    scales: torch.Tensor
    """One per block: float32, or, double-quantised, uint8 codes into `scale_code`."""
    rows: int
    columns: int
    scale_code: torch.Tensor | None = None
    """(256,) float32."""
    scale_scales: torch.Tensor | None = None
    scale_offset: float = 0.0
    scale_block: int = 1

    @classmethod
    def of(cls, parameter: Any) -> NF4Weight:
        """From a bitsandbytes `Params4bit`."""
        state = parameter.quant_state
        rows, columns = state.shape
        nested = state.state2 if state.nested else None
        return cls(
            packed=parameter.data.flatten(),
            code=state.code.float(),
            block=state.blocksize,
            scales=state.absmax,
            rows=rows,
            columns=columns,
            scale_code=None if nested is None else nested.code.float(),
            scale_scales=None if nested is None else nested.absmax.float(),
            scale_offset=0.0 if nested is None else float(state.offset),
            scale_block=1 if nested is None else nested.blocksize,
        )


def is_nf4(parameter: Any) -> bool:
    """Whether a weight is bitsandbytes' NF4, already quantised."""
    return getattr(getattr(parameter, "quant_state", None), "quant_type", None) == "nf4"
