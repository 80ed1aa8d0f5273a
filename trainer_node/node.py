"""One incarnation of a run, from start to end: `TrainerNode.run` reads from top to bottom what a run does."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

from schemas.errors import UserError
from schemas.training_sample import Objective
from streams.kafka.connection import name_clients
from streams.kafka.settings import KafkaSettings
from streams.metrics import INSTALLATION_INFO, start_metrics
from trainer_node.config import TrainConfig
from trainer_node.distributed.process_group import ALONE, ProcessGroup
from trainer_node.distributed.sharding_plan import asked_for
from trainer_node.options import RunOptions, Timings
from trainer_node.run.band_lag import look_at_lag, watching_lag
from trainer_node.run.context import RunContext, open_run
from trainer_node.run.follower import Follower
from trainer_node.run.held_out_prompts import ask_held_out
from trainer_node.run.progress import Snapshot
from trainer_node.run.told import told_of
from trainer_node.stopping import Stopped, Stopping, on_signals

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunSummary:
    """What one incarnation did, for whoever started it; kept in the run's folder as `trainer-e<epoch>.json`."""

    run_id: str
    epoch: int
    """Fencing epoch."""
    step: int
    """Optimizer steps of the run, in all."""
    samples_trained: int
    """Of the run, in all; each pass counts."""
    outcomes: dict[str, int]
    """Of this incarnation: records by what became of them, as the ledger calls it; each pass counts."""
    variants_trained: int
    """Of this incarnation, among those trained; each pass counts."""
    rewards_late: int
    """Rewards that did not come in time."""
    checkpoint_s: list[float]
    """Duration of each commit, in seconds; the newest thousand."""
    timings: dict[str, float]
    """Seconds by what they were spent on."""
    metrics: dict[str, float]
    """Newest values: training_loss, val_metric and others."""
    wall_s: float
    """Seconds since the start."""
    backend: str
    """`unsloth` or `hf`."""
    device: str
    """As torch writes it."""
    reward_policies: list[str]
    """By which policies answers were judged in this incarnation."""
    reward_hacking: str | None
    """Whether the reward rose while answers got worse, in a line."""
    flat_groups: int
    """Prompts of this incarnation all of whose answers earned the same."""
    refilled_prompts: int
    """Prompts of this incarnation that were asked in the place of such (`refill`)."""
    taught_nothing: str | None
    """Why rewards taught nothing, where no step of the run learnt from one."""
    bits: int
    """Of a weight of the base model, as held."""


class TrainerNode:
    """One incarnation of a run, at rank 0."""

    def __init__(self, settings: KafkaSettings, config: TrainConfig, options: RunOptions, group: ProcessGroup = ALONE) -> None:
        self._settings = settings
        self._config = config
        self._options = options
        self._group = group
        self._timings = Timings()
        self._stopping = Stopping()
        self._told = False
        self._started = time.monotonic()
        self._grace: threading.Timer | None = None
        self._run: RunContext | None = None
        self.summary: RunSummary | None = None
        """Set when `run` has returned."""

    def run(self) -> None:
        """Train until stopped, or until everything is consumed where that was asked for.

        Raises:
            UserError: something the user can mend.
            Fenced: a newer incarnation has taken over.
        """
        name_clients("trainer", self._options.run_id)
        with contextlib.ExitStack() as stack:
            stack.callback(self._end_grace)
            options = self._options
            INSTALLATION_INFO.labels("trainer", self._settings.bootstrap_servers, self._settings.topic_prefix).set(1)
            server = start_metrics("trainer", options.metrics_port, options.metrics_host, self._waiting_for, self._remarks)
            stack.enter_context(server)
            try:
                with self._interruptible():
                    run = open_run(stack, self._settings, self._config, self._options, self._group, self._stopping, self._timings)
                self._run = run
                run.progress.went_on_from(run.feed.cursor.step, run.feed.cursor.samples_trained)
                server.announce(options.run_dir, options.run_id)
                stack.enter_context(told_of(run))
                self._work(run)
            except Stopped:
                self._tell()
                logger.warning("stopped where nothing is lost by it: a start of the same run goes on from the newest checkpoint")
            if self._run is not None:
                self.summary = self._write_summary(self._run)
            self._group.close()

    def _work(self, run: RunContext) -> None:
        if run.claim.resumed is None:
            with self._interruptible():
                ask_held_out(run, "before")
        from trainer_node.run.loop import TrainingLoop  # imports torch, as `open_run` has by now

        with watching_lag(run):
            TrainingLoop(run).train()
        if not self._stopping.is_set():
            with self._interruptible():
                look_at_lag(run)  # the last look beside the training was before its end
                ask_held_out(run, "after")
            run.claim.publisher.finish()  # a run that is stopped publishes at its next start: its grace is for the checkpoint

    def _interruptible(self) -> contextlib.AbstractContextManager[None]:
        """Of several processes none may end in the midst of what they do together."""
        return self._stopping.interruptible() if self._group.size == 1 else contextlib.nullcontext()

    def stop(self, *_: Any) -> None:
        """Finish the step, commit, end; at once where nothing has been trained yet. Safe to call from any thread."""
        self._stopping.set()
        self._tell()
        if self._grace is None:
            self._grace = threading.Timer(self._config.grace_s, self._give_up)
            self._grace.daemon = True
            self._grace.start()

    def _tell(self) -> None:
        told, self._told = self._told, True
        if not told:
            logger.warning("stopping")

    def interrupt(self) -> None:
        """Called by a signal's handler, on the main thread: ends what can be done again."""
        self._stopping.set()
        self._stopping.interrupt()

    def snapshot(self) -> Snapshot:
        """What it is at. From any thread."""
        return self._run.progress.snapshot() if self._run is not None else Snapshot("loading the model")

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop, rather than came to its end."""
        return self._stopping.is_set()

    def raise_if_fruitless(self) -> None:
        """Where a run that has come to its end was to learn from rewards, and did not.

        Raises:
            UserError: why.
        """
        if self.stopped or self.summary is None:
            return
        if self._config.objectives == (Objective.PROMPT,) and not self.summary.samples_trained:
            raise UserError("no prompt came that could be trained on; `pelton lag` shows what the topics hold")
        if self.summary.taught_nothing:
            raise UserError(self.summary.taught_nothing)

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()

    def _give_up(self) -> None:
        logger.error("the step did not end within %.0f s; stopping without a checkpoint, nothing is lost", self._config.grace_s)
        os._exit(1)

    def _waiting_for(self) -> str | None:
        """What `/readyz` says; None when the node is at work."""
        if self._run is None:
            return "loading the model"
        if not self._run.consumer.connected:
            return "the broker is away"
        return next(iter(self._run.waiting.faults), None)

    def _remarks(self) -> tuple[str, ...]:
        if self._run is None:
            return ()
        remark = self._run.without_facts.remark
        return (*self._run.waiting.remarks, *([remark] if remark else []))

    def _write_summary(self, run: RunContext) -> RunSummary:
        epoch, cursor = run.claim.fence.epoch, run.feed.cursor
        summary = RunSummary(
            run_id=self._options.run_id,
            epoch=epoch,
            step=cursor.step,
            samples_trained=cursor.samples_trained,
            outcomes=dict(run.feed.admission.outcomes),
            variants_trained=run.feed.admission.variants_trained,
            rewards_late=run.rewards.late,
            checkpoint_s=run.claim.store.seconds,
            timings=self._timings.seconds,
            metrics=run.monitor.values,
            wall_s=time.monotonic() - self._started,
            backend=run.loaded.backend,
            device=run.loaded.device,
            reward_policies=sorted(run.rewards.policies),
            reward_hacking=run.watch.warning,
            flat_groups=run.watch.flat_groups,
            refilled_prompts=run.watch.refilled_prompts,
            taught_nothing=run.spread.why_nothing(is_whole=run.claim.resumed is None or not run.claim.resumed.manifest.step),
            bits=run.loaded.bits,
        )
        path = self._options.run_dir / f"trainer-e{epoch:06d}.json"
        path.write_text(json.dumps(asdict(summary), indent=1), encoding="utf-8")
        return summary


Beside = Callable[[TrainerNode], AbstractContextManager[object]]
"""What is entered around a node's work: a display of its progress, say."""


def run_node(settings: KafkaSettings, config: TrainConfig, options: RunOptions, beside: Beside = lambda node: nullcontext()) -> bool:
    """Run one incarnation that stops on signals; of several processes, each calls this, and rank 0 has `beside` around its work.

    Returns:
        Whether it was told to stop, rather than came to its end.

    Raises:
        ConfigError: weights are to be sharded as they cannot be.
        UserError: the run has come to its end and has learnt nothing from rewards, though it was to.
    """
    group = ProcessGroup.join(asked_for(config))
    if group.rank:
        Follower(config, group, options.run_dir).run()
        return False
    node = TrainerNode(settings, config, options, group)
    stop_on_signals(node)
    with beside(node):
        node.run()
    node.raise_if_fruitless()
    return node.stopped


def stop_on_signals(node: TrainerNode) -> None:
    """From now on SIGTERM and SIGINT mean: finish the step, commit, exit 0."""
    on_signals(node.stop, node.interrupt)
