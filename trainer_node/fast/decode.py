"""Owns decoding by the fast path's layers: prompts read packed, then a token a step for many texts, each at a place of its own.

The arithmetic is that of training: the same products with the adapter beside the weights, the residual stream in 32 bits.
"""

from __future__ import annotations

from typing import Any

import torch

from trainer_node.fast.layer import Layer
from trainer_node.fast.model import FastDecoder
from trainer_node.fast.packing import Sequences

Tensor = torch.Tensor


class SlotDecoder:
    """Keeps keys and values of texts in slots: (slots + 1, length, kv_heads, D) a layer. A `Decoder` of the engine in `models/engine`."""

    def __init__(self, decoder: FastDecoder) -> None:
        self._decoder = decoder
        self.device = decoder.device
        self._embedding = self._on_device()
        self._cos = self._sin = torch.zeros(0)
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []

    def _on_device(self) -> Tensor:
        """The table of embeddings; where training keeps it in the host's memory, a copy, since a recorded step cannot ask the host."""
        weight: Tensor = self._decoder.base.get_input_embeddings().weight
        return weight.detach().to(self.device)

    def make_room(self, slots: int, length: int) -> None:
        """Room for `slots` texts of up to `length` tokens, and for one more that nobody reads. What was kept is lost."""
        first = self._decoder.layers[0]
        shape = (slots + 1, length, first.kv_heads, first.dim)
        self._keys, self._values = [], []  # freed before as much is taken again
        for kept in (self._keys, self._values):
            kept.extend(torch.zeros(shape, dtype=first.dtype, device=self.device) for _ in self._decoder.layers)
        # A recorded step reads these tables for as long as it is replayed, whatever longer ones training makes.
        self._cos, self._sin = self._decoder.tables(length)

    def bytes_of_a_token(self) -> int:
        """What a token's keys and values take, of all layers."""
        first = self._decoder.layers[0]
        return int(2 * len(self._decoder.layers) * first.kv_heads * first.dim * first.dtype.itemsize)

    def refresh(self) -> None:
        """The adapter's weights may have changed."""
        self._decoder.refresh()

    def prefill(self, prompts: list[list[int]], slots: Tensor) -> Tensor:
        """Read prompts into slots (n,), end to end and without padding; logits (n, V) float32 of what follows each."""
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self.device)
        ids = torch.tensor([token for prompt in prompts for token in prompt], device=self.device)
        ends = lengths.cumsum(0)
        places = torch.arange(len(ids), device=self.device) - (ends - lengths).repeat_interleave(lengths)
        bounds = torch.cat([ends.new_zeros(1), ends]).int()
        tokens = torch.arange(len(ids), device=self.device)
        sequences = Sequences(tokens, places.int(), bounds, max(map(len, prompts)), self._cos, self._sin)
        at = slots.repeat_interleave(lengths)
        x = self._embedding[ids].float()
        for layer, keys, values in zip(self._decoder.layers, self._keys, self._values, strict=True):
            qkv, *_, delta = layer.attend(x, sequences)
            layer.ops.keep_(qkv, keys, values, at, places)
            x = layer.finish(x, delta)
        return self._logits(x[ends - 1])

    def step(self, tokens: Tensor, slots: Tensor, positions: Tensor) -> Tensor:
        """One more token in each of the slots: tokens, slots, positions (R,) int64; logits (R, V) float32. Waits for nothing."""
        sequences = Sequences(tokens, positions, positions, 1, self._cos, self._sin)
        x = self._embedding[tokens].float()
        for layer, keys, values in zip(self._decoder.layers, self._keys, self._values, strict=True):
            x = self._through(layer, x, sequences, keys, values, slots)
        return self._logits(x)

    def _through(self, layer: Layer, x: Tensor, sequences: Sequences, keys: Tensor, values: Tensor, slots: Tensor) -> Tensor:
        places = sequences.positions
        normed, _ = layer.ops.rms_norm(x, layer.norm1, layer.eps, layer.dtype)
        qkv = layer.qkv.forward(normed)
        layer.ops.rotate_(qkv, sequences, layer.heads + layer.kv_heads, layer.dim)
        layer.ops.keep_(qkv, keys, values, slots, places)
        out = layer.ops.attend_to_kept(qkv, keys, values, slots, places, layer.heads)
        return layer.finish(x, layer.o.forward(out))

    def _logits(self, x: Tensor) -> Tensor:
        """(n, H) -> (n, V), summed and left in 32 bits."""
        decoder = self._decoder
        normed, _ = decoder.ops.rms_norm(x.contiguous(), decoder.norm, decoder.eps, decoder.dtype)
        logits: Tensor = decoder.ops.matmul_wide(normed, decoder.head.t())
        return logits


def slot_decoder(model: Any) -> SlotDecoder | None:
    """Decoding by the fast path of a model that trains by it; None for others, and while its adapter is off."""
    from trainer_node.fast.model import base_model

    decoder = getattr(base_model(model), "pelton_fast", None)
    return SlotDecoder(decoder) if decoder is not None and decoder.adapter_is_on() else None
