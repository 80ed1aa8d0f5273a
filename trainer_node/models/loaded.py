"""A model in memory, and how it got there."""

from __future__ import annotations

from typing import Any, NamedTuple


class LoadedModel(NamedTuple):
    """A model ready to train, and how it was loaded. Unpacks as `model, tokenizer, backend, device, bits`."""

    model: Any
    tokenizer: Any
    backend: str
    """`unsloth` or `hf`."""
    device: str
    """As torch writes it: `cpu`, `cuda:0`, `mps`."""
    bits: int
    """Of a weight of the base model, as held: 4 (NF4), 8 (LLM.int8), 16 (bfloat16, or float16 on a GPU without it), 32."""

    @property
    def max_seq(self) -> int:
        """Longest sequence in tokens: what was asked for, or what the model was made for where that is less."""
        return int(self.tokenizer.model_max_length)
