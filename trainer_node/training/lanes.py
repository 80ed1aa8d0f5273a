"""Several trainers over one model, each of which goes on by one optimizer step when it is given one.

TRL's `train()` runs until its batches end. Here it runs in a greenlet, a stack of its own on the same thread: where its source asks for the
next batch it stands still, and goes on there when a batch is given (docs/adr/0020-objectives-on-one-stream.md).

All of them, and the loop that gives the steps, are switched to from one line of `beside_lanes`. What lies above a greenlet's stack is then
the same whenever it runs, so a C++ library that walks the stack, as torch does for each error of its own, finds its way to the end.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource

Step = TypeVar("Step")
"""What is given to a lane: at rank 0 a `StepBatch`, elsewhere its `StepExamples`."""


def beside_lanes(loop: Callable[[], object]) -> None:
    """Call `loop`, which may begin lanes and give them steps; returns when it does, and raises what it raises."""
    first = greenlet(lambda _: loop(), getcurrent())
    target, given = first, None
    while True:
        try:
            asked, error = target.switch(given), None  # the only line from which a stack is begun or gone on with
        except BaseException as raised:
            if target is first:
                raise
            asked, error = None, raised
        if target is not first:
            target, given = first, error
        elif first.dead:
            return
        else:
            target, given = asked


def _switchboard() -> greenlet:
    parent = getcurrent().parent
    assert parent is not None, "lanes are begun and asked within `beside_lanes`"
    return parent


class Lane(Generic[Step]):
    """One trainer. Between two calls it stands between two optimizer steps."""

    trainer: StreamTrainer[Any]
    source: BatchSource[Any]

    def __init__(self) -> None:
        self._stack: greenlet | None = None

    def next_step(self) -> Step | None:
        """What the lane is given next; None at the stream's end. For the source alone: it stands still here."""
        given: Step | None = _switchboard().switch(None)
        return given

    def begin(self, trainer: StreamTrainer[Any], source: BatchSource[Any], checkpoint: Path | None, notes: Path | None = None) -> None:
        """Go on until the first batch is asked for; raises what `train` raises.

        Args:
            trainer: what trains.
            source: what it trains on, which asks `next_step`.
            checkpoint: folder with the trainer's optimizer and schedule; None begins them anew.
            notes: the run's folder, where a step that ends several processes is noted.
        """
        self.trainer, self.source = trainer, source
        trainer.feed_from(source, notes)
        resume = str(checkpoint) if checkpoint else None
        self._stack = greenlet(lambda _: trainer.train(resume_from_checkpoint=resume), _switchboard())
        self._give(None)

    def train(self, step: Step) -> None:
        """One optimizer step; raises what the trainer raises."""
        self._give(step)

    def end(self) -> None:
        """No more batches: the trainer comes to its own end."""
        self._give(None)

    def _give(self, step: Step | None) -> None:
        assert self._stack is not None, "begin comes before"
        error: BaseException | None = _switchboard().switch((self._stack, step))
        if error is not None:
            raise error
