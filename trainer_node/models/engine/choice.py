"""Owns which way a model is answered with, and keeps it with the model: what is made at the first call serves the later ones."""

from __future__ import annotations

import logging
from typing import Any

from trainer_node.fast.decode import slot_decoder
from trainer_node.fast.model import base_model
from trainer_node.models.engine.decoders import ModelDecoder, obstacle
from trainer_node.models.engine.engine import Engine
from trainer_node.models.engine.generating import Generating
from trainer_node.models.stopping import stops_of

logger = logging.getLogger(__name__)


class _Kept(dict[Any, Any]):
    """What is kept with a model, and not copied with it: recorded steps belong to the weights that they were recorded with."""

    def __deepcopy__(self, memo: Any) -> _Kept:
        return _Kept()

    def __reduce__(self) -> tuple[Any, ...]:
        return _Kept, ()


def engine_of(model: Any, tokenizer: Any) -> Engine | Generating:
    """What answers with this model: by the fast path's layers, by the model's own forward pass with slots, or by `generate`.

    Args:
        model: a causal model of Transformers, or PEFT's around one.
        tokenizer: says what ends an answer, and what pads.
    """
    base = base_model(model)
    if not isinstance(kept := getattr(base, "pelton_engines", None), _Kept):
        kept = base.pelton_engines = _Kept()
    stops = tuple(stops_of(model, tokenizer))
    fast = getattr(base, "pelton_fast", None)
    way = "fast" if fast is not None and fast.adapter_is_on() else "slots" if obstacle(base) is None else "generate"
    key = way, stops, tokenizer.pad_token_id, id(model)
    if key not in kept:
        kept[key] = _engine(way, model, stops, tokenizer.pad_token_id)
        logger.debug("answers by %s", way)
    found: Engine | Generating = kept[key]
    return found


def _engine(way: str, model: Any, stops: tuple[int, ...], pad: int) -> Engine | Generating:
    if way == "fast" and (decoder := slot_decoder(model)) is not None:
        return Engine(decoder, stops)
    if way == "slots":
        return Engine(ModelDecoder(model), stops)
    return Generating(model, stops, pad)
