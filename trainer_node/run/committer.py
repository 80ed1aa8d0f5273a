"""When a run commits, and what it says of itself then."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer_node.commit.manifest import RunState
from trainer_node.commit.state import FeedState
from trainer_node.models.restore import save_for_resume

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext
    from trainer_node.training.base import StreamTrainer


class Committer:
    """Commits a run's state between two optimizer steps, where something has changed since the last commit."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        resumed = run.claim.resumed
        self._serial = resumed.manifest.serial if resumed else 0
        self._committed: FeedState | None = self._state() if resumed else None

    @property
    def is_due(self) -> bool:
        """Whether nothing of the current objective has been committed yet: the journal is to begin after a checkpoint of its own."""
        return self._committed is None

    def begin_objective(self) -> None:
        """Another objective is trained from here on: a checkpoint comes before its first batch, so that no journal spans two."""
        self._committed = None

    def commit(self, trainer: StreamTrainer[Any]) -> None:
        """Commit the state as it is now, unless nothing has changed since the last commit.

        Raises:
            Fenced: a newer incarnation has taken over.
            CheckpointError: it could not be written.
        """
        run, state = self._run, self._state()
        if state == self._committed:
            return
        with run.timings("checkpoints"):
            run.claim.store.commit(
                lambda: self._describe(state), lambda folder: self._write_files(trainer, folder), self._flush, run.claim.publisher
            )
        self._committed = state

    def _state(self) -> FeedState:
        return self._run.feed.snapshot(self._run.early_stopping.state)

    def _flush(self) -> None:
        self._run.producer.flush(waiting=self._run.group.heartbeat)
        self._serial += 1

    def _describe(self, state: FeedState) -> RunState:
        run = self._run
        return RunState(
            run_id=run.options.run_id,
            step=state.step,
            serial=self._serial,
            config_hash=run.config.hash(),
            parent=run.claim.lineage,
            base_model=run.config.model,
            feed=state,
            metrics={name: value for name, value in run.monitor.values.items() if math.isfinite(value)},
        )

    def _write_files(self, trainer: StreamTrainer[Any], folder: Path) -> None:
        save_for_resume(trainer, self._run.loaded, folder)
        self._run.group.save_random_states(folder)
