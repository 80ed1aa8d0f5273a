"""A process of a training that is not the first: no broker, no files, no metrics; it trains, and answers, its rows of what it is given."""

from __future__ import annotations

import logging
import signal
import tempfile
from pathlib import Path
from typing import Any

from schemas.training_sample import Objective, TrainingSample
from trainer_node.config import TrainConfig
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import Processes

logger = logging.getLogger(__name__)


class Follower:
    """Does what the first process orders, until that says stop."""

    def __init__(self, config: TrainConfig, processes: Processes) -> None:
        self.config = config
        self.processes = processes
        self._trainer: Any = None

    def run(self) -> None:
        """Load, train, stop, as ordered.

        Raises:
            PeltonError: the first process is gone.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the first process finishes the step and says when it is over
        self.processes.duties = {"random state": self._random_state, "evaluate": self._evaluate, "answer": self._answer}
        while (order := self.processes.next_order())[0] != "stop":
            if order[0] == "load":
                self._load(order[1])
            else:
                self._train(*order[1:])
        self._trainer = None
        self.processes.close()

    def _load(self, checkpoint: Path | None) -> None:
        from trainer_node.models.restore import load_for_training

        self.loaded = load_for_training(self.config, checkpoint, self.processes.sharding)

    def _train(self, objective: Objective, checkpoint: Path | None) -> None:
        from trainer_node.training.callbacks import StepCallback
        from trainer_node.training.factory import build_stream, kind_for, ready_trainer

        kind = kind_for(objective, self.config)
        callback = StepCallback(lambda: self._trainer.undo_bad_step(), lambda: None)
        with tempfile.TemporaryDirectory() as folder:
            self._trainer = ready_trainer(kind, self.loaded, self.config, Path(folder), [callback], checkpoint)
            pad = self.loaded.tokenizer.pad_token_id
            self._trainer.feed_from(build_stream(kind, self.config, pad, self.processes.following, None, self.processes))
            self._trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def _random_state(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self._trainer._save_rng_state(folder)
            self.processes.gather((Path(folder) / f"rng_state_{self.processes.rank}.pth").read_bytes())

    def _evaluate(self, objective: Objective, held_out: list[TrainingSample], batch: int) -> None:
        """The passes of the first process's evaluation, which needs this one's pieces; what is found, it knows itself."""
        from trainer_node.training.evaluation import evaluate

        model, tokenizer = self.loaded.model, self.loaded.tokenizer
        evaluate(self._trainer, model, tokenizer, objective, held_out, lambda sample: prepare(sample, tokenizer, self.config), batch)

    def _answer(self, prompts: list[TrainingSample]) -> None:
        """The passes of the first process's answers, likewise."""
        from trainer_node.models.generation import answer

        answer(self.loaded.model, self.loaded.tokenizer, prompts, self.config.max_new_tokens)
