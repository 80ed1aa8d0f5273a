"""A model in memory, and how it got there."""

from __future__ import annotations

from typing import Any, NamedTuple

from trainer_node.commit.provenance import Precision, quantization_of


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
    def precision(self) -> Precision:
        """The arithmetic that it computes in."""
        return Precision(bits=self.bits, dtype=str(self.model.pelton_dtype), quantization=quantization_of(self.bits), backend=self.backend)

    @property
    def max_seq(self) -> int:
        """Longest sequence in tokens: what was asked for, or what the model was made for where that is less."""
        return int(self.tokenizer.model_max_length)
