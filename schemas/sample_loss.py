"""`SampleLoss`: what one sample cost in one training step. It holds its sample, so that the augmenter need not look it up."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Message
from schemas.training_sample import TrainingSample


class SampleLoss(Message):
    """The loss of one sample, as the step itself computed it."""

    event_id: str = Field(max_length=600)
    """`run/pass/sample`: the same after a crash, so that consumers drop duplicates."""
    run_id: str = Field(max_length=200)
    """The run that trained it."""
    pass_number: int
    """Pass over the stream, from 1."""
    step: int
    """Optimizer step that used it."""
    sample_id: str = Field(max_length=200)
    """The sample."""
    loss: float
    """Mean negative log-likelihood of its completion's tokens, in nats."""
    tokens: int
    """Completion tokens the mean is over."""
    sample: TrainingSample
    """The sample itself."""
    trained_at: float | None = None
    """Seconds since the epoch."""
