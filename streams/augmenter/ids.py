"""Ids of variants: known without making them, and without the graph that they are made of."""

from __future__ import annotations

from schemas.base import content_id

MOST_VARIANTS = 100
"""Variants of one sample that are ever made."""


def variant_id(parent_id: str, generation: int, index: int) -> str:
    """The same for the same parent, so that a variant made twice is one sample."""
    return "v-" + content_id(parent_id, str(generation), str(index))
