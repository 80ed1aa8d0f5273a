"""Why a row is not read: a fixed list, and the exception that carries one of it to whoever counts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from schemas.errors import PeltonError


class Skip(StrEnum):
    """Why a row was passed over. A fixed list, so that a summary can be compared with another's."""

    BAD_ENCODING = "bad_encoding"
    """Bytes that are not of the file's encoding, or half of a surrogate pair."""
    BAD_JSON = "bad_json"
    """Not JSON: cut short, NaN or Infinity, Python's own notation."""
    BAD_CELLS = "bad_cells"
    """A CSV row with more or fewer cells than the header, or a quote that is never closed."""
    BAD_FILE = "bad_file"
    """The rest of the file cannot be read: compressed data that end early, a torn column."""
    DOUBLED_KEY = "doubled_key"
    """A key that stands twice in one JSON object: nobody knows which of the two is meant."""
    NUL = "nul"
    """A NUL character in a text: the trace of a broken export."""
    TOO_LARGE = "too_large"
    """More bytes than a row, or than a sample, may have."""
    TOO_DEEP = "too_deep"
    """A sample nested deeper than any of ours."""
    UNKNOWN_SHAPE = "unknown_shape"
    """No shape has these columns."""
    MISSING = "missing"
    """A part that the row's shape or task needs is absent, null or blank."""
    BAD_TURN = "bad_turn"
    """A turn of a conversation that cannot be used: an unknown role, a picture, no text at all."""
    NOT_SUPPORTED = "not_supported"
    """Well-formed data of a kind that is not trained here."""
    UNTRAINABLE = "untrainable"
    """A whole row of which nothing can be learnt: two sides that are the same, a conversation with an empty turn."""
    INVALID = "invalid"
    """A value that its field does not take."""


class Refused(PeltonError):  # noqa: N818 - it names the row, which is what its reader looks for
    """One row cannot be used; the text says what is wrong with it."""

    def __init__(self, reason: Skip, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


Refuse = Callable[[int, Skip, str], None]
"""Told of a row that cannot be used: line, reason, what is wrong. It raises where bad rows are not passed over."""
