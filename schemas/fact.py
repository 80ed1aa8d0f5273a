"""`Fact`: an n-ary hyperedge of the knowledge graph. A tombstone (a null value under its key) removes it."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import Field, model_validator

from schemas.base import Message, content_id

STATEMENT = ("subject", "predicate", "object")
"""A fact's parts: a number or a boolean there, or in a qualifier, is read as its text."""


class Fact(Message):
    """One statement taken to be true."""

    fact_id: str = Field(default="", max_length=300)
    """The record's key; left empty, a hash of the statement. A later fact under the same key replaces the earlier."""
    subject: str = Field(min_length=1, max_length=500)
    """Who or what it is about."""
    predicate: str = Field(min_length=1, max_length=200)
    """Name of a predicate in the ontology; `alias` says that `object` is another name of `subject`."""
    object: str = Field(min_length=1, max_length=2000)
    """What is said of the subject: an entity's name, a number with its unit, or a date."""
    qualifiers: dict[str, str] = Field(default_factory=dict)
    """Further roles of the hyperedge, such as `date` or `unit`."""
    source: str | None = None
    """Where it is from."""

    @model_validator(mode="before")
    @classmethod
    def _fill_id(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = {**data, **{name: as_text(data[name]) for name in STATEMENT if name in data}}
        if isinstance(qualifiers := data.get("qualifiers"), dict):
            data["qualifiers"] = {role: as_text(value) for role, value in qualifiers.items() if value is not None}
        elif qualifiers is None:
            data.pop("qualifiers", None)
        if not data.get("fact_id"):
            extra = [f"{k}={v}" for k, v in sorted(data["qualifiers"].items())] if isinstance(data.get("qualifiers"), dict) else []
            parts = (data.get(name) for name in STATEMENT)
            data["fact_id"] = "f-" + content_id(*(None if part is None else str(part) for part in parts), *extra)
        return data


def as_text(value: Any) -> Any:
    """A number or a boolean as JSON spells it; anything else as it is, for the model to take or refuse."""
    if isinstance(value, bool):
        return "true" if value else "false"
    finite = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return json.dumps(value) if finite else value
