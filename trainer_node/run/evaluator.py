"""When an objective is measured on its held-out samples, and what follows from it."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING

from schemas.training_sample import Objective, TrainingSample
from trainer_node.data.examples import AnyExample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command
from trainer_node.intake.standing import Standing
from trainer_node.run.beginning import with_weights
from trainer_node.run.beside import left_out_if_it_raises
from trainer_node.run.early_stopping import EarlyStopping
from trainer_node.training.evaluation import Evaluation
from trainer_node.training.factory import spec_of

if TYPE_CHECKING:
    from trainer_node.run.beginning import Beginnings
    from trainer_node.run.committer import Committer
    from trainer_node.run.context import RunContext
    from trainer_node.run.trainers import Trainers

logger = logging.getLogger(__name__)

SHARE = 0.1
"""Of the time between two evaluations, what one may take in a run without end."""
IDLE_APART_S = 60.0
"""Shortest time between two evaluations of an objective because the stream is idle."""


class Evaluator:
    """Measures `val_metric`, one an objective."""

    def __init__(self, run: RunContext, trainers: Trainers, committer: Committer, beginnings: Beginnings) -> None:
        self._run = run
        self._trainers = trainers
        self._committer = committer
        self._beginnings = beginnings
        self._began = time.monotonic()
        self._at: dict[Objective, float] = {}
        self._measured: dict[Objective, int] = {}
        self._seconds = 0.0

    def is_due(self, objective: Objective, idle: bool = False) -> bool:
        """Whether an objective is to be measured now, that has taken a step since it was measured last.

        Args:
            objective: one that a trainer stands for.
            idle: whether the stream has nothing to train.
        """
        run, steps = self._run, self._run.config.eval_steps
        taken = run.feed.cursor.standings[objective].steps
        if taken == self._measured.get(objective, 0) or objective not in self._trainers:
            return False
        if steps:
            return not idle and taken % steps == 0
        if run.options.until_consumed or self._seconds > SHARE * (time.monotonic() - self._at.get(objective, self._began)):
            return False
        since = time.monotonic() - self._at.get(objective, self._began)
        return since >= run.config.eval_every or (idle and (objective not in self._at or since >= IDLE_APART_S))

    def evaluate(self, objective: Objective) -> bool:
        """Measure an objective; True when it should get no more steps.

        What was trained is committed before: an evaluation that fails is told, left out, and tried again when the next one is due.
        """
        run, began = self._run, time.monotonic()
        if objective not in run.feed.held_out.fixed and not run.feed.choice.is_open(objective):
            return False  # what is measured by is to be of all bands
        self._measured[objective] = run.feed.cursor.standings[objective].steps
        self._committer.commit()
        try:
            found = left_out_if_it_raises(
                run.group, run.loaded.model, f"the evaluation at step {run.feed.cursor.step}", functools.partial(self._measure, objective)
            )
        finally:
            self._at[objective] = time.monotonic()
            self._seconds = self._at[objective] - began
        if found is None:
            return False
        for name, why in found.absent.items():
            logger.warning("%s of %s is not measured: %s", name, objective.value, why)
        if found.measure not in found.values:
            return False
        run.progress.evaluated(found.values, run.feed.cursor.step, objective)
        run.monitor.evaluated(run.feed.cursor.step, found.val_metric, found.values, objective)
        return self._judge(objective, found)

    def _judge(self, objective: Objective, found: Evaluation) -> bool:
        standing = self._run.feed.cursor.standings[objective]
        early, before = EarlyStopping(self._run.config.patience, standing.early_stopping), standing.early_stopping
        enough = early.update(found.measure, found.val_metric, found.candidates)
        if self._counts(standing):
            standing.early_stopping = early.state.model_copy(update={"at": standing.steps})
        else:  # soon after the last that counted: better is better, and no worse is no news
            enough, since_best = False, min(early.state.since_best, before.since_best)
            standing.early_stopping = early.state.model_copy(update={"since_best": since_best})
        self._run.monitor.judged(objective, early.state.best, standing.early_stopping.since_best)
        if enough:
            logger.warning(
                "val_metric (%s) of %s has not improved in %d evaluations (best %s): stopping early",
                found.measure, objective.value, early.state.since_best, early.state.best,
            )  # fmt: skip
        return enough

    def _counts(self, standing: Standing) -> bool:
        """Whether an evaluation without a better value counts for early stopping: a stream that trickles is measured after each sample."""
        config = self._run.config
        often = not config.eval_steps and not self._run.options.until_consumed
        return not often or standing.steps - standing.early_stopping.at >= config.checkpoint_steps

    def _measure(self, objective: Objective) -> Evaluation | None:
        run, kind = self._run, self._run.kinds[objective]
        if objective not in self._trainers or not (held_out := run.feed.held_out.fix(objective)):
            return None
        rows = -(-run.config.batch_size // run.config.accumulation)
        logger.info("evaluating %s on %d held-out samples", objective.value, len(held_out))
        labels = tuple(run.feed.held_out.labels)
        with run.timings("evaluating"), run.interruptible():
            self._measure_beginning(objective, held_out, rows, labels)
            run.group.send_if_sharded(Command.EVALUATE, kind, held_out, rows, labels)
            model, tokenizer = run.loaded.model, run.loaded.tokenizer
            trainer, spec = self._trainers.trainer(objective), spec_of(kind)
            return run.group.made_alike(lambda: spec.evaluate(trainer, model, tokenizer, held_out, self._prepare, rows, labels))

    def _measure_beginning(self, objective: Objective, held_out: list[TrainingSample], rows: int, labels: tuple[str, ...]) -> None:
        """The baseline: the weights that the objective began with, on the samples of its first evaluation."""
        run, weights = self._run, self._beginnings.take(objective)
        if weights is None:
            return
        trainer, loaded = self._trainers.trainer(objective), run.loaded
        with with_weights(loaded.model, weights):
            found = spec_of(run.kinds[objective]).evaluate(trainer, loaded.model, loaded.tokenizer, held_out, self._prepare, rows, labels)
        if found is not None and found.values:
            run.progress.evaluated(found.values, 0, objective, is_beginning=True)
            told = ", ".join(f"{name} {value:.4g}" for name, value in found.values.items())
            logger.info("before training, by the same samples: %s", told)

    def _prepare(self, sample: TrainingSample) -> AnyExample:
        return prepare(sample, self._run.loaded.tokenizer, self._run.config)
