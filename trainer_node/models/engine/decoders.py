"""What computes logits for the engine: a prompt's last ones, and those after one more token of each answer under way."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

Tensor = torch.Tensor
WORTH_A_PASS, WORTH_A_SHARE = 8, 0.25
"""Tokens that prompts must begin with alike, and of the longest what share that must be, to be read in a pass of their own: the rest of
each prompt is then read against all the room of its slot."""


class Decoder(Protocol):
    """Keeps the keys and values of `slots` answers, and of one more slot that nobody reads."""

    device: torch.device

    def make_room(self, slots: int, length: int) -> None:
        """Room for `slots` texts of up to `length` tokens. What was kept is lost."""

    def refresh(self) -> None:
        """The model's weights may have changed."""

    def prefill(self, prompts: list[list[int]], slots: Tensor) -> Tensor:
        """Read prompts into slots (n,); logits (n, V) of what follows each."""

    def step(self, tokens: Tensor, slots: Tensor, positions: Tensor) -> Tensor:
        """One more token in each of the slots: tokens, slots, positions (R,); logits (R, V). No word between host and device."""

    def bytes_of_a_token(self) -> int:
        """What a token's keys and values take, of all layers."""


def obstacle(model: Any) -> str | None:
    """Why the slots cannot keep this model's past; None if they can."""
    if getattr(model, "pelton_backend", "hf") == "unsloth":
        return "Unsloth's layers keep their past in a way of their own"
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    if kinds - {"full_attention"}:
        return f"it has layers of type {', '.join(sorted(kinds - {'full_attention'}))}"
    if not kinds and getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return "its attention has a window"
    if not getattr(model, "_supports_sdpa", True) or getattr(model, "_is_stateful", False):
        return "its past is not a cache of keys and values"
    if not hasattr(config, "num_attention_heads") or not hasattr(config, "hidden_size"):
        return "its attention is of a kind of its own"
    return None


def shared_beginning(prompts: list[list[int]]) -> int:
    """How many tokens all of several prompts begin with, so that one is left of each; 0 where reading them once is not worth a pass."""
    if len(prompts) == 1:
        return 0
    least, most = min(prompts), max(prompts)  # in the order of their tokens: what these two share, all do
    alike = next((at for at, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), min(len(least), len(most)))
    shared = min(alike, min(map(len, prompts)) - 1)
    return shared if shared >= max(WORTH_A_PASS, WORTH_A_SHARE * max(map(len, prompts))) else 0


class ModelDecoder:
    """By the model's own forward pass: any model of Transformers whose layers all attend to the whole text, with its adapters."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self._cache = SlotCache(0, 0)

    def make_room(self, slots: int, length: int) -> None:
        """See `Decoder`. Tensors are made when their shapes are known, at the first prompts."""
        self._cache = SlotCache(slots, length)

    def refresh(self) -> None:
        """The forward pass reads the weights themselves."""

    def bytes_of_a_token(self) -> int:
        """See `Decoder`."""
        config = self.model.config.get_text_config()
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = next(self.model.parameters()).dtype.itemsize
        return int(2 * config.num_hidden_layers * heads * dim * size)

    def prefill(self, prompts: list[list[int]], slots: Tensor) -> Tensor:
        """See `Decoder`. What all prompts begin with, a system's words above all, is read once and copied."""
        shared = shared_beginning(prompts)
        if shared:
            self._read([prompts[0][:shared]], slots[:1], 0)
            self._cache.copy(slots[:1], slots[1:], shared)
        return self._read([prompt[shared:] for prompt in prompts], slots, shared)

    def _read(self, texts: list[list[int]], slots: Tensor, behind: int) -> Tensor:
        """Read texts into slots (n,), behind so many tokens that these hold; logits (n, V).

        Padded on the left: the model's head then computes one column alone.
        """
        width = max(map(len, texts))
        ids = torch.tensor([[0] * (width - len(text)) + text for text in texts], device=self.device)
        lengths = torch.tensor([len(text) for text in texts], device=self.device)
        column = torch.arange(width, device=self.device)
        place = column[None] - (width - lengths)[:, None]
        real = place >= 0
        positions = (place + behind).clamp(min=0)
        self._cache.write(torch.where(real, slots[:, None], self._cache.slots), positions, read=slots if behind else None)
        if behind:
            sees = torch.arange(self._cache.length, device=self.device) <= positions[:, :, None]
        else:  # a column of padding sees itself: a row without anything to see has no softmax
            sees = (column[:, None] >= column[None]) & (real[:, None] | (column[:, None] == column[None]))
        return self._logits(ids, sees[:, None], positions)

    def step(self, tokens: Tensor, slots: Tensor, positions: Tensor) -> Tensor:
        """See `Decoder`."""
        self._cache.write(slots[:, None], positions[:, None], read=slots)
        sees = torch.arange(self._cache.length, device=self.device)[None] <= positions[:, None]
        return self._logits(tokens[:, None], sees[:, None, None], positions[:, None])

    def _logits(self, ids: Tensor, sees: Tensor, positions: Tensor) -> Tensor:
        output = self.model(
            input_ids=ids, attention_mask=sees, position_ids=positions, past_key_values=self._cache, use_cache=True, logits_to_keep=1
        )
        logits: Tensor = output.logits[:, -1]
        return logits


class SlotLayer(CacheLayerMixin):
    """One layer's keys and values: (slots + 1, length, heads, dim) each."""

    is_sliding = False

    def __init__(self, cache: SlotCache) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cache = cache

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make the tensors, now that their shapes are known."""
        room = (self._cache.slots + 1, self._cache.length)
        self.keys = key_states.new_zeros(*room, key_states.shape[1], key_states.shape[3])
        self.values = value_states.new_zeros(*room, value_states.shape[1], value_states.shape[3])
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keep (rows, heads, columns, dim) where the cache says; returns what is to be attended to, in that layout."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        cache = self._cache
        self.keys[cache.at_slots, cache.at_places] = key_states.transpose(1, 2)
        self.values[cache.at_slots, cache.at_places] = value_states.transpose(1, 2)
        if cache.read is None:
            return key_states, value_states
        return self.keys[cache.read].transpose(1, 2), self.values[cache.read].transpose(1, 2)

    def copy(self, slot: Tensor, to: Tensor, length: int) -> None:
        """See `SlotCache.copy`."""
        assert self.keys is not None
        assert self.values is not None
        for kept in (self.keys, self.values):
            kept[to, :length] = kept[slot, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The mask is the caller's."""
        return query_length, 0

    def get_seq_length(self) -> int:
        """Each slot has its own; positions are the caller's."""
        return 0

    def get_max_length(self) -> int:
        """Of a slot, in tokens."""
        return self._cache.length


class SlotCache(Cache):
    """Keys and values of texts that are of different lengths and begin at different times, as a cache of Transformers."""

    def __init__(self, slots: int, length: int) -> None:
        self.slots, self.length = slots, length
        self.at_slots = self.at_places = torch.zeros(0, dtype=torch.int64)
        self.read: Tensor | None = None
        super().__init__(layers=[])

    def write(self, slots: Tensor, places: Tensor, read: Tensor | None) -> None:
        """Where the next forward pass keeps its tokens, slots and places (rows, columns), and which slots it reads; None: itself alone."""
        self.at_slots, self.at_places, self.read = slots, places, read

    def copy(self, slot: Tensor, to: Tensor, length: int) -> None:
        """What a slot (1,) holds of its first `length` tokens, into others (n,)."""
        for layer in self.layers:
            assert isinstance(layer, SlotLayer)
            layer.copy(slot, to, length)

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """See `SlotLayer.update`."""
        while len(self.layers) <= layer_idx:
            self.layers.append(SlotLayer(self))
        layer = self.layers[layer_idx]
        assert isinstance(layer, SlotLayer)
        return layer.update(key_states, value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - Transformers' signature
        """Positions are the caller's."""
        return 0
