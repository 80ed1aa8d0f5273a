"""What becomes of a step that raises: its samples are tried alone, those that raise are left out, and the step is taken with the others.

What a model's own code raises can be anything, and a journalled batch that raised would end every start. A step that is too large for the
memory, or whose loss is no number, is not for here. Nothing stays of the trying: no gradient, no random number, no optimizer's state.

Several processes agree on each micro-batch's loss before they exchange its gradients, and share the trying. A step of rewarded answers, one
with sharded weights, and what raises in a backward pass end all of them: the others stand in the midst of what all do together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from schemas.errors import BadRecord, DeadLetterReason, PeltonError
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample, PromptExample
from trainer_node.distributed.process_group import ProcessGroup, is_failed_collective
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.training.exchange import average, can_be_put_off, put_off

if TYPE_CHECKING:
    from trainer_node.training.batch_source import BatchSource

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ModelAtFault(PeltonError):  # noqa: N818 - it names what was found
    """Not even a plain sentence can be trained."""


class OtherRaised(Exception):  # noqa: N818 - it names what was told
    """The loss of another process's share of a micro-batch raised, and this one's gradients are not to be exchanged."""


@dataclass(frozen=True)
class Passes(Generic[T]):
    """How a trainer makes the passes of a step."""

    attempt: Callable[[Any], T]
    """Trains on a micro-batch."""
    undo: Callable[[], None]
    """Takes back what attempts have done since the step began."""
    plain: list[int]
    """Tokens of a plain sentence."""
    model: Any
    """What they go through, wrapped as it is for several processes."""


class TakingApart:
    """Guards the passes of one trainer's steps."""

    def __init__(self) -> None:
        self.suspect = False
        """Whether the model is to show first that it can be trained: an earlier start ended because it could not."""
        self._step = 0
        """The step that was taken apart: what is left of it is passed over."""
        self._guilty: dict[str, BadRecord] = {}
        self._group: ProcessGroup | None = None
        """Whom a micro-batch's loss is to be agreed with; None outside of one, and where there is nobody else."""
        self._agreed = False
        """Whether all processes know that the micro-batch raised in one of them."""

    def guarded(self, source: BatchSource[Any], passes: Passes[T], inputs: Any) -> list[T]:
        """Train on a micro-batch, or on all that can be trained of its step.

        Of several processes each calls it at the same point, and where one's loss raises all take the step apart.

        Returns:
            What the attempts gave that count; none where the step was taken apart at an earlier micro-batch.

        Raises:
            ModelAtFault: nothing can be trained, whatever the data.
        """
        assert source.batch is not None
        if self.suspect:
            with put_off(passes.model):
                _prove(source, passes)
            self.suspect = False
            source.restore()
        if self._step == source.batch.step:
            return []
        several = source.group.size > 1
        self._group = source.group if several and source.apart_in_several and can_be_put_off(passes.model) else None
        self._agreed = False
        try:
            return [passes.attempt(inputs)]
        except Exception as error:
            if not (self._agreed if several else may_come_of_data(error)):
                raise
            self._group = None
            passes.undo()
            self._step = source.batch.step
            with put_off(passes.model):
                found = self._with_the_others(source, passes, error)
            average(passes.model)
            return found
        finally:
            self._group = None

    @contextmanager
    def loss_agreed(self) -> Iterator[None]:
        """Around the computing of a micro-batch's loss, after which several processes exchange gradients: where it raised in one of them,
        it raises in all, and none waits for the others."""
        group = self._group
        if group is None:
            yield
            return
        try:
            yield
        except Exception as error:
            if may_come_of_data(error):
                self._agreed = group.any(True)
            raise
        if group.any(False):
            self._agreed = True
            raise OtherRaised("another process of this training raised")

    def take(self) -> dict[str, BadRecord]:
        """The step's samples that cannot be trained, by id; asked once a step."""
        guilty, self._guilty = self._guilty, {}
        return guilty

    def _with_the_others(self, source: BatchSource[Any], passes: Passes[T], error: Exception) -> list[T]:
        assert source.batch is not None
        group, step, ids, examples = source.group, source.batch.step, list(source.batch.sample_ids), list(source.batch.examples)
        logger.warning("step %d raised (%s); its %d samples are tried alone", step, first_line(error), len(ids))
        mine = range(group.rank, len(ids), group.size)
        failed: dict[int, str] = {}
        for tried in group.gather({number: why for number in mine if (why := _try(source, examples[number], passes)) is not None}):
            failed |= tried
        if len(failed) == len(ids):
            _prove_together(source, passes)
        reasons = {ids[number]: f"its step raised {failed[number]}" for number in sorted(failed)}
        self._guilty = {sample_id: BadRecord(DeadLetterReason.UNTRAINABLE, told) for sample_id, told in reasons.items()}
        logger.warning("step %d is taken without %d of its samples, which go to the dead letters as untrainable", step, len(failed))
        return [passes.attempt(inputs) for inputs in source.only([number for number in range(len(ids)) if number not in failed])]


def _prove(source: BatchSource[Any], passes: Passes[Any]) -> None:
    """Try a plain sentence: where that fails, too, the data is not to blame."""
    assert source.batch is not None
    error = _try(source, simplest(source.whole_batch.examples[0], passes.plain), passes)
    if error is not None:
        raise ModelAtFault(
            f"no sample of step {source.batch.step} can be trained, nor a plain sentence ({error}): the model or"
            " what runs it is at fault, not the data. Nothing was dead-lettered and nothing is lost: mend it and start the run again,"
            " which tries the model first"
        )


def _prove_together(source: BatchSource[Any], passes: Passes[Any]) -> None:
    """As each process finds it; what one of them finds at fault is so for all."""
    fault: str | None = None
    try:
        _prove(source, passes)
    except ModelAtFault as error:
        fault = str(error)
    if faults := [told for told in source.group.gather(fault) if told]:
        raise ModelAtFault(faults[0])


def _try(source: BatchSource[Any], example: AnyExample, passes: Passes[Any]) -> str | None:
    """Train on one example alone, and take it back; what was raised, if anything, in a line."""
    with _random_state_kept():
        try:
            for inputs in source.trial(example):
                passes.attempt(inputs)
        except Exception as error:
            if not may_come_of_data(error):
                raise
            return first_line(error)
        finally:
            passes.undo()
    return None


def may_come_of_data(error: Exception) -> bool:
    """Whether an exception may come of what was trained on."""
    return not (isinstance(error, PeltonError) or out_of_memory(error) or is_failed_collective(error))


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
