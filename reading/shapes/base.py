"""What a shape is: a way from a row of certain columns to the fields of a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from reading.columns import usual
from reading.refusal import Refused
from reading.values import is_blank

Fields = dict[str, Any]
"""Fields of a `schemas.sample.Sample`."""
Made = Fields | list[Fields | Refused]
"""What a row gives: one sample; or several, some of which may be refused."""
Convert = Callable[[dict[str, Any]], Made]
"""Raises Refused for a row that lacks what the shape needs, NeedsSpelling for a number where text is wanted."""

ConvertMany = Callable[[list[dict[str, Any]]], list[Fields] | None]
"""The same of many rows of the same columns, all of them plain: each gives one sample, of the same fields, valid as they are. None where
any is not plain, or TypeError for a value that is no text."""


class Way(NamedTuple):
    """A shape that fits, and how a row of it becomes a sample."""

    shape: str
    convert: Convert
    convert_many: ConvertMany | None = None
    """Where much is read in this shape."""


def are_said(texts: Iterable[str]) -> bool:
    """Whether all of some values are texts, and none is blank. Raises TypeError for one that is no text."""
    return all(map(str.strip, texts))


class Columns:
    """The columns of a row by their usual names: `Prompt` is found as `prompt`."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.actual: dict[str, str] = {}
        for key in keys:
            name = usual(key)
            if name not in self.actual or key == name:
                self.actual[name] = key
        self.used: set[str] = set()
        """Actual names of those that a shape takes."""

    def first(self, names: Iterable[str], *but: str | None) -> str | None:
        """The first column of these names that is there, `but` for some; it is used from now on."""
        for name in names:
            actual = self.actual.get(name)
            if actual is not None and actual not in but:
                self.used.add(actual)
                return actual
        return None

    def __contains__(self, name: str) -> bool:
        return name in self.actual


def with_system(made: Fields, system: Any) -> Fields:
    """A sample that has what a system says: its question becomes turns; without, it is as it was."""
    if is_blank(system) or type(system) is not str:
        return made
    first = {"role": "system", "content": system}
    if "messages" in made:
        turns = made["messages"]
        return made if turns and turns[0].get("role") == "system" else made | {"messages": [first, *turns]}
    if "prompt" not in made:
        return made
    made = dict(made)
    turns = [first, {"role": "user", "content": made.pop("prompt")}]
    if "answer" in made:
        turns.append({"role": "assistant", "content": made.pop("answer")})
    return made | {"messages": turns}


def joined(*parts: str) -> str:
    """A question and what it is about, a title and its text: one text, a blank line between them."""
    return "\n\n".join(part for part in parts if part and not part.isspace())
