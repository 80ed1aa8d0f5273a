"""Where an answer is over: at the token that ends the assistant's turn in the model's template, and at the tokenizer's end token.

They are often two: Gemma's turns end with `<end_of_turn>`, its texts with `<eos>`.
"""

from __future__ import annotations

import copy
from typing import Any

from schemas.errors import ConfigError
from trainer_node.data.batch_tokenizer import BatchTokenizer


def stops_of(model: Any, tokenizer: Any) -> list[int]:
    """Ids at which the model's answers end: the template's, the tokenizer's, and the model's own; what is only padding is none of them."""
    ours = BatchTokenizer.of(tokenizer).stops
    own = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    others = [own] if isinstance(own, int) else list(own or ())
    return list(dict.fromkeys((*ours, *(number for number in others if number != tokenizer.pad_token_id))))


def answering(tokenizer: Any) -> Any:
    """The tokenizer; or a copy whose end token is the one that ends the assistant's turn, for trainers that know one end alone."""
    ending = BatchTokenizer.of(tokenizer).ending[-1:]
    if ending in ([], [tokenizer.eos_token_id]):
        return tokenizer
    ended = copy.deepcopy(tokenizer)
    ended.eos_token = tokenizer.convert_ids_to_tokens(ending[0])
    return ended


def with_end_token(tokenizer: Any, source: str) -> Any:
    """The tokenizer with an end token: where it names none, the one that ends the assistant's turn in its template.

    Raises:
        ConfigError: there is neither; a model that learns no end answers for ever.
    """
    if tokenizer.eos_token is None:
        ending = BatchTokenizer.of(tokenizer).ending
        if not ending:
            raise ConfigError(f"the tokenizer of {source} has no end token: name one as `eos_token` in its tokenizer_config.json")
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ending[-1])
    return tokenizer


def say_where_to_stop(model: Any, tokenizer: Any) -> None:
    """Write into the model's generation settings where its answers end, and what pads."""
    model.generation_config.eos_token_id = stops_of(model, tokenizer)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
