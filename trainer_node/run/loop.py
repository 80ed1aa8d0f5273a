"""The training loop as the node sees it: TRL's own loop comes back here for each batch and after each optimizer step.

What is between two batches stands here: passes, evaluation, early stopping, commits, and what is published of a step.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason, Fenced, PeltonError, TooManyDeadLetters
from schemas.sample_loss import SampleLoss
from schemas.topics import PRODUCER_HEADER
from schemas.training_sample import Objective, TrainingSample
from trainer_node.commit.durable import write_durably
from trainer_node.commit.manifest import Checkpoint
from trainer_node.data.batch import StepBatch
from trainer_node.data.examples import AnyExample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command
from trainer_node.run.committer import Committer
from trainer_node.run.context import RunContext
from trainer_node.training.base import StreamTrainer
from trainer_node.training.batch_source import BatchSource, ExampleLoss, StepHooks
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.evaluation import Evaluation
from trainer_node.training.factory import build_source, ready_trainer, spec_of
from trainer_node.training.taking_apart import ModelAtFault

logger = logging.getLogger(__name__)

AT_FAULT = "model_at_fault.txt"
"""In the run's folder, where the last start ended because nothing could be trained: the next one tries the model before its first batch."""
NAN_LIMIT = 3
"""Steps in a row without a finite loss after which the node stops."""


class TrainingLoop:
    """Trains one objective after another, on the training thread of rank 0."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._committer = Committer(run)

    def train(self, objective: Objective, checkpoint: Checkpoint | None) -> None:
        """Train one objective until its passes are done, training stops early, or the node is to stop.

        Args:
            objective: which of the run's.
            checkpoint: whose optimizer, schedule and random state to go on with; None begins them anew.

        Raises:
            PeltonError: several steps in a row had no finite loss; another process of the training is gone.
            UserError: a step did not fit into memory.
        """
        ObjectiveRun(self._run, self._committer, objective).train(checkpoint)

    def next_objective(self, objective: Objective) -> Objective | None:
        """Go on to the objective after this one; None where the run ends with it."""
        run, objectives = self._run, self._run.config.objectives
        following = objectives[objectives.index(objective) + 1 :]
        if not following or not run.options.until_consumed or run.stopping.is_set():
            return None
        run.feed.switch(following[0])
        run.early_stopping.begin_anew()  # another objective, another measure
        self._committer.begin_objective()
        return following[0]


class ObjectiveRun:
    """The training of one objective: one trainer, one batch source."""

    def __init__(self, run: RunContext, committer: Committer, objective: Objective) -> None:
        self.run = run
        self.batch: StepBatch | None = None
        """The samples of the step being trained."""
        self._committer = committer
        self._objective = objective
        self._kind = run.config.trainer.of(objective)
        pad = run.loaded.tokenizer.pad_token_id
        self.source: BatchSource[Any] = build_source(self._kind, run.config, pad, self.next_batch, self.rewards_of, run.group, self.hooks())
        """Where the trainer's batches come from, and where it says what a step has cost."""
        self._trainer: StreamTrainer[Any]
        self._bad: dict[str, BadRecord] = {}
        self._nan_streak = 0
        self._enough = False
        self._until_first_step = contextlib.ExitStack()

    def train(self, checkpoint: Checkpoint | None) -> None:
        """See `TrainingLoop.train`."""
        with self._until_first_step:  # a first step may compile for minutes, and nothing of it is lost that its checkpoint does not have
            self._until_first_step.enter_context(self.run.interruptible())
            self._train(checkpoint)

    def _train(self, checkpoint: Checkpoint | None) -> None:
        run, path = self.run, checkpoint.path if checkpoint else None
        run.group.send(Command.TRAIN, self._objective, path)
        self._trainer = self._ready_trainer(path)
        self._trainer.feed_from(self.source)
        note = run.options.run_dir / AT_FAULT
        self._trainer.apart.suspect = note.exists()
        try:
            with run.timings(f"training ({self._objective.value})"):
                self._trainer.train(resume_from_checkpoint=str(path) if path else None)
        except ModelAtFault as error:
            write_durably(note, str(error).encode())
            raise

    def hooks(self) -> StepHooks:
        """What is done in a step beside it: what has come is taken in while a device trains."""
        intake = self.run.feed.intake
        on_cuda = self.run.loaded.device.startswith("cuda")
        return StepHooks(intake, self.run.consumer.gil_window) if on_cuda else StepHooks(intake)

    def _ready_trainer(self, path: Path | None) -> StreamTrainer[Any]:
        run = self.run
        callback = StepCallback(self._before_optimizer, self.step_done)
        return ready_trainer(self._kind, run.loaded, run.config, run.options.run_dir, [callback], path)

    # --- between two steps ---------------------------------------------------------------------------------------------------

    def next_batch(self) -> StepBatch | None:
        """The next batch, over the ends of passes; None ends training. Stands between two optimizer steps, so it may commit."""
        with self.run.stopping.shielded():
            return self._next_batch()

    def _next_batch(self) -> StepBatch | None:
        run = self.run
        if self._committer.is_due:
            self._committer.commit(self._trainer)
        while True:
            self.batch = None
            if not self._enough:
                self.batch = self._next_of_feed()
            if self.batch is not None:
                run.options.on_batch(self.batch)
                return self.batch
            if self._enough or run.stopping.is_set() or not self._begin_next_pass():
                self._committer.commit(self._trainer)
                return None

    def rewards_of(self, step: int, prompts: Sequence[TrainingSample], completions: Sequence[str]) -> list[float | None]:
        """See `RewardClient.rewards_of`, which knows how long a step that is to be the last may wait."""
        with self.run.stopping.shielded():
            return self.run.rewards.rewards_of(step, prompts, completions)

    def _next_of_feed(self) -> StepBatch | None:
        """The feed's next batch. Where most records are bad, what is in the dead letters is committed before the node stops."""
        run = self.run
        with run.timings("waiting for samples"):
            try:
                return run.feed.next_batch(run.completion.done, self._waiting())
            except TooManyDeadLetters:
                self._committer.commit(self._trainer)
                raise

    def _waiting(self) -> Callable[[], None]:
        """What is done again and again while there is nothing to train."""
        began = time.monotonic()

        def look() -> None:
            self.run.guard()
            self._committer.while_idle(self._trainer, time.monotonic() - began)

        return look

    def _begin_next_pass(self) -> bool:
        """Evaluate at the end of a pass; True when another follows, which is then begun."""
        run = self.run
        run.completion.begin_anew()
        enough = not run.config.eval_steps and self._evaluate()
        if enough or run.feed.cursor.pass_number >= run.config.epochs:
            return False
        run.feed.rewind()
        self._committer.commit(self._trainer)
        return True

    def _before_optimizer(self) -> None:
        self._bad = self._trainer.undo_bad_step()
        undone = any(bad.reason is DeadLetterReason.NAN_LOSS for bad in self._bad.values())
        self._nan_streak = self._nan_streak + 1 if undone else 0

    def step_done(self) -> None:
        """After an optimizer step: say what it cost, count it as done, and commit when it is time."""
        run, batch = self.run, self.batch
        assert batch is not None
        self._until_first_step.close()
        run.claim.journal.sync()
        (run.options.run_dir / AT_FAULT).unlink(missing_ok=True)
        if not self._nan_streak:
            self.publish_losses(batch, self.source.losses)
        run.feed.trained(batch, self._bad, self.source.unrewarded())
        if self._nan_streak >= NAN_LIMIT:
            self._committer.commit(
                self._trainer
            )  # the weights are sound; a restart that met the same batches again would end here for ever
            raise PeltonError(
                f"{NAN_LIMIT} steps in a row had no finite loss; see `pelton dead-letters list --reason nan_loss`. If the data is to blame,"
                " start the run again: it goes on without them; else lower --lr, or begin anew --from-checkpoint an older one"
            )
        loss = self.source.step_loss()
        if loss is not None and not self._nan_streak:
            run.monitor.step(batch.step, loss, self._trainer.last_learning_rate())
        if run.config.eval_steps and batch.step % run.config.eval_steps == 0:
            self._enough = self._evaluate()
        self._committer.after_step(self._trainer, batch.step)

    def publish_losses(self, batch: StepBatch, losses: list[ExampleLoss]) -> None:
        """Publish what each sample cost. Where none has a loss of its own (a policy gradient), what prompts earned is on `rewards`."""
        if not losses:
            return
        run, now = self.run, time.time()
        headers = [(PRODUCER_HEADER, f"trainer.{run.options.run_id}".encode())]
        trained = [item for item in batch.items if item.sample.sample_id not in self._bad]
        for item, (loss, tokens) in zip(trained, losses, strict=True):
            sample = item.sample
            event = SampleLoss(
                event_id=f"{run.options.run_id}/{batch.pass_number}/{sample.sample_id}",
                run_id=run.options.run_id,
                pass_number=batch.pass_number,
                step=batch.step,
                sample_id=sample.sample_id,
                loss=loss,
                tokens=tokens,
                sample=sample,
                trained_at=now,
            )
            run.producer.send(run.settings.topics.losses, sample.sample_id, event, headers)

    def _evaluate(self) -> bool:
        """Measure val_metric on the validation samples; True when training should stop early.

        What was trained is committed before: an evaluation that fails is told, left out, and tried again when the next one is due.
        """
        run = self.run
        self._committer.commit(self._trainer)
        try:
            found = self._measure()
        except Exception as error:  # what a model's own code raises can be anything
            if isinstance(error, Fenced) or run.group.size > 1:  # the others stand in the middle of it
                raise
            why = f"{type(error).__name__}: {' '.join(str(error).split())}"
            logger.error("the evaluation at step %d failed, and is left out: %s", run.feed.cursor.step, why)
            return False
        if found is None:
            return False
        run.monitor.evaluated(run.feed.cursor.step, found.val_metric, found.values)
        enough = run.early_stopping.update(found.measure, found.val_metric)
        if enough:
            state = run.early_stopping.state
            logger.warning(
                "val_metric (%s) has not improved in %d evaluations (best %s): stopping early", found.measure, state.since_best, state.best
            )
        return enough

    def _measure(self) -> Evaluation | None:
        run = self.run
        held_out = list(run.feed.held_out.validation.values())
        rows = -(-run.config.batch_size // run.config.accumulation)
        if held_out:
            logger.info("evaluating on %d held-out samples", len(held_out))
        with run.timings("evaluating"), run.interruptible():
            run.group.send_if_sharded(Command.EVALUATE, self._objective, held_out, rows)
            model, tokenizer = run.loaded.model, run.loaded.tokenizer
            return spec_of(self._kind).evaluate(self._trainer, model, tokenizer, held_out, self._prepare, rows)

    def _prepare(self, sample: TrainingSample) -> AnyExample:
        return prepare(sample, self.run.loaded.tokenizer, self.run.config)
