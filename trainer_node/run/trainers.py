"""The trainers of a run on rank 0: built when the first batch of their objective comes, and all alive from then on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import set_seed

from schemas.errors import BadRecord, ConfigError, PeltonError
from schemas.training_sample import Objective, TrainingSample
from trainer_node.commit.durable import write_durably
from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.raised_step import RaisedStep
from trainer_node.config import needs_reference
from trainer_node.data.batch import StepBatch, Suspicion, WaitingSample
from trainer_node.data.examples import AnyExample
from trainer_node.distributed.process_group import Command
from trainer_node.models.adapters import add_reference, has_reference, load_reference
from trainer_node.models.random_state import load_random_state, random_state, random_state_kept
from trainer_node.models.restore import save_for_resume
from trainer_node.training.batch_source import BatchSource, StepHooks
from trainer_node.training.callbacks import StepCallback
from trainer_node.training.factory import build_source, ready_trainer
from trainer_node.training.lanes import Lane
from trainer_node.training.sample_scores import example_losses, mean_advantages
from trainer_node.training.taking_apart import ModelAtFault, StepRaised

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext
    from trainer_node.training.base import StreamTrainer

logger = logging.getLogger(__name__)

AT_FAULT = "model_at_fault.txt"
"""In the run's folder, where the last start ended because nothing could be trained: the next one tries the model before its first batch."""


class Trainers:
    """One for each objective that has come, over one model."""

    def __init__(self, run: RunContext, meanwhile: Callable[[], None] | None = None) -> None:
        """`meanwhile`: done in each micro-batch while a device trains; unset, what has come is taken in."""
        self._run = run
        self._meanwhile = meanwhile or run.feed.intake
        self._lanes: dict[Objective, Lane[StepBatch]] = {}
        self._stepped = False
        self._batch: StepBatch | None = None
        self._new: set[Objective] = set()
        self._note = run.options.run_dir / AT_FAULT
        self._raised = self._raised_before()
        self.bad: dict[str, BadRecord] = {}
        """Samples of the last step, by id, that were left out of it, with the reason."""
        self.advantages: dict[str, float] = {}
        """Of the last step's prompts, by id: how far their answers' rewards lie from their mean, on average."""
        self.seconds = 0.0
        """How long the last step took."""
        self.reference_step = run.claim.resumed.manifest.reference_step if run.claim.resumed else None
        """Optimizer step whose weights are the reference; None where nothing is compared with one."""
        set_seed(run.config.seed)

    def __contains__(self, objective: object) -> bool:
        return objective in self._lanes

    def trainer(self, objective: Objective) -> StreamTrainer[Any]:
        """The one of an objective that has come."""
        return self._lanes[objective].trainer

    def source(self, objective: Objective) -> BatchSource[Any]:
        """Where an objective's trainer says what a step has cost."""
        return self._lanes[objective].source

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Build the trainers that a checkpoint has, and go on with its reference and its random state."""
        run = self._run
        for objective in run.kinds:
            if folder := checkpoint.folder_of(objective):
                self.open(objective, folder)
        for objective in set(checkpoint.manifest.trainers) - set(run.kinds):
            logger.warning("%s is not trained from here on: its optimizer begins anew where it is again", objective.value)
        run.group.send(Command.GO_ON, checkpoint.path)
        go_on_from(run.loaded.model, checkpoint.path, 0, run.group.size)

    def open(self, objective: Objective, folder: Path | None = None) -> None:
        """Build an objective's trainer, from its folder in a checkpoint or anew. The random state stays what it is.

        Raises:
            ConfigError: the checkpoint is of another kind of trainer.
        """
        run, kind = self._run, self._run.kinds[objective]
        lane: Lane[StepBatch] = Lane()
        pad, hooks = run.loaded.tokenizer.pad_token_id, self._hooks()
        with run.timings(f"building the trainer ({objective.value})"), run.interruptible(), random_state_kept():
            run.group.send(Command.TRAIN, kind, folder)
            source = build_source(kind, run.config, pad, lane.next_step, self._rewards_of, run.group, hooks)
            had_one = has_reference(run.loaded.model)
            callback = StepCallback(lambda: self._before_optimizer(objective), lambda: None)
            trainer = ready_trainer(kind, run.loaded, run.config, run.options.run_dir, [callback], folder)
            lane.begin(trainer, source, folder, run.options.run_dir)
        if not had_one and has_reference(run.loaded.model):
            self.reference_step = run.feed.cursor.step
        self._lanes[objective] = lane
        self._new |= {objective} if folder is None else set()

    def _hooks(self) -> StepHooks:
        on_cuda = self._run.loaded.device.startswith("cuda")
        window = self._run.consumer.gil_window if on_cuda else nullcontext
        return StepHooks(self._meanwhile, window, self._answered, self._further)

    def _before_optimizer(self, objective: Objective) -> None:
        self.bad = self._lanes[objective].trainer.undo_bad_step()

    def train(self, batch: StepBatch) -> None:
        """One optimizer step. Raises what the trainer raises.

        The first of a trainer may compile for minutes, and nothing of it is lost that the checkpoint before it does not have.
        """
        self.bad, self.advantages, self._batch, began = {}, {}, batch, time.monotonic()
        is_first = not self._stepped or batch.objective in self._new
        suspected = replace(batch, suspicion=self._suspicion(batch))
        try:
            with self._run.timings(f"training ({batch.objective.value})"), self._run.interruptible() if is_first else nullcontext():
                self._lanes[batch.objective].train(suspected)
        except ModelAtFault as error:
            write_durably(self._note, str(error).encode())
            raise
        except PeltonError as error:
            raised = RaisedStep.read(self._run.options.run_dir)
            if isinstance(error, StepRaised) or raised in (None, self._raised):
                raise
            raise StepRaised(str(raised)) from error
        self.seconds = time.monotonic() - began
        self._stepped, self._new = True, self._new - {batch.objective}
        self._note.unlink(missing_ok=True)

    def _raised_before(self) -> RaisedStep | None:
        """The step that ended an earlier start, as long as no checkpoint has it."""
        folder, resumed = self._run.options.run_dir, self._run.claim.resumed
        raised = RaisedStep.read(folder)
        if raised and resumed and resumed.manifest.step >= raised.step:
            RaisedStep.forget(folder)
            return None
        return raised

    def _suspicion(self, batch: StepBatch) -> Suspicion | None:
        """Why a batch is to be tried first: the same samples may be chosen otherwise than they were, so any of them will do."""
        raised = self._raised
        if raised and not {item.sample.sample_id for item in batch.items} & set(raised.sample_ids):
            raised = None
        of_model = self._note.exists()
        return Suspicion(of_model, raised) if of_model or raised else None

    def _answered(self, step: int, prompt: TrainingSample, completion: str) -> None:
        """An answer is complete. A signal does not cut its sending in two, though a first step may be left where it stands."""
        with self._run.stopping.shielded():
            self._run.rewards.answered(step, prompt, completion)

    def _further(self, wanted: int) -> list[WaitingSample]:
        """More prompts for the step under way."""
        assert self._batch is not None
        with self._run.stopping.shielded():
            items = self._run.feed.further(self._batch, wanted)
        self._run.watch.refilled(len(items))
        return items

    def _rewards_of(self, step: int, prompts: Sequence[TrainingSample], completions: Sequence[str]) -> list[float | None]:
        """See `RewardClient.rewards_of`, which knows how long a step that is to be the last may wait."""
        with self._run.stopping.shielded():
            rewards = self._run.rewards.rewards_of(step, prompts, completions)
        self.advantages |= mean_advantages([prompt.sample_id for prompt in prompts], rewards)
        return rewards

    def losses_of(self, examples: Sequence[AnyExample]) -> list[float]:
        """The model's own loss on each of these, before they are trained on; nothing is learnt.

        Raises:
            ConfigError: no process has all of the weights.
        """
        loaded = self._run.loaded
        if self._run.group.sharding is not None:
            raise ConfigError("--curriculum loss asks one process for losses, and weights are sharded over several: choose another order")
        rows = max(1, self._run.config.batch_size // self._run.config.accumulation)
        with self._run.timings("scoring"), random_state_kept():
            return example_losses(loaded.model, examples, loaded.tokenizer.pad_token_id, rows)

    def compares(self, objective: Objective) -> bool:
        """Whether an objective's trainer compares with the reference."""
        return needs_reference(self._run.kinds[objective], self._run.config)

    def renew_reference(self) -> None:
        """The policy as it is now is what is compared with from here on."""
        self._run.group.send(Command.REFERENCE)
        add_reference(self._run.loaded.model)
        self.reference_step = self._run.feed.cursor.step

    def kinds(self) -> dict[Objective, str]:
        """By objective: what a checkpoint says of its trainers."""
        return {objective: self._run.kinds[objective].value for objective in self._lanes}

    def save(self, folder: Path) -> None:
        """Write weights, what each trainer needs to go on, and the random state of each process."""
        group = self._run.group
        trainers = {objective: lane.trainer for objective, lane in self._lanes.items()}
        save_for_resume(trainers, self._run.loaded, folder, group.random_states(random_state()))

    def end(self) -> None:
        """No more batches."""
        for lane in self._lanes.values():
            lane.end()
        self._lanes.clear()


def go_on_from(model: Any, folder: Path, rank: int, processes: int) -> None:
    """Reference and random state of a checkpoint, once all its trainers stand: to build one changes both."""
    if (folder / "ref").is_dir():
        load_reference(model, folder)
    load_random_state(folder, rank, processes)
