"""Torch, Transformers and PEFT, imported in one go: half of what the start of a trainer costs."""

from __future__ import annotations

from streams.imported import uncollected


def import_libraries() -> None:
    """Import what every trainer needs. It comes before Unsloth, as whatever loads that takes care of."""
    with uncollected():
        import transformers.modeling_utils  # noqa: F401 - Transformers itself imports nothing yet
