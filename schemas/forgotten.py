"""`Forgotten`: a sample that is to be left out from now on, whatever topic still holds it."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Message


class Forgotten(Message):
    """The mark of one sample: it holds the id, and nothing of the sample."""

    sample_id: str = Field(min_length=1, max_length=200)
    """Which one; the record's key. What was made of it (variants, pairs) is left out with it."""
    forgotten_at: float | None = None
    """Seconds since the epoch at which it was asked for."""
    why: str | None = Field(default=None, max_length=500)
    """What a person said about it."""
