"""Dead letters: the original key and bytes, with headers that say where the record stood and why it was dead-lettered."""

from __future__ import annotations

from schemas.base import Message
from schemas.errors import DeadLetterReason

HEADER_PREFIX = "pelton."
"""Headers of ours start with this; the original's headers are kept beside them."""
REPLAY_HEADER = HEADER_PREFIX + "replay_of"
"""On a record that was sent back: topic, partition and offset of its dead letter."""


SIGNATURE_HEADER = HEADER_PREFIX + "signature"
"""Who signed a record (`streams.kafka.signatures`); a dead letter keeps its original's."""


class DeadLetter(Message):
    """The headers of a dead letter as one object. The record's key and value are the original's, byte for byte."""

    topic: str
    """Where the original stood."""
    partition: int
    """Its partition."""
    offset: int
    """Its offset."""
    stage: str
    """The node that gave it up: `curriculum`, `augmenter`, `feedback`, `trainer`, `facts`."""
    reason: DeadLetterReason
    """Why, from the fixed list."""
    error: str
    """What exactly, for a person."""
    sample_id: str | None = None
    """The sample's id, where it could be read."""
    run_id: str | None = None
    """The run that gave it up, where the trainer did."""
    source: str | None = None
    """Who sent it, where its `producer` header or its key tells."""
    truncated_from: int | None = None
    """Length in bytes of the original value, where it was too large even for the dead-letter topic and had to be cut."""
    was_null: bool | None = None
    """True where the original had no value at all (a dead letter's own value is then empty)."""

    def headers(self) -> list[tuple[str, bytes]]:
        """As Kafka headers."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return [(HEADER_PREFIX + name, str(value).encode()) for name, value in fields.items()]

    @classmethod
    def from_headers(cls, headers: list[tuple[str, bytes]] | tuple[tuple[str, bytes], ...]) -> DeadLetter:
        """Read the headers back; raises pydantic's ValidationError where they are not ours."""
        fields = {
            name.removeprefix(HEADER_PREFIX): value.decode("utf-8", "replace") for name, value in headers if name.startswith(HEADER_PREFIX)
        }
        return cls.model_validate(fields)
