"""A sample that was read and is ready to be sent: validated once, encoded once."""

from __future__ import annotations

import time
from typing import Any

import orjson

from reading.blocks import Block
from reading.shapes.base import Fields
from schemas.base import MAX_BYTES, content_id
from schemas.sample import HASH_ID, Sample, Task

VERSION = Sample.model_fields["schema_version"].default
TASKS = {
    ("prompt", "answer"): Task.QA,
    ("messages",): Task.QA,
    ("text",): Task.GENERATION,
    ("text", "label"): Task.CLASSIFICATION,
    ("prompt", "chosen", "rejected"): Task.PREFERENCE,
}
"""Samples that consist of these texts alone, none of them blank, are valid as they are; of turns, where they are `PlainTurns`."""
SURELY_SMALL = MAX_BYTES // 7
"""Characters of a sample below which its JSON cannot be too large: each takes at most 6 bytes."""


class Prepared:
    """One sample: the line it was read from, its id, its task, and its value on the wire.

    Args:
        block, place: the row it was made of.
        task: what it is for.
        fields: those of one of TASKS, in its order; no model is made of them. A test compares it with what the model makes.
        sample_id: the producer's; empty: a hash of the content.
        sample: in place of the fields, once it was validated.
    """

    __slots__ = ("_block", "_fields", "_id", "_place", "_sample", "task")

    def __init__(
        self, block: Block, place: int, task: Task, fields: dict[str, Any] | None, sample_id: str = "", sample: Sample | None = None
    ) -> None:
        self._block = block
        self._place = place
        self.task = task
        self._fields = fields
        self._id = sample_id
        self._sample = sample

    @property
    def line(self) -> int:
        """The line it was read from."""
        return self._block.line(self._place)

    @property
    def sample_id(self) -> str:
        """The producer's id, or a hash of the content."""
        if not self._id:
            self._id = self._sample.sample_id if self._sample is not None else HASH_ID + _hash(self._fields or {})
        return self._id

    @property
    def has_own_id(self) -> bool:
        """Whether its id is the producer's, not a hash of the content. (None is made to find out.)"""
        return (self._sample is not None or bool(self._id)) and not self.sample_id.startswith(HASH_ID)

    @property
    def size(self) -> int:
        """Characters of its plain texts, more or less."""
        texts = self._fields.values() if self._fields is not None else (self.sample.prompt, self.sample.text)
        return sum(len(text) for text in texts if isinstance(text, str))

    @property
    def sample(self) -> Sample:
        """As the model has it."""
        if self._sample is None:
            self._sample = Sample.model_validate({**self._fields, "sample_id": self.sample_id})  # type: ignore[dict-item]
        return self._sample

    def content(self) -> bytes:
        """All it says but its id and its time: equal for equal samples, however they were read."""
        if self._fields is not None:
            return orjson.dumps(self._fields)
        unsaid = {"sample_id", "produced_at", "schema_version"}
        return self.sample.model_dump_json(exclude=unsaid, exclude_defaults=True, exclude_none=True).encode()

    def value(self, produced_at: float | None = None) -> bytes:
        """Its bytes, with the time it is sent at (seconds since the epoch; now, unless it has one)."""
        if self._fields is not None:
            head = {"schema_version": VERSION, "sample_id": self.sample_id}
            return orjson.dumps({**head, **self._fields, "produced_at": produced_at or time.time()})
        assert self._sample is not None
        if self._sample.produced_at is not None:
            return self._sample.encode()
        return self._sample.model_copy(update={"produced_at": produced_at or time.time()}).encode()


def is_small(fields: Fields) -> bool:
    """Whether a sample is surely not too large to be sent."""
    total = 0
    for value in fields.values():
        if type(value) is str:
            total += len(value)
        elif isinstance(value, list):
            total += sum(map(_size, value))
    return total < SURELY_SMALL


def _size(part: Any) -> int:
    """Of an element, roughly; of a turn, and so that it errs on the large side."""
    content = part.get("content") if type(part) is dict and len(part) == 2 else None
    return len(content) + 100 if type(content) is str else len(str(part))


def _hash(fields: dict[str, Any]) -> str:
    """As `Sample.content_hash` makes it of one of TASKS."""
    if "messages" in fields:
        return content_id(None, None, None, None, None, None, None, None, orjson.dumps(fields).decode())
    get = fields.get
    return content_id(None, None, get("prompt"), get("text"), get("answer"), get("label"), get("chosen"), get("rejected"))
