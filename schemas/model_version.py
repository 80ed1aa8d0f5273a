"""`ModelVersion`: what is published of a checkpoint, for rollout workers and operations."""

from __future__ import annotations

from pydantic import Field

from schemas.base import VERSION, Message, Part


class PartitionPosition(Part):
    """How far one partition of a band topic is done in a checkpoint."""

    topic: str
    """Topic name with prefix."""
    partition: int
    """Partition number."""
    watermark: int
    """All offsets below are done."""
    done_above: tuple[int, ...] = ()
    """Offsets at or above the watermark that are done too."""


class ModelVersion(Message):
    """A checkpoint that has become durable. A tombstone says that its folder is gone."""

    schema_version: str = Field(default="1.1", pattern=VERSION)
    """`major.minor`; 1.1 says which weights the base has, and in what arithmetic the adapter was trained."""

    run_id: str = Field(max_length=200)
    """The run."""
    version: str = Field(max_length=400)
    """`run/step`."""
    step: int
    """Optimizer steps taken."""
    pass_number: int
    """Pass over the stream, from 1."""
    epoch: int
    """Fencing epoch of the trainer that wrote it."""
    base_model: str = Field(max_length=4096)
    """Hub id or folder of the model that the adapter belongs to."""
    base_revision: str | None = Field(default=None, max_length=200)
    """The hub's commit of that model."""
    base_weights: str | None = Field(default=None, max_length=200)
    """Fingerprint of that model's weights and configuration; the same wherever its files lie."""
    bits: int | None = None
    """Of a weight of that model in training: 4 (NF4), 8, 16 or 32. Read in others, it gives other answers."""
    dtype: str | None = Field(default=None, max_length=100)
    """Of the arithmetic in training, as torch names it."""
    path: str = Field(max_length=4096)
    """Checkpoint directory."""
    sha256: str = Field(max_length=200)
    """Hash of the checkpoint's manifest, which holds the hash of every file."""
    positions: tuple[PartitionPosition, ...] = ()
    """The stream position that the weights stand at."""
    metrics: dict[str, float] = Field(default_factory=dict)
    """`training_loss`, `val_metric` and others at that step."""
    created_at: float | None = None
    """Seconds since the epoch."""
