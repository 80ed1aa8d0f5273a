"""The training loop: which objective's trainer takes the next step, and what is between two steps.

Passes, evaluation, early stopping, commits, and what is published of a step stand here; who trains, in `run.trainers`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from schemas.errors import DeadLetterReason, PeltonError, TooManyDeadLetters
from schemas.sample_loss import SampleLoss
from schemas.topics import PRODUCER_HEADER
from schemas.training_sample import Objective
from streams import metrics
from trainer_node.commit.ledger import Outcome
from trainer_node.commit.manifest import Checkpoint
from trainer_node.data.batch import StepBatch
from trainer_node.run.beginning import Beginnings
from trainer_node.run.committer import IDLE_S, Committer
from trainer_node.run.context import RunContext
from trainer_node.run.evaluator import Evaluator
from trainer_node.run.held_out_prompts import ask_held_out
from trainer_node.run.monitor import gpu_vram_bytes
from trainer_node.run.prompts import PromptsAside
from trainer_node.run.sampled_prompts import sample_for_pairs
from trainer_node.run.trainers import Trainers
from trainer_node.run.warm_start import with_optimizers
from trainer_node.training.batch_source import ExampleLoss
from trainer_node.training.lanes import beside_lanes

logger = logging.getLogger(__name__)

NAN_LIMIT = 3
"""Steps in a row without a finite loss after which the node stops."""


class TrainingLoop:
    """Gives each step to the trainer of its objective, on the training thread of rank 0."""

    def __init__(self, run: RunContext, meanwhile: Callable[[], None] | None = None) -> None:
        """`meanwhile`: see `Trainers`."""
        self.run = run
        self.trainers = Trainers(run, meanwhile)
        self._committer = Committer(run, self.trainers)
        self._beginnings = Beginnings(run)
        self._evaluator = Evaluator(run, self.trainers, self._committer, self._beginnings)
        self._prompts = PromptsAside(run)
        self._nan_streak = 0
        run.feed.choice.score = lambda items: self.trainers.losses_of([item.example for item in items])
        self._ended: set[Objective] = set()

    def train(self) -> None:
        """Train until everything is done, training stops early, or the node is to stop.

        Raises:
            PeltonError: several steps in a row had no finite loss; another process of the training is gone.
            UserError: a step did not fit into memory.
        """
        beside_lanes(self._train)

    def _train(self) -> None:
        if checkpoint := self._begin_with():
            self.trainers.go_on_from(checkpoint)
        if self.run.options.until_consumed and self.run.config.objectives == (Objective.PREFERENCE,):
            sample_for_pairs(self.run)
        while (batch := self.next_batch()) is not None:
            self.trainers.train(batch)
            self.step_done(batch)
        self.trainers.end()

    def _begin_with(self) -> Checkpoint | None:
        run = self.run
        return run.claim.resumed or with_optimizers(run.claim.parent, run.kinds)

    # --- between two steps ---------------------------------------------------------------------------------------------------

    def next_batch(self) -> StepBatch | None:
        """The next batch, over the ends of passes and objectives; None ends training."""
        with self.run.stopping.shielded():
            return self._next_batch()

    def _next_batch(self) -> StepBatch | None:
        run = self.run
        if self._committer.is_due:
            self._committer.commit()
        while True:
            batch = self._next_of_feed() if run.feed.active else None
            if batch is not None:
                run.options.on_batch(batch)
                return batch
            if run.stopping.is_set() or not (run.feed.active and self._go_on_after_pass()):
                self._committer.commit()
                return None

    def _next_of_feed(self) -> StepBatch | None:
        """The feed's next batch. Where most records are bad, what is in the dead letters is committed before the node stops."""
        run, waited = self.run, self.run.feed.wait_s
        with run.timings("waiting for samples"):
            try:
                batch = run.feed.next_batch(run.completion.done, self._waiting(), self._before)
            except TooManyDeadLetters:
                self._committer.commit()
                raise
            finally:
                metrics.DATA_WAIT.labels(run.options.run_id).inc(run.feed.wait_s - waited)
        run.waiting.note("samples", None)
        return batch

    def _waiting(self) -> Callable[[], None]:
        """What is done again and again while there is nothing to train."""
        began = time.monotonic()

        def look() -> None:
            self.run.guard()
            self._prompts.look()
            idle_s = time.monotonic() - began
            self._committer.while_idle(idle_s)
            if idle_s >= IDLE_S:
                missing = self.run.upstream.look()
                self.run.waiting.note("samples", missing or self.run.completion.waits_for, is_fault=missing is not None)
                for objective in self.run.feed.active:
                    self._evaluate_if_due(objective, idle=True)

        return look

    def _before(self, objective: Objective) -> None:
        """Before a batch is chosen: its trainer stands, and where it is the first of a round, a checkpoint has what it begins with."""
        run = self.run
        standing, is_new = run.feed.cursor.standings[objective], objective not in self.trainers
        if is_new:
            self.trainers.open(objective)
            if not standing.steps:
                self._beginnings.keep(objective)
        elif not standing.begun and not run.feed.settings.interleaved and self.trainers.compares(objective):
            self.trainers.renew_reference()  # a run that is to end compares with the model as it was when an objective began
        if is_new or not standing.begun:
            run.feed.switch(objective)
            self._committer.commit()

    # --- passes --------------------------------------------------------------------------------------------------------------

    def _go_on_after_pass(self) -> bool:
        """Everything is consumed: begin another pass, or another objective; False where the run ends."""
        run = self.run
        run.completion.begin_anew()
        if self._begin_next_pass():
            return True
        if run.options.until_consumed:
            sample_for_pairs(run)
        following = self._next_objective()
        if following is None:
            return False
        run.feed.switch(following)
        return True

    def _begin_next_pass(self) -> bool:
        """Evaluate at the end of a pass; True when another follows, which is then begun."""
        run, standing = self.run, self.run.feed.cursor.current
        if not standing.begun or (standing.finished and self._is_over(run.feed.objective)):
            return False
        standing.finished = False
        enough = not run.config.eval_steps and self._evaluator.evaluate(run.feed.objective)
        if enough or standing.pass_of_round >= run.config.epochs:
            self._finish(run.feed.objective)
            return False
        run.feed.rewind()
        self._committer.commit()
        return True

    def _is_over(self, objective: Objective) -> bool:
        """Whether an objective that had done its passes has none left: a start may set more of them than the one before."""
        return objective in self._ended or self.run.feed.cursor.standings[objective].pass_of_round >= self.run.config.epochs

    def _finish(self, objective: Objective) -> None:
        self.run.feed.cursor.standings[objective].finished = True
        self._ended.add(objective)

    def _next_objective(self) -> Objective | None:
        """One that the log still has something of, that this start has not come to the end of."""
        run = self.run
        if not run.options.until_consumed or run.stopping.is_set():
            return None
        left = [objective for objective in run.kinds if objective is not run.feed.objective and objective not in self._ended]
        return next((objective for objective in left if run.feed.undone(objective)), None)

    def _stop_early(self, objective: Objective) -> None:
        """It gets no more steps."""
        run = self.run
        if run.options.until_consumed:
            self._finish(objective)
            if (following := self._next_objective()) is not None:
                run.feed.switch(following)
                return
        run.feed.put_aside(objective)
        self._ended.add(objective)
        if all(one in self._ended for one in run.kinds if one in self.trainers):
            for one in run.kinds:  # what has never come is not waited for
                run.feed.put_aside(one)

    # --- after a step --------------------------------------------------------------------------------------------------------

    def step_done(self, batch: StepBatch) -> None:
        """After an optimizer step: say what it cost, count it as done, and commit when it is time."""
        run, source, bad = self.run, self.trainers.source(batch.objective), self.trainers.bad
        run.claim.journal.sync()
        undone = any(one.reason is DeadLetterReason.NAN_LOSS for one in bad.values())
        if not undone:
            self.publish_losses(batch, source.losses)
        before = run.feed.cursor.samples_trained
        run.feed.trained(batch, bad, self._unlearnt(batch.objective))
        if not undone:
            run.feed.choice.saw(batch, self._learnt(batch, source.losses))
        tokens = 0 if undone else sum(one.tokens for one in source.losses)
        run.monitor.trained(batch.step, batch.objective, run.feed.cursor.samples_trained - before, tokens, self.trainers.seconds)
        if batch.objective is Objective.PROMPT:
            run.watch.stepped(self.trainers.trainer(batch.objective).answer_figures())
        self._count_nan(undone)
        loss = source.step_loss()
        self._note(batch, None if undone else loss)
        if loss is not None and not undone:
            rate = self.trainers.trainer(batch.objective).last_learning_rate()
            run.monitor.step(batch.step, loss, rate, batch.objective)
            if gap := self.trainers.trainer(batch.objective).sampling_gap():
                run.monitor.sampled(batch.step, gap)
        self._evaluate_if_due(batch.objective)
        self._watch_held_out(batch.objective)
        self._committer.after_step(batch.step)

    def _unlearnt(self, objective: Objective) -> dict[str, Outcome]:
        """Prompts of a step from which nothing was learnt, by id: no reward came, or they were left out for others."""
        source = self.trainers.source(objective)
        return dict.fromkeys(source.left_out(), Outcome.NO_SPREAD) | dict.fromkeys(source.unrewarded(), Outcome.UNREWARDED)

    def _learnt(self, batch: StepBatch, losses: list[ExampleLoss]) -> dict[str, float]:
        """What each sample of a step cost; where it has no loss of its own, the mean |advantage| of its answers."""
        if not losses:
            return self.trainers.advantages
        trained = [item.sample.sample_id for item in batch.items if item.sample.sample_id not in self.trainers.bad]
        return {sample_id: one.loss for sample_id, one in zip(trained, losses, strict=True)}

    def _note(self, batch: StepBatch, loss: float | None) -> None:
        run = self.run
        dead = run.feed.admission.outcomes[Outcome.DEAD_LETTER.value]
        rate = self.trainers.trainer(batch.objective).last_learning_rate() if loss is not None else None
        run.progress.stepped(batch, loss, rate, run.feed.wait_s, run.feed.cursor.samples_trained, dead, gpu_vram_bytes())

    def _watch_held_out(self, objective: Objective) -> None:
        """What is learnt from rewards is measured now and then by prompts that nothing is learnt from."""
        every = self.run.config.watch_steps
        if every and objective is Objective.PROMPT and self.run.feed.cursor.standings[objective].steps % every == 0:
            ask_held_out(self.run, "during")

    def _evaluate_if_due(self, objective: Objective, idle: bool = False) -> None:
        if self._evaluator.is_due(objective, idle) and self._evaluator.evaluate(objective):
            self._stop_early(objective)

    def _count_nan(self, bad: bool) -> None:
        self._nan_streak = self._nan_streak + 1 if bad else 0
        metrics.STEPS_UNDONE.labels(self.run.options.run_id).inc(int(bad))
        if self._nan_streak >= NAN_LIMIT:
            self._committer.commit()  # the weights are sound; a restart that met the same batches again would end here for ever
            raise PeltonError(
                f"{NAN_LIMIT} steps in a row had no finite loss; see `pelton dead-letters list --reason nan_loss`. If the data is to blame,"
                " start the run again: it goes on without them; else lower --lr, or begin anew --from-checkpoint an older one"
            )

    def publish_losses(self, batch: StepBatch, losses: list[ExampleLoss]) -> None:
        """Publish what each sample cost. Where none has a loss of its own (a policy gradient), what prompts earned is on `rewards`."""
        if not losses:
            return
        run, now = self.run, time.time()
        headers = [(PRODUCER_HEADER, f"trainer.{run.options.run_id}".encode())]
        trained = [item for item in batch.items if item.sample.sample_id not in self.trainers.bad]
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
