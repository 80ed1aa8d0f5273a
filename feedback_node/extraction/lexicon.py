"""The word lists of `english.toml`, read once: what the rules know of English beyond the parser's labels."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Any


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("english.toml").read_text(encoding="utf-8"))


def words(name: str) -> frozenset[str]:
    """The lower-case words of one list."""
    return frozenset(_file()[name].split())


def participles() -> dict[str, str]:
    """Forms of the verbs by which something is made or kept, each with its past participle: `wrote` -> `written`."""
    table = _file()["participles"]
    return {form: participle for participle, forms in table.items() for form in [participle, *forms.split()]}
