"""Whether a tokenizer belongs to its model: a token that has no row of the model's embeddings ends a training in the middle of a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import ConfigError

NAMED = 3
"""Tokens that are named in a refusal."""


def refuse_tokens_without_rows(source: str, tokens: Mapping[str, int], rows: int) -> None:
    """See that a model has a row of embeddings for every token.

    Args:
        source: the model, as the user named it.
        tokens: token -> its number.
        rows: of the model's embeddings.

    Raises:
        ConfigError: some tokens have none; names them and their numbers.
    """
    beyond = sorted((number, token) for token, number in tokens.items() if number >= rows)
    if not beyond:
        return
    named = ", ".join(f"{token!r} is {number}" for number, token in beyond[:NAMED]) + (", …" if len(beyond) > NAMED else "")
    count = f"{len(beyond)} tokens of its tokenizer have" if len(beyond) > 1 else "a token of its tokenizer has"
    raise ConfigError(
        f"model {source}: {count} no row in its embeddings, which have {rows}: {named}; load both, call"
        " model.resize_token_embeddings(len(tokenizer)) and save them, or take the tokenizer that the model was made with"
    )


def refuse_folder_without_rows(source: str, tokenizer_of: Path | None = None) -> None:
    """The same of a model's folder by its files alone, before anything heavy is loaded. What these do not say is seen at loading.

    Args:
        source: the model's folder.
        tokenizer_of: the folder whose tokenizer is taken, where it is not the model's.

    Raises:
        ConfigError: as `refuse_tokens_without_rows`.
    """
    folder = Path(source)
    config, tokenizer = config_of(folder), object_of((tokenizer_of or folder) / "tokenizer.json")
    text = config.get("text_config")
    rows = (text if isinstance(text, dict) else config).get("vocab_size")
    if isinstance(rows, int):
        refuse_tokens_without_rows(source, dict(_tokens(tokenizer)), rows)


def _tokens(tokenizer: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every token of a tokenizer.json and its number: those that were trained, and those added since."""
    model = tokenizer.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, dict):
        yield from vocabulary.items()
    elif isinstance(vocabulary, list):
        yield from ((str(one[0]) if isinstance(one, list) else str(one), number) for number, one in enumerate(vocabulary))
    for one in tokenizer.get("added_tokens") or ():
        if isinstance(one, dict) and isinstance(one.get("id"), int):
            yield str(one.get("content")), one["id"]


def config_of(folder: Path) -> dict[str, Any]:
    """A model's config.json; empty where there is none that can be read."""
    return object_of(folder / "config.json")


def object_of(file: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
