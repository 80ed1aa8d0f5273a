"""What is particular to one kind of trainer, all in one place: its module ends with a `SPEC`, and nothing else asks which kind it is.

What the command line must know of a kind, without torch, is its line in `trainer_node.kinds`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.training_sample import TrainingSample
from trainer_node.config import TrainConfig
from trainer_node.data.examples import AnyExample
from trainer_node.distributed.process_group import ProcessGroup
from trainer_node.kinds import TrainerKind
from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource, NextBatch, StepHooks
from trainer_node.training.evaluation import Evaluation, evaluating
from trainer_node.training.prompt_loader import RewardsOf

ENDLESS_STEPS = 1_000_000_000
"""The stream decides when training ends, not a step count."""
Prepare = Callable[[TrainingSample], AnyExample]
"""A sample to its tokens, as this run trains it; raises BadRecord."""
Measure = Callable[[StreamTrainer[Any], Any, Any, Sequence[TrainingSample], Prepare, int, Sequence[str]], Evaluation]
"""Trainer, model, tokenizer, held-out samples of its objective, `Prepare`, how many samples one pass may take, and the labels seen."""


@dataclass(frozen=True)
class Upstream:
    """What a source is connected to."""

    next_batch: NextBatch | None
    """Rank 0's."""
    rewards_of: RewardsOf | None
    """Rank 0's, where answers are judged."""
    pad_token_id: int
    group: ProcessGroup
    hooks: StepHooks


def samples_at_once(config: TrainConfig) -> int:
    """Samples of a micro-batch, and its rows where each sample is one."""
    return max(1, config.batch_size // config.accumulation)


def common_learning_rate(config: TrainConfig) -> float:
    """The run's."""
    return config.lr


@dataclass(frozen=True)
class TrainerSpec:
    """A kind of trainer."""

    kind: TrainerKind
    trainer: type[StreamTrainer[Any]]
    """Also says what of a step takes memory, and what makes it take less."""
    columns: Mapping[str, Any]
    """One row of the columns that TRL looks for in a dataset; it is never trained on."""
    arguments: Callable[[TrainConfig], dict[str, Any]]
    """Its TRL settings, beside those that all kinds share."""
    source: Callable[[TrainConfig, Upstream], BatchSource[Any]]
    """Where its batches come from."""
    measure: Measure | None = None
    """How held-out samples are measured; None: by their rewards alone, before and after training."""
    rows_at_once: Callable[[TrainConfig], int] = samples_at_once
    """Rows of a micro-batch, as TRL counts them."""
    learning_rate: Callable[[TrainConfig], float] = common_learning_rate
    has_value_head: bool = False
    """Whether it trains a value head beside the model; a checkpoint with one is of such a kind."""

    def evaluate(
        self,
        trainer: StreamTrainer[Any],
        model: Any,
        tokenizer: Any,
        held_out: Sequence[TrainingSample],
        prepare: Prepare,
        batch: int = 8,
        labels: Sequence[str] = (),
    ) -> Evaluation | None:
        """Measure on the held-out samples of this kind's objective; None where there are none to measure by.

        Args:
            trainer: the one that trains, which knows the reference that pairs are compared with.
            model: its model; training mode is as before on return.
            tokenizer: of the model.
            held_out: samples of any objective.
            prepare: a sample to its tokens.
            batch: samples in one pass; what can be trained at once can be measured at once.
            labels: those seen so far, of training too: what a sample without a label set may be given.
        """
        samples = [sample for sample in held_out if sample.objective is self.kind.facts.objective]
        if not samples or self.measure is None:
            return None
        with evaluating(model):
            return self.measure(trainer, model, tokenizer, samples, prepare, batch, labels)
