"""The tokenizer and template that a checkpoint was trained with: whoever reads the checkpoint takes them, whatever its base has by now."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson

logger = logging.getLogger(__name__)

FILES = ("tokenizer.json", "tokenizer_config.json")
"""A checkpoint of an older version may have none of these: then its base's tokenizer is the one it was trained with."""
TAKEN_OUT = ("truncation", "padding", "version")
"""What a tokenizer's file says of its last use, or of who wrote it."""


def has_tokenizer(folder: Path) -> bool:
    """Whether a checkpoint's folder holds a tokenizer."""
    return any((folder / name).is_file() for name in FILES)


def tell_difference(own: Any, checkpoint: str, base: Any, source: str) -> None:
    """Say in one line where a base's tokenizer is no longer the one that a checkpoint was trained with.

    Args:
        own: the checkpoint's.
        checkpoint: its name.
        base: the base's; None where it has none that can be read.
        source: the base, as it is named.
    """
    if base is None:
        logger.warning("%s has no tokenizer that can be read: the one that checkpoint %s was trained with is taken", source, checkpoint)
    elif found := differences(own, base):
        told = " and ".join(found)
        logger.warning("the %s of %s are not those that checkpoint %s was trained with, whose own are taken", told, source, checkpoint)


def differences(one: Any, other: Any) -> list[str]:
    """In what two tokenizers differ, in words."""
    found = []
    if _rules(one) != _rules(other):
        found.append("tokens")
    if any(getattr(one, name) != getattr(other, name) for name in ("eos_token", "bos_token", "pad_token", "unk_token")):
        found.append("special tokens")
    if one.chat_template != other.chat_template:
        found.append("chat template")
    return found


def _rules(tokenizer: Any) -> Any:
    """All that says how a text becomes tokens."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return tokenizer.get_vocab()
    return {key: value for key, value in orjson.loads(backend.to_str()).items() if key not in TAKEN_OUT}
