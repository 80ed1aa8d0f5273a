"""Where a trainer's batches come from, and where it says what each step has cost: the seam between the stream and TRL's training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from schemas.training_sample import TrainingSample
from trainer_node.data.batch import StepBatch, StepExamples, WaitingSample
from trainer_node.data.examples import AnyExample
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


Further = Callable[[int], Sequence[WaitingSample]]
"""More samples for the step under way, at most so many: they belong to it from then on, and are journalled as its."""
Answered = Callable[[int, TrainingSample, str], None]
"""Step, prompt and completion of an answer that is complete."""


def _nothing(*_: object) -> None:
    pass


def _no_more(_: int) -> Sequence[WaitingSample]:
    return ()


@dataclass(frozen=True)
class StepHooks:
    """What the node does in a step beside it, on the training thread. None may block, but `further` for a moment."""

    meanwhile: Callable[[], None] = _nothing
    """Called once for each micro-batch whose passes are under way on the device, which does not need the host then."""
    gil_window: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered around each wait for the device: other threads may have the interpreter meanwhile."""
    answered: Answered = _nothing
    """Called with each answer of a step as soon as it is complete, while others are still made: it may be judged meanwhile."""
    further: Further = _no_more
    """Asked for prompts in the place of those that teach nothing; none where no more are there."""


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

    tried_at_once = 1
    """How often an example stands in its trial."""
    apart_in_several = False
    """Whether nothing of a micro-batch is done *together* before its gradients are exchanged: each rank can then try samples by itself."""

    def __init__(self, next_batch: NextBatch | None, group: ProcessGroup = ALONE, hooks: StepHooks | None = None) -> None:
        """`next_batch` is rank 0's; the other ranks have none and get what rank 0 sends them."""
        self.group = group
        self.hooks = hooks or StepHooks()
        self._next_batch = next_batch
        self._receive: Callable[[], StepExamples | None] = group.receive_step
        self._chosen: StepBatch | None = None
        self._batch: StepExamples | None = None
        self._whole: StepExamples | None = None
        self._numbers: list[int] = []
        self._trying = False
        self._bad = False

    def receive_from(self, receive: Callable[[], StepExamples | None]) -> None:
        """On another rank than 0: steps come from here, where several sources share what rank 0 sends."""
        self._receive = receive

    def __iter__(self) -> Iterator[Inputs]:
        """Micro-batches of this rank. Every step has as many of them on every rank.

        Blocks before a step's first one, without limit: on rank 0 for `next_batch`, which chooses samples and may commit a checkpoint of
        the weights as they are; elsewhere for rank 0. Not within a step.
        """
        while (batch := self._next_step()) is not None:
            self._whole = batch
            self._take(list(range(len(batch.examples))))
            yield from self._micro_batches(batch)

    def only(self, numbers: Sequence[int]) -> Iterator[Inputs]:
        """Micro-batches of some samples of the step, which consists of these from now on; numbers are those of the step as it was chosen.

        What was noted of the step so far is forgotten.
        """
        self._take(numbers)
        return self._alone(self._step_of(numbers)) if numbers else iter(())

    def trial(self, example: AnyExample) -> Iterator[Inputs]:
        """Micro-batches of one example alone, of the step or of none, all on this rank: nothing counts that is noted of it."""
        batch = StepExamples(self.whole_batch.step, [example] * self.tried_at_once, ["trial"] * self.tried_at_once)
        self._batch, self._numbers, self._bad = batch, [0] * self.tried_at_once, False
        self._forget(batch)
        self._trying = True
        try:
            yield from self._alone(batch)
        finally:
            self._trying = False

    def restore(self) -> None:
        """The step is whole again, and nothing of it noted."""
        self._take(list(range(len(self.whole_batch.examples))))

    def _take(self, numbers: Sequence[int]) -> None:
        self._batch, self._numbers, self._bad = self._step_of(numbers), list(numbers), False
        self._forget(self._batch)

    def _step_of(self, numbers: Sequence[int]) -> StepExamples:
        whole = self.whole_batch
        return StepExamples(whole.step, [whole.examples[n] for n in numbers], [whole.sample_ids[n] for n in numbers])

    @property
    def whole_batch(self) -> StepExamples:
        """The step as it was chosen."""
        assert self._whole is not None, "there is no step yet"
        return self._whole

    def _alone(self, batch: StepExamples) -> Iterator[Inputs]:
        """Micro-batches that have as few samples together as they can."""
        return self._micro_batches(batch)

    @abstractmethod
    def _forget(self, batch: StepExamples) -> None:
        """A step begins: nothing is noted of it."""

    def _next_step(self) -> StepExamples | None:
        if self._next_batch is None:
            return self._receive()
        self._chosen = self._next_batch()
        examples = self._chosen.examples() if self._chosen else None
        self.group.send_step(examples)
        return examples

    @abstractmethod
    def _micro_batches(self, batch: StepExamples) -> Iterator[Inputs]:
        """This rank's share of a step."""

    @property
    def batch(self) -> StepExamples | None:
        """The step that is being trained, the same on every rank; None before the first."""
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

    def left_out(self) -> frozenset[str]:
        """Ids of the step's samples that the trainer has left out for others, because nothing could be learnt from them."""
        return frozenset()
