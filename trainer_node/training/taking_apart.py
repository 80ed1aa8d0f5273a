"""What becomes of a step that raises: its samples are tried alone, those that raise are left out, and the step is taken with the others.

What a model's own code raises can be anything, and a journalled batch that raised would end every start. A step that is too large for the
memory, or whose loss is no number, is not for here. Nothing stays of the trying: no gradient, no random number, no optimizer's state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from schemas.errors import BadRecord, DeadLetterReason, PeltonError
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample, PromptExample
from trainer_node.distributed.process_group import is_failed_collective
from trainer_node.models.out_of_memory import out_of_memory

if TYPE_CHECKING:
    from trainer_node.training.batch_source import BatchSource

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ModelAtFault(PeltonError):  # noqa: N818 - it names what was found
    """Not even a plain sentence can be trained."""


class TakingApart:
    """Guards the passes of one trainer's steps."""

    def __init__(self) -> None:
        self.suspect = False
        """Whether the model is to show first that it can be trained: an earlier start ended because it could not."""
        self._step = 0
        """The step that was taken apart: what is left of it is passed over."""
        self._guilty: dict[str, BadRecord] = {}

    def guarded(
        self, source: BatchSource[Any], attempt: Callable[[Any], T], inputs: Any, undo: Callable[[], None], plain: list[int]
    ) -> list[T]:
        """Train on a micro-batch, or on all that can be trained of its step.

        Args:
            source: whose step it is.
            attempt: trains on a micro-batch.
            inputs: the micro-batch.
            undo: takes back what attempts have done since the step began.
            plain: tokens of a plain sentence.

        Returns:
            What the attempts gave that count; none where the step was taken apart at an earlier micro-batch.

        Raises:
            ModelAtFault: nothing can be trained, whatever the data.
        """
        assert source.batch is not None
        if self.suspect:
            self._prove(source, attempt, undo, plain)
            self.suspect = False
            source.restore()
        if self._step == source.batch.step:
            return []
        try:
            return [attempt(inputs)]
        except Exception as error:
            if not is_of_the_step(error, source):
                raise
            undo()
            self._step = source.batch.step
            return self._with_the_others(source, attempt, undo, plain, error)

    def take(self) -> dict[str, BadRecord]:
        """The step's samples that cannot be trained, by id; asked once a step."""
        guilty, self._guilty = self._guilty, {}
        return guilty

    def _with_the_others(
        self, source: BatchSource[Any], attempt: Callable[[Any], T], undo: Callable[[], None], plain: list[int], error: Exception
    ) -> list[T]:
        assert source.batch is not None
        step, ids, examples = source.batch.step, list(source.batch.sample_ids), list(source.batch.examples)
        logger.warning("step %d raised (%s); its %d samples are tried alone", step, first_line(error), len(ids))
        failed = {number: why for number in range(len(ids)) if (why := _try(source, examples[number], attempt, undo)) is not None}
        if len(failed) == len(ids):
            self._prove(source, attempt, undo, plain)
        self._guilty = {
            ids[number]: BadRecord(DeadLetterReason.UNTRAINABLE, f"its step raised {first_line(why)}") for number, why in failed.items()
        }
        logger.warning("step %d is taken without %d of its samples, which go to the dead letters as untrainable", step, len(failed))
        return [attempt(inputs) for inputs in source.only([number for number in range(len(ids)) if number not in failed])]

    def _prove(self, source: BatchSource[Any], attempt: Callable[[Any], Any], undo: Callable[[], None], plain: list[int]) -> None:
        """Try a plain sentence: where that fails, too, the data is not to blame."""
        assert source.batch is not None
        error = _try(source, simplest(source.whole_batch.examples[0], plain), attempt, undo)
        if error is not None:
            raise ModelAtFault(
                f"no sample of step {source.batch.step} can be trained, nor a plain sentence ({first_line(error)}): the model or"
                " what runs it is at fault, not the data. Nothing was dead-lettered and nothing is lost: mend it and start the run again,"
                " which tries the model first"
            ) from error


def _try(source: BatchSource[Any], example: AnyExample, attempt: Callable[[Any], Any], undo: Callable[[], None]) -> Exception | None:
    """Train on one example alone, and take it back; what was raised, if anything."""
    with _random_state_kept():
        try:
            for inputs in source.trial(example):
                attempt(inputs)
        except Exception as error:
            if not is_of_the_step(error, source):
                raise
            return error
        finally:
            undo()
    return None


def is_of_the_step(error: Exception, source: BatchSource[Any]) -> bool:
    """Whether an exception may come of what was trained on. Of several processes the others stand in the midst of the step."""
    return not (isinstance(error, PeltonError) or out_of_memory(error) or is_failed_collective(error) or source.group.size > 1)


def simplest(like: AnyExample, plain: list[int]) -> AnyExample:
    """A plain sentence as an example of the same kind."""
    if isinstance(like, Example):
        return Example(plain, [IGNORED, *plain[1:]])
    return PairExample(plain, plain[-1:], plain[:1] * 2) if isinstance(like, PairExample) else PromptExample(plain)


def first_line(error: BaseException) -> str:
    """Kind and first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()[:300]}" if lines else type(error).__name__


@contextmanager
def _random_state_kept() -> Iterator[None]:
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        yield
