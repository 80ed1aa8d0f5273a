"""Several trainers over one model, each of which goes on by one optimizer step when it is given one.

TRL's `train()` runs until its batches end. Here it runs in a greenlet, a stack of its own on the same thread: where its source asks for the
next batch it stands still, and goes on there when a batch is given (docs/adr/0020-objectives-on-one-stream.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource

Step = TypeVar("Step")
"""What is given to a lane: at rank 0 a `StepBatch`, elsewhere its `StepExamples`."""


class Lane(Generic[Step]):
    """One trainer. Between two calls it stands between two optimizer steps."""

    trainer: StreamTrainer[Any]
    source: BatchSource[Any]

    def __init__(self) -> None:
        self._stack: greenlet | None = None

    def next_step(self) -> Step | None:
        """What the lane is given next; None at the stream's end. For the source alone: it stands still here."""
        loop = getcurrent().parent
        assert loop is not None, "only the trainer asks, in its own stack"
        given: Step | None = loop.switch()
        return given

    def begin(self, trainer: StreamTrainer[Any], source: BatchSource[Any], checkpoint: Path | None) -> None:
        """Go on until the first batch is asked for; raises what `train` raises.

        Args:
            trainer: what trains.
            source: what it trains on, which asks `next_step`.
            checkpoint: folder with the trainer's optimizer and schedule; None begins them anew.
        """
        self.trainer, self.source = trainer, source
        trainer.feed_from(source)
        self._stack = greenlet(lambda: trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None))
        self._stack.switch()

    def train(self, step: Step) -> None:
        """One optimizer step; raises what the trainer raises."""
        assert self._stack is not None, "begin comes before"
        self._stack.switch(step)

    def end(self) -> None:
        """No more batches: the trainer comes to its own end."""
        assert self._stack is not None, "begin comes before"
        self._stack.switch(None)
