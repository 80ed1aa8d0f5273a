"""A rank other than 0: it trains, and answers, its rows of what rank 0 gives it. No broker, no metrics, and of files only a step's note."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.training_sample import Objective, TrainingSample
from streams.scratch import scratch_folder
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepExamples
from trainer_node.data.examples import AnyExample
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command, ProcessGroup
from trainer_node.kinds import TrainerKind
from trainer_node.run.beside import left_out_if_it_raises
from trainer_node.run.libraries import import_libraries

if TYPE_CHECKING:
    from trainer_node.training.lanes import Lane

logger = logging.getLogger(__name__)


class Follower:
    """Does what rank 0 commands, until that says stop."""

    def __init__(self, config: TrainConfig, group: ProcessGroup, run_dir: Path | None = None) -> None:
        """`run_dir`: where a step that raises here is noted."""
        self.config = config
        self._run_dir = run_dir
        self.group = group
        self._lanes: dict[Objective, Lane[StepExamples]] = {}

    def run(self) -> None:
        """Load, train, stop, as commanded.

        Raises:
            PeltonError: rank 0 is gone.
        """
        import_libraries()
        from trainer_node.training.lanes import beside_lanes

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # rank 0 finishes the step and says when it is over
        with scratch_folder() as folder:
            self.group.handlers = {
                Command.LOAD: self._load,
                Command.TRAIN: lambda kind, checkpoint: self._begin(kind, checkpoint, Path(folder)),
                Command.GO_ON: self._go_on,
                Command.REFERENCE: self._renew_reference,
                Command.STEP: self._step,
                Command.RANDOM_STATE: self._random_state,
                Command.EVALUATE: self._evaluate,
                Command.ANSWER: self._answer,
            }
            beside_lanes(self._obey)
        self._lanes.clear()
        self.group.close()

    def _obey(self) -> None:
        command, _ = self.group.next_command()
        assert command is Command.STOP, command

    def _load(self, checkpoint: Path | None) -> None:
        from trainer_node.models.restore import load_for_training

        self.loaded = load_for_training(self.config, checkpoint, self.group.sharding)
        from transformers import set_seed

        set_seed(self.config.seed + self.group.rank)

    def _begin(self, kind: TrainerKind, checkpoint: Path | None, folder: Path) -> None:
        """Build a trainer, as rank 0 does now."""
        from trainer_node.models.random_state import random_state_kept
        from trainer_node.training.callbacks import StepCallback
        from trainer_node.training.factory import build_source, ready_trainer
        from trainer_node.training.lanes import Lane

        lane: Lane[StepExamples] = Lane()

        def before_optimizer() -> None:
            lane.trainer.undo_bad_step()

        callback = StepCallback(before_optimizer, lambda: None)
        with random_state_kept():
            trainer = ready_trainer(kind, self.loaded, self.config, folder, [callback], checkpoint)
            source = build_source(kind, self.config, self.loaded.tokenizer.pad_token_id, None, None, self.group)
            source.receive_from(lane.next_step)
            lane.begin(trainer, source, checkpoint, self._run_dir)
        self._lanes[kind.facts.objective] = lane

    def _step(self, examples: StepExamples | None) -> None:
        """The step's trainer takes it; or the one that began first comes to its end, as at rank 0."""
        if examples is not None:
            self._lanes[examples.objective].train(examples)
        elif self._lanes:
            self._lanes.pop(next(iter(self._lanes))).end()

    def _go_on(self, checkpoint: Path) -> None:
        from trainer_node.run.trainers import go_on_from

        go_on_from(self.loaded.model, checkpoint, self.group.rank, self.group.size)

    def _renew_reference(self) -> None:
        from trainer_node.models.adapters import add_reference

        add_reference(self.loaded.model)

    def _random_state(self) -> None:
        from trainer_node.models.random_state import random_state

        self.group.gather(random_state())

    def _evaluate(self, kind: TrainerKind, held_out: list[TrainingSample], batch: int, labels: tuple[str, ...]) -> None:
        from trainer_node.training.factory import spec_of

        model, tokenizer, lane = self.loaded.model, self.loaded.tokenizer, self._lanes[kind.facts.objective]

        def prepared(sample: TrainingSample) -> AnyExample:
            return prepare(sample, tokenizer, self.config)

        self._beside(lambda: spec_of(kind).evaluate(lane.trainer, model, tokenizer, held_out, prepared, batch, labels))

    def _answer(self, prompts: list[TrainingSample], temperature: float, keys: list[int] | None) -> None:
        from trainer_node.models.generation import answer

        model, tokenizer, most = self.loaded.model, self.loaded.tokenizer, self.config.max_new_tokens
        self._beside(lambda: answer(model, tokenizer, prompts, most, temperature, keys))

    def _beside(self, make: Callable[[], object]) -> None:
        """As rank 0 does, and goes on from where it raises."""
        what = f"what rank 0 has asked of process {self.group.rank}"
        left_out_if_it_raises(self.group, self.loaded.model, what, lambda: self.group.made_alike(make))
