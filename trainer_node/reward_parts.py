"""What `reward_fn` may say. Torch-free: the command line reads it too."""

from __future__ import annotations

import math
from typing import NamedTuple

GRAPH = "graph"
"""The part that is the feedback node."""


class Part(NamedTuple):
    """One part of a reward."""

    name: str
    """`graph`, or `module:function`."""
    weight: float


def parts_of(text: str) -> list[Part]:
    """The parts of a `reward_fn`, and their weights; a part without one weighs 1.

    Raises:
        ValueError: it is none; says what it may be.
    """
    parts = [_part(piece.strip()) for piece in text.split(",")]
    if len({part.name for part in parts}) < len(parts):
        raise ValueError(f"{text!r} names a part twice")
    return parts


def _part(piece: str) -> Part:
    names = piece.split(":")
    weight = 1.0
    if len(names) > 1 and (found := _number(names[-1])) is not None:
        weight, names = found, names[:-1]
    is_name = all(name and all(word.isidentifier() for word in name.split(".")) for name in names)
    if not is_name or (names != [GRAPH] and (len(names) != 2 or names[0] == GRAPH)):
        raise ValueError(
            f"{piece!r} is neither `graph` nor `module:function`, each with a weight or none, as in graph:0.5,my.module:score:0.5"
        )
    if not math.isfinite(weight) or weight == 0:
        raise ValueError(f"the weight of {piece!r} must be a number other than 0")
    return Part(":".join(names), weight)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def asks_graph(text: str) -> bool:
    """Whether the feedback node is a part of it."""
    return any(part.name == GRAPH for part in parts_of(text))
