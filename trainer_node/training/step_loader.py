"""Batches whose samples carry a loss of their own: supervised samples, and preference pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from trainer_node.data.batch import StepExamples
from trainer_node.data.examples import with_loss
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.training.batch_source import BatchSource, ExampleLoss, NextBatch, StepHooks
from trainer_node.training.cutting import equal_cuts, least_padding
from trainer_node.training.losses import collate, mean_over_tokens, sequences, split, target_tokens

StepMean = Callable[[Sequence[ExampleLoss]], float]
"""The losses of a step's samples to what the step minimises."""


class StepLoader(BatchSource[dict[str, torch.Tensor]]):
    """Each micro-batch is the keyword arguments of a causal language model, labels included; each rank gets its rows of every one."""

    apart_in_several = True

    def __init__(
        self,
        next_batch: NextBatch | None,
        accumulation: int,
        pad_token_id: int,
        group: ProcessGroup = ALONE,
        hooks: StepHooks | None = None,
        mean: StepMean = mean_over_tokens,
    ) -> None:
        """`mean` is what the trainer's `compute_loss` makes of the samples' losses."""
        super().__init__(next_batch, group, hooks)
        self._accumulation = accumulation
        self._pad = pad_token_id
        self._mean = mean
        self._noted: list[list[ExampleLoss]] = []
        self._losses: list[ExampleLoss] = []
        self._target_tokens = 0

    def _forget(self, batch: StepExamples) -> None:
        self._losses, self._noted = [], []
        self._target_tokens = target_tokens(sequences([with_loss(example) for example in batch.examples]))

    def _micro_batches(self, batch: StepExamples) -> Iterator[dict[str, torch.Tensor]]:
        return self._in_parts(batch, self._accumulation)

    def _alone(self, batch: StepExamples) -> Iterator[dict[str, torch.Tensor]]:
        return self._in_parts(batch, -(-len(batch.examples) // self._ranks[1]))

    def _in_parts(self, batch: StepExamples, count: int) -> Iterator[dict[str, torch.Tensor]]:
        lengths = [len(example) for example in batch.examples]
        # Several ranks share each part: one of a single row would leave all but one of them with nothing to do.
        rank, size = self._ranks
        ends = least_padding(lengths, count) if size == 1 else equal_cuts(len(lengths), count)
        for part in split([with_loss(example) for example in batch.examples], ends):
            mine = split(part, equal_cuts(len(part), size))[rank]
            yield collate(sequences(mine), self._pad).inputs()

    @property
    def _ranks(self) -> tuple[int, int]:
        """Which of how many processes share a micro-batch; a trial is not shared."""
        return (0, 1) if self._trying else (self.group.rank, self.group.size)

    @property
    def target_tokens(self) -> int:
        """Tokens of the whole step that carry loss, over all micro-batches and ranks."""
        return self._target_tokens

    def note(self, losses: list[float], tokens: list[int]) -> None:
        """Take the losses of one micro-batch's samples; rows added only to fill it have no tokens and are left out."""
        self._noted.append([ExampleLoss(loss, count) for loss, count in zip(losses, tokens, strict=True) if count])
        self._losses += self._noted[-1]

    def agree(self) -> None:
        """What any rank found bad is bad for all, and all know the losses of the whole batch."""
        everyone = self.group.gather((self._bad, self._noted))
        self._bad = any(bad for bad, _ in everyone)
        micro_batches = zip(*(noted for _, noted in everyone), strict=True)
        self._losses = [loss for ranks in micro_batches for noted in ranks for loss in noted]

    @property
    def losses(self) -> list[ExampleLoss]:
        """Of each sample, as far as its micro-batch is done."""
        return self._losses

    def step_loss(self) -> float | None:
        """The step's loss in nats, of a token or of a pair; None before any was trained."""
        return self._mean(self._losses) if self._losses else None

    def unrewarded(self) -> frozenset[str]:
        """None: what carries its own loss needs no reward."""
        return frozenset()
