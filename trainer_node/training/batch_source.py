"""Where a trainer's batches come from, and where it says what each step has cost: the seam between the stream and TRL's training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from trainer_node.data.batch import StepBatch, StepExamples
from trainer_node.distributed.process_group import ALONE, ProcessGroup

NextBatch = Callable[[], StepBatch | None]
"""Rank 0's choice of the next step's samples; None ends the training. It may block, and it may commit a checkpoint."""
Inputs = TypeVar("Inputs")
"""One micro-batch, as the trainer's `compute_loss` or `_prepare_inputs` takes it."""


class ExampleLoss(NamedTuple):
    """What one sample of a step cost."""

    loss: float
    """In nats: the mean over its tokens, or of a pair its own loss."""
    tokens: int
    """Tokens of it that carry loss."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class StepHooks:
    """What the node does in a step beside it. Both run on the training thread, and neither may block."""

    meanwhile: Callable[[], None] = _nothing
    """Called once for each micro-batch whose passes are under way on the device, which does not need the host then."""
    gil_window: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered around each wait for the device: other threads may have the interpreter meanwhile."""


class BatchSource(ABC, Generic[Inputs]):
    """The micro-batches of one optimizer step after another.

    A trainer holds one source for as long as it trains. Everything here is called on the training thread, and on every rank: what is
    marked *together* is collective, so each rank must call it as often, and at the same point, as all others. The order within a step:

    1. `next()` on the iterator, `accumulation` times: the step's micro-batches. The first of them waits for a batch, *together*.
    2. For each micro-batch, what the kind of source adds (`StepLoader.note`; `PromptLoader.reward`, *together*, and `note`), and
       `mark_bad` where its loss is no finite number.
    3. `agree`, *together*, when the gradients are complete and before the optimizer acts.
    4. `bad`, `losses`, `step_loss` and `unrewarded`: any number of times until the next step's first micro-batch. They do not block.

    The iterator ends with the stream, between two steps and never within one. Nothing is to be closed: a source owns no thread, file or
    connection. An exception out of `next()` or of a collective method ends the training: the source cannot be iterated further.
    """

    def __init__(self, next_batch: NextBatch | None, group: ProcessGroup = ALONE, hooks: StepHooks | None = None) -> None:
        """`next_batch` is rank 0's; the other ranks have none and get what rank 0 sends them."""
        self.group = group
        self.hooks = hooks or StepHooks()
        self._next_batch = next_batch
        self._chosen: StepBatch | None = None
        self._batch: StepExamples | None = None
        self._bad = False

    def __iter__(self) -> Iterator[Inputs]:
        """Micro-batches of this rank. Every step has as many of them on every rank.

        Blocks before a step's first one, without limit: on rank 0 for `next_batch`, which chooses samples and may commit a checkpoint of
        the weights as they are; elsewhere for rank 0. Not within a step.
        """
        while (batch := self._next_step()) is not None:
            self._batch, self._bad = batch, False
            yield from self._micro_batches(batch)

    def _next_step(self) -> StepExamples | None:
        if self._next_batch is None:
            return self.group.receive_step()
        self._chosen = self._next_batch()
        examples = self._chosen.examples() if self._chosen else None
        self.group.send_step(examples)
        return examples

    @abstractmethod
    def _micro_batches(self, batch: StepExamples) -> Iterator[Inputs]:
        """This rank's share of a step; what was noted of the step before is forgotten when the first is asked for."""

    @property
    def batch(self) -> StepExamples | None:
        """The whole step that is being trained, the same on every rank; None before the first."""
        return self._batch

    def mark_bad(self) -> None:
        """Say that a loss of this step is no finite number on this rank. `agree` tells the others."""
        self._bad = True

    @property
    def bad(self) -> bool:
        """Whether a loss of the step is no finite number: on this rank, and after `agree` on any."""
        return self._bad

    @abstractmethod
    def agree(self) -> None:
        """Let every rank know what all of them have found of the step. Collective: blocks until the slowest rank is here."""

    @abstractmethod
    def step_loss(self) -> float | None:
        """The value that the step has minimised, over all ranks; None where nothing was learnt. Known after `agree`."""

    @property
    @abstractmethod
    def losses(self) -> list[ExampleLoss]:
        """Loss of each of the step's samples, in the order of `batch`, after `agree` of all ranks; empty where a sample has none."""

    @abstractmethod
    def unrewarded(self) -> frozenset[str]:
        """Ids of the step's samples from which nothing was learnt, because no reward came; known as soon as the rewards are."""
