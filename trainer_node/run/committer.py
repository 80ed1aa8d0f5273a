"""When a run commits, and what it says of itself then.

By steps, by time, and where the stream has fallen idle: a sample that was trained is not to wait for the next one to be safe.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from trainer_node.commit.held_out_file import write_held_out
from trainer_node.commit.manifest import RunState
from trainer_node.commit.state import FeedState
from trainer_node.models.adapters import lora_reach
from trainer_node.models.base import base_of_run
from trainer_node.run.heap import give_back
from trainer_node.run.record import RunRecord
from trainer_node.run.reference import ReferenceRenewal

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext
    from trainer_node.run.trainers import Trainers


IDLE_S = 5.0
"""Seconds without anything to train after which what was trained is committed."""
SHARE = 0.1
"""Of the time since the last commit, what the next one may take where it comes of idleness: samples that come one by one cost no more."""


class Committer:
    """Commits a run's state between two optimizer steps, where something has changed since the last commit."""

    def __init__(self, run: RunContext, trainers: Trainers) -> None:
        self._run = run
        self._trainers = trainers
        self._renewal = ReferenceRenewal(run, trainers)
        resumed = run.claim.resumed
        self._serial = resumed.manifest.serial if resumed else 0
        self._committed: FeedState | None = self._state() if resumed else None
        self._at = time.monotonic()
        source = run.claim.source
        self._base = base_of_run(run.config.model, source.manifest if source else None)  # of a hub, too: by now it is in the cache
        self._lora = lora_reach(run.loaded.model)
        self._record = RunRecord(run, self._base)

    @property
    def is_due(self) -> bool:
        """Whether nothing has been committed yet: the journal is to begin after a checkpoint of this run."""
        return self._committed is None

    def after_step(self, step: int) -> None:
        """Commit where so many steps or so much time has passed. Raises what `commit` does."""
        config = self._run.config
        if step % config.checkpoint_steps == 0 or time.monotonic() - self._at >= config.checkpoint_every:
            self.commit()

    def while_idle(self, idle_s: float) -> None:
        """Commit where the weights hold something new, or the time between two checkpoints is over. Raises what `commit` does.

        Args:
            idle_s: seconds for which there has been nothing to train.
        """
        run, since = self._run, time.monotonic() - self._at
        last = run.claim.store.seconds[-1:] or [0.0]
        trained = self._committed is None or run.feed.cursor.step != self._committed.step
        if (trained and idle_s >= IDLE_S and last[0] <= SHARE * since) or since >= run.config.checkpoint_every:
            self.commit()

    def commit(self) -> None:
        """Commit the state as it is now, unless nothing has changed since the last commit.

        Raises:
            Fenced: a newer incarnation has taken over.
            CheckpointError: it could not be written.
        """
        run, state = self._run, self._state()
        self._at = time.monotonic()
        if state == self._committed:
            return
        self._renewal.look()
        with run.timings("checkpoints"):

            def write(folder: Path) -> None:
                self._trainers.save(folder)
                write_held_out(folder, state.held_out)

            try:
                done = run.claim.store.commit(lambda: self._describe(state), write, self._flush, run.claim.publisher)
            except BaseException:
                run.monitor.commit_failed()
                raise
            run.monitor.committed(done, time.monotonic() - self._at)
        self._committed, self._at = state, time.monotonic()
        self._record.committed(state)
        run.progress.committed(f"step {state.step}", run.claim.store.seconds[-1], state.step)
        give_back()

    def _state(self) -> FeedState:
        return self._run.feed.snapshot()

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
            settings=run.config.changed(),
            base_identity=self._base.weights,
            base=self._base,
            precision=run.loaded.precision,
            lora=self._lora,
            parent=run.claim.lineage,
            base_model=run.config.model,
            feed=state,
            trainers=self._trainers.kinds(),
            reference_step=self._trainers.reference_step,
            metrics={name: value for name, value in run.monitor.values.items() if math.isfinite(value)},
        )
