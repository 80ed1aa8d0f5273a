"""A rank other than 0: no broker, no files, no metrics; it trains, and answers, its rows of what rank 0 gives it."""

from __future__ import annotations

import logging
import signal
import tempfile
from pathlib import Path
from typing import Any

from schemas.training_sample import Objective, TrainingSample
from trainer_node.config import TrainConfig
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Command, ProcessGroup

logger = logging.getLogger(__name__)


class Follower:
    """Does what rank 0 commands, until that says stop."""

    def __init__(self, config: TrainConfig, group: ProcessGroup) -> None:
        self.config = config
        self.group = group
        self._trainer: Any = None

    def run(self) -> None:
        """Load, train, stop, as commanded.

        Raises:
            PeltonError: rank 0 is gone.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # rank 0 finishes the step and says when it is over
        self.group.handlers = {
            Command.LOAD: self._load,
            Command.TRAIN: self._train,
            Command.RANDOM_STATE: self._random_state,
            Command.EVALUATE: self._evaluate,
            Command.ANSWER: self._answer,
        }
        command, _ = self.group.next_command()
        assert command is Command.STOP, command
        self._trainer = None
        self.group.close()

    def _load(self, checkpoint: Path | None) -> None:
        from trainer_node.models.restore import load_for_training

        self.loaded = load_for_training(self.config, checkpoint, self.group.sharding)

    def _train(self, objective: Objective, checkpoint: Path | None) -> None:
        """Train until the stream ends; other commands come meanwhile, where the trainer waits for its next step."""
        from trainer_node.training.callbacks import StepCallback
        from trainer_node.training.factory import build_source, ready_trainer

        kind = self.config.trainer.of(objective)
        callback = StepCallback(lambda: self._trainer.undo_bad_step(), lambda: None)
        with tempfile.TemporaryDirectory() as folder:
            self._trainer = ready_trainer(kind, self.loaded, self.config, Path(folder), [callback], checkpoint)
            pad = self.loaded.tokenizer.pad_token_id
            self._trainer.feed_from(build_source(kind, self.config, pad, None, None, self.group))
            self._trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def _random_state(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._trainer._save_rng_state(folder)
            self.group.gather((Path(folder) / f"rng_state_{self.group.rank}.pth").read_bytes())

    def _evaluate(self, objective: Objective, held_out: list[TrainingSample], batch: int) -> None:
        from trainer_node.training.factory import spec_of

        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        spec = spec_of(self.config.trainer.of(objective))
        spec.evaluate(self._trainer, model, tokenizer, held_out, lambda sample: prepare(sample, tokenizer, self.config), batch)

    def _answer(self, prompts: list[TrainingSample]) -> None:
        from trainer_node.models.generation import answer

        answer(self.loaded.model, self.loaded.tokenizer, prompts, self.config.max_new_tokens)
