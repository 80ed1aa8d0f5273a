"""What all trainers of the stream share: TRL's training loop over a `BatchSource`, in the order given, with bad steps undone.

Shuffling, samplers and the trainers' own data loaders are out of the way: `get_train_dataloader` returns the source itself.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from transformers import Trainer

from schemas.errors import BadRecord, DeadLetterReason, UserError
from trainer_node.data.examples import AnyExample, with_loss
from trainer_node.distributed.process_group import is_failed_collective, other_is_gone
from trainer_node.models.fsdp import averaging, is_sharded
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.training.batch_source import BatchSource
from trainer_node.training.losses import sequences
from trainer_node.training.sampling_gap import GapMeter, SamplingGap
from trainer_node.training.taking_apart import Passes, TakingApart

OF_THE_SETTINGS = ("weight_decay", "betas", "eps")
"""What an optimizer's state holds beside the rate that is no state."""
PLAIN = "What is the capital of France? It is Paris."

Source = TypeVar("Source", bound=BatchSource[Any])


class StreamTrainer(Trainer, Generic[Source]):
    """Mixed in before the TRL class. All that it calls of its source, and when, stands at `BatchSource`."""

    config_class: type
    """TRL's settings of this trainer."""
    smaller = "lower --batch-size, raise --accumulation or lower --max-seq"
    """What makes a step take less memory."""
    source: Source
    """Where its batches come from; set by `feed_from`."""
    apart: TakingApart
    """What a step that raises is given to; set by `feed_from`."""
    gap: GapMeter
    """How far a step's own answers are from what is trained on them; set by `feed_from`."""

    def feed_from(self, source: Source, notes: Path | None = None) -> None:
        """Take batches from here; training stops when it ends. `notes` is the run's folder, for a step that ends several processes."""
        self.source = source
        self.apart = TakingApart(notes)
        self.gap = GapMeter()
        self.model_accepts_loss_kwargs = True  # our losses are normalised over the whole optimizer step

    def get_train_dataloader(self) -> Any:
        """The source itself: no sampler, no shuffling, no read-ahead."""
        return _UntilItEnds(self)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train until the stream ends.

        Raises:
            UserError: a step did not fit into memory; names it, its size, and the settings to change.
            PeltonError: another process of this training is gone.
            ModelAtFault: a step raised, and so does any other.
        """
        try:
            return self._train_steps(*args, **kwargs)
        except (RuntimeError, MemoryError) as error:
            if out_of_memory(error):
                raise UserError(self._too_big()) from error
            if is_failed_collective(error):
                raise other_is_gone(error) from error
            raise

    def _train_steps(self, *args: Any, **kwargs: Any) -> Any:
        return super().train(*args, **kwargs)

    def _wrap_model(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        return averaging(model) if is_sharded(model) else super()._wrap_model(model, *args, **kwargs)

    def _move_model_to_device(self, model: Any, device: torch.device) -> None:
        if not is_sharded(model):  # its shards are where they belong, and torch does not move them
            super()._move_model_to_device(model, device)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """One micro-batch. A loss that is not a number undoes the whole step; a step that raises is taken apart."""

        def attempt(inputs: Any) -> torch.Tensor:
            return super(StreamTrainer, self).training_step(model, inputs, num_items_in_batch)

        passes = Passes(attempt, self._drop_gradients, self.plain_tokens(), model)
        losses = self.apart.guarded(self.source, passes, inputs)
        loss = torch.stack(losses).sum() if losses else torch.zeros((), device=self.args.device)
        self.source.hooks.meanwhile()
        with self.source.hooks.gil_window():
            value = loss.item()
        if not math.isfinite(value):
            self.source.mark_bad()
            return torch.zeros_like(loss)
        return loss

    def compute_loss_context_manager(self) -> contextlib.ExitStack:
        """Around a micro-batch's loss: several processes agree on it before they exchange its gradients."""
        stack = contextlib.ExitStack()
        stack.enter_context(super().compute_loss_context_manager())
        stack.enter_context(self.apart.loss_agreed())
        return stack

    def plain_tokens(self) -> list[int]:
        """Of a sentence that every model can read, and what ends its answers."""
        tokenizer: Any = self.processing_class
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.pad_token_id
        return [*tokenizer(PLAIN, add_special_tokens=False)["input_ids"], end]

    def undo_bad_step(self) -> dict[str, BadRecord]:
        """Before the optimizer acts: if the step's loss is not a number, drop its gradients, so that the weights stay as they are.

        Collective, as `BatchSource.agree`, which it calls.

        Returns:
            The samples from which nothing was learnt, by id with the reason, for the dead letters: all of a step whose loss is no number,
            and what was left out of one that raised.
        """
        self.source.agree()
        batch, guilty = self.source.batch, self.apart.take()
        if not self.source.bad or batch is None:
            return guilty
        self._drop_gradients()
        reason = f"the loss of step {batch.step} was not a number; the step was undone"
        return guilty | {sample_id: BadRecord(DeadLetterReason.NAN_LOSS, reason) for sample_id in batch.sample_ids}

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Weights are loaded with the model, not by a trainer: several of them share it."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As they were, but with what the settings say: the states that are loaded would bring back the checkpoint's."""
        assert self.optimizer is not None
        own = [{name: group[name] for name in OF_THE_SETTINGS if name in group} for group in self.optimizer.param_groups]
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            self._take_settings(own)

    def _take_settings(self, own: list[dict[str, Any]]) -> None:
        assert self.optimizer is not None
        scheduler: Any = self.lr_scheduler
        base = float(self.args.learning_rate)
        scheduler.base_lrs = [base] * len(scheduler.base_lrs)
        rates = [base * factor(scheduler.last_epoch) for factor in scheduler.lr_lambdas]
        for group, rate, settings in zip(self.optimizer.param_groups, rates, own, strict=True):
            group.update(settings, initial_lr=base, lr=rate)
        scheduler._last_lr = rates

    def _drop_gradients(self) -> None:
        assert self.optimizer is not None
        for group in self.optimizer.param_groups:  # accelerate's own way does nothing before the step's last micro-batch
            for weight in group["params"]:
                weight.grad = None

    def last_learning_rate(self) -> float:
        """Of the optimizer's first group of weights, in the step that was taken last."""
        assert self.lr_scheduler is not None
        return float(self.lr_scheduler.get_last_lr()[0])

    def sampling_gap(self) -> SamplingGap | None:
        """How far the step's own answers were from what was trained on them; None where a step has no such answers."""
        return self.gap.read()

    def answer_figures(self) -> dict[str, float]:
        """What is known of a step's own answers, of `rewards.figures.FIGURES`: tokens, kl."""
        return {}

    def save_own(self, folder: Path) -> None:
        """Write what this trainer needs for a resume beside adapter, optimizer and schedule."""

    def _too_big(self) -> str:
        batch = self.source.batch
        if batch is None:
            return f"out of memory before the first step; nothing is lost: {self.smaller}, and start the run again"
        parts = self.args.gradient_accumulation_steps
        return (
            f"out of memory in step {batch.step}: {self._size_of(batch.examples)}"
            f"{f', in {parts} micro-batches' if parts > 1 else ''}. Nothing is lost: {self.smaller}, and start the run again;"
            " it goes on from its newest checkpoint"
        )

    def _size_of(self, examples: Sequence[AnyExample]) -> str:
        """A step, as it is told when it did not fit."""
        rows = sequences([with_loss(example) for example in examples])
        return f"{len(rows)} sequences of up to {max(len(row) for row in rows)} tokens"


class _UntilItEnds:
    """What Transformers' loop iterates instead of a data loader; a source's end is the training's."""

    def __init__(self, trainer: StreamTrainer[Any]) -> None:
        self._trainer = trainer

    def __iter__(self) -> Iterator[Any]:
        yield from self._trainer.source
        self._trainer.control.should_training_stop = True
