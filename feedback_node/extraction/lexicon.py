"""The word lists of `english.toml`, read once: what the rules know of English beyond the parser's labels."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    text = resources.files(__package__).joinpath("english.toml").read_text(encoding="utf-8")
    return {name: frozenset(words.split()) for name, words in tomllib.loads(text).items()}


def words(name: str) -> frozenset[str]:
    """The lower-case words of one list."""
    return _lists()[name]
