"""TRL's trainers, fed from the stream: each takes its batches from a `StepLoader`, in the order given, and says what every sample cost.

Shuffling, samplers and the trainers' own data loaders are out of the way: `get_train_dataloader` returns the loader itself.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name the field uses
from peft import PeftModel
from transformers import Trainer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.trainer.utils import use_adapter

from schemas.errors import BadRecord, DeadLetterReason, UserError
from trainer_node.data.tokenization import IGNORED, Example, PairExample
from trainer_node.distributed.process_group import ALONE, Processes, is_failed_collective, other_is_gone
from trainer_node.intake.feed import StepBatch
from trainer_node.models.fsdp import averaging, is_sharded
from trainer_node.models.out_of_memory import out_of_memory
from trainer_node.training.losses import collate, sample_losses, split, target_tokens, token_losses

logger = logging.getLogger(__name__)


class StepLoader:
    """One optimizer step's micro-batches after another, straight from the feed; of several processes, each gets its rows of every one.

    Attributes:
        batch: the samples of the step being trained.
        losses: (loss in nats per token, tokens) of each of its samples, in order, as the micro-batches are done; of all processes, once
            they have agreed.
        target_tokens: tokens of the step that carry loss, over all micro-batches and processes.
        meanwhile: called in each step once its passes are under way on the device, which does not need the host then.
        while_the_device_works: entered around each wait for the device.
    """

    def __init__(
        self, next_batch: Callable[[], StepBatch | None], accumulation: int, pad_token_id: int, processes: Processes = ALONE
    ) -> None:
        self._next = next_batch
        self._processes = processes
        self._noted: list[list[tuple[float, int]]] = []
        self._accumulation = accumulation
        self._pad = pad_token_id
        self.on_end: Callable[[], None] = lambda: None
        self.meanwhile: Callable[[], None] = lambda: None
        self.while_the_device_works: Callable[[], AbstractContextManager[None]] = nullcontext
        self.batch: StepBatch | None = None
        self.losses: list[tuple[float, int]] = []
        self.target_tokens = 0
        self.bad = False

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        while (batch := self._next()) is not None:
            self.batch, self.losses, self._noted, self.bad = batch, [], [], False
            parts = split([item.example for item in batch.items], self._accumulation)
            self.target_tokens = sum(target_tokens(_rows(part)) for part in parts)
            for part in parts:
                mine = split(part, self._processes.size)[self._processes.rank]
                yield collate(_rows(mine), self._pad).inputs()
        self.on_end()

    def agree(self) -> None:
        """Before the optimizer acts: what any process found bad is bad for all, and all know the losses of the whole batch."""
        if self._processes.size == 1:
            return
        everyone = self._processes.gather((self.bad, self._noted))
        self.bad = any(bad for bad, _ in everyone)
        self.losses = [loss for micro_batch in zip(*(noted for _, noted in everyone), strict=True) for part in micro_batch for loss in part]

    def step_loss(self) -> float | None:
        """Mean loss of the step's tokens, in nats; None before any were trained."""
        return sum(value * tokens for value, tokens in self.losses) / sum(tokens for _, tokens in self.losses) if self.losses else None

    def unrewarded(self) -> frozenset[str]:
        """Ids of samples from which nothing was learnt: none, where no reward is needed."""
        return frozenset()

    def note(self, losses: list[float], tokens: list[int]) -> None:
        """Take the losses of one micro-batch; rows added only to fill it have no tokens and are left out."""
        self._noted.append([(loss, count) for loss, count in zip(losses, tokens, strict=True) if count])
        self.losses += self._noted[-1]


def _rows(examples: list[Any]) -> list[Example]:
    """Sequences of a micro-batch: of pairs, first all chosen ones, then all rejected ones."""
    if not isinstance(examples[0], PairExample):
        return list(examples)
    sides = [[example.chosen_ids for example in examples], [example.rejected_ids for example in examples]]
    prompts = [example.prompt_ids for example in examples]
    return [
        Example(prompt + completion, [IGNORED] * len(prompt) + completion)
        for side in sides
        for prompt, completion in zip(prompts, side, strict=True)
    ]


class StreamTrainer(Trainer):
    """What all of them share. Mixed in before the TRL class."""

    config_class: type
    """TRL's settings of this trainer."""
    stream: Any
    """`StepLoader`, or `PromptLoader` where there are rewards."""

    def feed_from(self, stream: Any) -> None:
        """Take batches from here; training stops when it ends."""
        self.stream = stream
        self.model_accepts_loss_kwargs = True  # our losses are normalised over the whole optimizer step
        stream.on_end = lambda: setattr(self.control, "should_training_stop", True)

    def get_train_dataloader(self) -> Any:
        """The stream itself: no sampler, no shuffling, no read-ahead."""
        return self.stream

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train until the stream ends.

        Raises:
            UserError: a step did not fit into memory; names it, its size, and the settings to change.
            PeltonError: another process of this training is gone.
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

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """One micro-batch. A loss that is not a number undoes the whole step."""
        loss = super().training_step(*args, **kwargs)
        self.stream.meanwhile()
        with self.stream.while_the_device_works():
            value = loss.item()
        if not math.isfinite(value):
            self.stream.bad = True
            return torch.zeros_like(loss)
        return loss

    def undo_bad_step(self) -> dict[str, BadRecord]:
        """Before the optimizer acts: if the step's loss is not a number, drop its gradients, so that the weights stay as they are.

        Returns:
            The step's samples by id with the reason, for the dead letters; empty when the step is sound.
        """
        self.stream.agree()
        if not self.stream.bad or self.stream.batch is None:
            return {}
        assert self.optimizer is not None
        self.optimizer.zero_grad(set_to_none=True)
        step = self.stream.batch.step
        reason = f"the loss of step {step} was not a number; the step was undone"
        return {item.sample.sample_id: BadRecord(DeadLetterReason.NAN_LOSS, reason) for item in self.stream.batch.items}

    def save_own(self, folder: Path) -> None:
        """Write what this trainer needs for a resume beside adapter, optimizer and schedule."""

    smaller = "lower --batch-size, raise --accumulation or lower --max-seq"
    """What makes a step take less memory."""

    def _too_big(self) -> str:
        batch = self.stream.batch
        if batch is None:
            return f"out of memory before the first step; nothing is lost: {self.smaller}, and start the run again"
        parts = self.args.gradient_accumulation_steps
        return (
            f"out of memory in step {batch.step}: {self._size_of([item.example for item in batch.items])}"
            f"{f', in {parts} micro-batches' if parts > 1 else ''}. Nothing is lost: {self.smaller}, and start the run again;"
            " it goes on from its newest checkpoint"
        )

    def _size_of(self, examples: list[Any]) -> str:
        rows = _rows(examples)
        return f"{len(rows)} sequences of up to {max(len(row.input_ids) for row in rows)} tokens"

    def _scale(self, total: torch.Tensor) -> torch.Tensor:
        """Sum over this process's tokens to this process's share of the step's mean (DDP averages gradients over processes)."""
        return total / max(1, self.stream.target_tokens) * self.accelerator.num_processes


class StreamSFTTrainer(StreamTrainer, SFTTrainer):
    """Supervised fine-tuning and classification: TRL's SFTTrainer on the stream."""

    config_class = SFTConfig

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """Mean token loss over the optimizer step; each sample's own loss goes to the stream."""
        nll, mask = token_losses(model, inputs)
        with self.stream.while_the_device_works():
            of_samples = sample_losses(nll, mask)
        self.stream.note(*of_samples)
        loss = self._scale(nll.sum())
        return (loss, {"nll": nll}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Without TRL's token-accuracy and entropy, which would cost a second pass over the logits."""
        Trainer.log(self, logs, start_time)


class StreamDPOTrainer(StreamTrainer, DPOTrainer):
    """Direct preference optimisation: TRL's DPOTrainer on the stream.

    Loss of a pair: -log σ(β·((log π(c) - log π(r)) - (log ref(c) - log ref(r)))) (Rafailov et al. 2023, eq. 7). The reference
    is the model as it was when this objective began: the adapter `ref`, or the base without any adapter.
    """

    config_class = DPOConfig
    processing_class: Any

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        """Mean over the step's pairs; each pair's own loss goes to the stream, counted over its completion tokens."""
        margins, mask = self._margins(model, inputs)
        losses = -F.logsigmoid(margins)
        pairs = mask.sum(-1).view(2, -1).sum(0)
        self.stream.note(losses.detach().tolist(), pairs.tolist())
        count = len(self.stream.batch.items) if self.stream.batch else 1
        real = (pairs > 0).to(losses.dtype)
        loss = (losses * real).sum() / count * self.accelerator.num_processes
        return (loss, {"margins": margins}) if return_outputs else loss

    @torch.no_grad()
    def margins(self, model: Any, pairs: list[PairExample]) -> torch.Tensor:
        """What each pair's chosen side has gained on the reference, less what its rejected side has, times β: (pairs,)."""
        inputs = collate(_rows(pairs), self.processing_class.pad_token_id).inputs()
        return self._margins(model, {name: tensor.to(self.accelerator.device) for name, tensor in inputs.items()})[0]

    def _margins(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        policy, mask = self._log_probs(model, inputs)
        with torch.no_grad(), self._reference(model):
            reference, _ = self._log_probs(model, inputs)
        chosen, rejected = (policy - reference).chunk(2)
        return self.beta * (chosen - rejected), mask

    def _log_probs(self, model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        nll, mask = token_losses(model, inputs)
        return -nll.sum(-1), mask

    def _reference(self, model: Any) -> Any:
        unwrapped = self.accelerator.unwrap_model(model)
        if not isinstance(unwrapped, PeftModel):
            raise UserError("DPO without LoRA would need a second copy of the model as its reference: set --lora-r above 0")
        return use_adapter(unwrapped, adapter_name="ref" if "ref" in unwrapped.peft_config else None)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Without TRL's own pair metrics, which this loss does not gather."""
        Trainer.log(self, logs, start_time)
