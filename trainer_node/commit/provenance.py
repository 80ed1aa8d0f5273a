"""What a checkpoint's weights belong to: the base, the arithmetic they were trained in, and the layers that learn."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Recorded(BaseModel):
    """Base of all parts: what a checkpoint says does not change."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Base(Recorded):
    """The model that an adapter belongs to."""

    source: str
    """A hub's id, or the folder or file, as an absolute path."""
    is_path: bool
    """Whether it is a path: then it is never asked of a hub."""
    revision: str | None = None
    """The hub's commit."""
    weights: str | None = None
    """Fingerprint of weights and configuration (`models.identity`)."""


class Precision(Recorded):
    """The arithmetic that an adapter learnt around: in another one it gives other answers."""

    bits: int
    """Of a weight of the base, as held."""
    dtype: str
    """Of the arithmetic, as torch names it."""
    quantization: str | None = None
    """How the base is held in fewer bits: `nf4` or `int8`."""
    backend: str
    """`unsloth` or `hf`."""


class LoraReach(Recorded):
    """How much of the model a LoRA changes."""

    share: float
    """Of the linear layers' weights, the output's aside."""
    left_out: tuple[str, ...] = ()
    """Kinds of linear layers without a LoRA."""


def quantization_of(bits: int) -> str | None:
    """How a base is held in so many bits."""
    return {4: "nf4", 8: "int8"}.get(bits)


def shown(base: Base) -> str:
    """A base as a person is told of it."""
    at = f" at {base.revision[:12]}" if base.revision else ""
    return f"{base.source}{at} (weights {base.weights or 'unknown'})"
