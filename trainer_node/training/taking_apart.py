"""What becomes of a step that raises: its samples are tried alone, those that raise are left out, and the step is taken with the others.

What a model's own code raises can be anything, and a journalled batch that raised would end every start. A step that is too large for the
memory, or whose loss is no number, is not for here. Nothing stays of the trying: no gradient, no random number, no optimizer's state.

Several processes agree on each micro-batch's loss before they exchange its gradients, and share the trying. Where passes are made together
(a step of rewarded answers, sharded weights), and where a backward pass raises, the others stand in the midst of an exchange when one
raises: all end, with a note of the step (`commit.raised_step`), and the next start tries the step's samples before it trains them, all
processes each of them alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from schemas.errors import BadRecord, DeadLetterReason, PeltonError
from trainer_node.commit.raised_step import RaisedStep
from trainer_node.data.examples import IGNORED, AnyExample, Example, PairExample, PromptExample
from trainer_node.distributed.process_group import AGREE_S, ProcessGroup, is_failed_collective
from trainer_node.models.fsdp import back_to_shards
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.training.exchange import average, is_own, put_off

if TYPE_CHECKING:
    from trainer_node.training.batch_source import BatchSource

logger = logging.getLogger(__name__)

T = TypeVar("T")


class ModelAtFault(PeltonError):  # noqa: N818 - it names what was found
    """Not even a plain sentence can be trained."""


class StepRaised(PeltonError):  # noqa: N818 - it names what was found
    """A step raised in one of several processes, which must all end for it."""


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
    exchanges: bool = False
    """Whether an attempt is whole: it exchanges its gradients itself, and acts on them."""


class TakingApart:
    """Guards the passes of one trainer's steps."""

    def __init__(self, notes: Path | None = None) -> None:
        """`notes`: the run's folder, where a step that ends several processes is noted; None where nobody would read it."""
        self._notes = notes
        self._step = 0
        """The step that was taken apart: what is left of it is passed over."""
        self._looked_at = 0
        """The newest step whose suspicion was looked at."""
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
            StepRaised: another process is in the midst of what all do together; the next start takes the step apart.
        """
        step = source.whole_batch.step
        if self._looked_at < step:
            self._looked_at = step
            if (found := self._looked_into(source, passes)) is not None:
                return found
        if self._step == step:
            return []
        several = source.group.size > 1
        self._group = source.group if several and tries_alone(source, passes) else None
        self._agreed = False
        try:
            return [passes.attempt(inputs)]
        except Exception as error:
            if not may_come_of_data(error):
                raise
            if several and not self._agreed:
                raise self._noted(source, error) from error
            self._group = None
            logger.warning("step %d raised (%s); its %d samples are tried alone", step, first_line(error), len(source.whole_batch.examples))
            return self._apart(source, passes)
        finally:
            self._group = None

    def _looked_into(self, source: BatchSource[Any], passes: Passes[T]) -> list[T] | None:
        """What comes of a step that earlier starts have found something of; None where it is to be trained as any other."""
        suspicion = source.whole_batch.suspicion
        if suspicion is None:
            return None
        if suspicion.of_model:
            with put_off(passes.model):
                _prove_together(source, passes)
            source.restore()
        if (raised := suspicion.raised) is None:
            return None
        logger.warning("step %d raised at an earlier start (%s); its samples are tried one at a time", raised.step, raised.why)
        return self._apart(source, passes, raised)

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

    def _apart(self, source: BatchSource[Any], passes: Passes[T], raised: RaisedStep | None = None) -> list[T]:
        """Try each sample, and take the step with those that can be trained."""
        whole = source.whole_batch
        ids, self._step = list(whole.sample_ids), whole.step
        passes.undo()
        with put_off(passes.model):
            failed = self._failed(source, passes, raised)
            if len(failed) == len(ids):
                _prove_together(source, passes)
        self._put_away(ids, failed)
        try:
            return self._taken(passes, source.only([number for number in range(len(ids)) if number not in failed]))
        except Exception as error:
            if not may_come_of_data(error):
                raise
            if source.group.size > 1:
                raise self._noted(source, error, each_tried=True) from error
            passes.undo()
            _prove(source, passes)
            why = f"{first_line(error)}, though each of its samples could be trained alone"
            self._put_away(ids, dict.fromkeys(range(len(ids)), why) | failed)
            source.only([])
            return []

    def _put_away(self, ids: list[str], failed: dict[int, str]) -> None:
        reasons = {ids[number]: f"its step raised {failed[number]}" for number in sorted(failed)}
        self._guilty = {sample_id: BadRecord(DeadLetterReason.UNTRAINABLE, told) for sample_id, told in reasons.items()}
        logger.warning("step %d is taken without %d of its samples, which go to the dead letters as untrainable", self._step, len(failed))

    def _taken(self, passes: Passes[T], micro_batches: Iterator[Any]) -> list[T]:
        if passes.exchanges:
            return [passes.attempt(inputs) for inputs in micro_batches]
        with put_off(passes.model):
            found = [passes.attempt(inputs) for inputs in micro_batches]
        average(passes.model)
        return found

    def _failed(self, source: BatchSource[Any], passes: Passes[Any], raised: RaisedStep | None) -> dict[int, str]:
        """By number in the step: what each sample raises that cannot be trained. Of all processes each knows all."""
        group, ids, examples = source.group, list(source.whole_batch.sample_ids), list(source.whole_batch.examples)
        accused = raised.accused if raised else {}
        failed = {number: accused[sample_id] for number, sample_id in enumerate(ids) if sample_id in accused}
        left = [number for number in range(len(ids)) if number not in failed]
        if raised and raised.each_tried:
            of_it = [number for number in left if ids[number] in raised.sample_ids]
            return failed | dict.fromkeys(of_it, f"{raised.why}, though each of its samples could be trained alone")
        if group.size > 1 and not tries_alone(source, passes):
            return failed | self._failed_alike(source, passes, left)
        mine = left[group.rank :: group.size]
        for tried in group.gather({number: why for number in mine if (why := _try(source, examples[number], passes)) is not None}):
            failed |= tried
        return failed

    def _failed_alike(self, source: BatchSource[Any], passes: Passes[Any], numbers: list[int]) -> dict[int, str]:
        """As `_failed`, where passes are made together: all processes try the same sample at once, and what it does, it does in all.

        Raises:
            StepRaised: it raised here, and another process is in the midst of what all do together.
        """
        failed: dict[int, str] = {}
        whole = source.whole_batch
        ids, examples = list(whole.sample_ids), list(whole.examples)
        for number in numbers:
            why = _try(source, examples[number], passes)
            if not source.group.all_here(AGREE_S) and why is not None:
                raise self._noted(source, why, accused={ids[number]: f"{why} in one process of several"})
            for told in source.group.gather(why):
                if told is not None:
                    failed[number] = told
        return failed

    def _noted(
        self, source: BatchSource[Any], error: Exception | str, each_tried: bool = False, accused: dict[str, str] | None = None
    ) -> StepRaised:
        """What ends this process, once the next start will know of it."""
        whole = source.whole_batch
        before = whole.suspicion.raised.accused if whole.suspicion and whole.suspicion.raised else {}
        why = error if isinstance(error, str) else first_line(error)
        raised = RaisedStep(whole.step, list(whole.sample_ids), why, source.group.rank, each_tried, before | (accused or {}))
        if self._notes is not None:
            raised.write(self._notes)
        return StepRaised(str(raised))


def tries_alone(source: BatchSource[Any], passes: Passes[Any]) -> bool:
    """Whether one of several processes can make a pass without the others."""
    return source.apart_in_several and is_own(passes.model)


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
            back_to_shards(passes.model)
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
