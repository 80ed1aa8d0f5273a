"""The run loop: wire, train, stop cleanly.

`TrainerNode.run` reads from top to bottom what a run does. The training loop itself is TRL's; it comes back here for each batch
(`_next_batch`) and after each optimizer step (`_step_done`).
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import math
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from schemas.errors import BadRecord, ConfigError, PeltonError
from schemas.model_output import ModelOutput
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.dead_letters import Breaker, DeadLetterWriter
from streams.kafka.lag import LagReader
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.metrics import MetricsServer, start_metrics
from streams.node import group_name
from trainer_node.commit.fencing import Fence
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import Checkpoint, RunState
from trainer_node.commit.state import FeedState
from trainer_node.commit.store import START, CheckpointStore
from trainer_node.config import TrainConfig
from trainer_node.data.batch import StepBatch
from trainer_node.data.decoding import Decoder
from trainer_node.data.tokenization import prepare
from trainer_node.distributed.process_group import ALONE, Command, ProcessGroup
from trainer_node.distributed.sharding_plan import asked_for
from trainer_node.intake.consumer_thread import ConsumerThread
from trainer_node.intake.dead_lettered import dead_lettered_since
from trainer_node.intake.feed import Feed, FeedSettings
from trainer_node.intake.pacing import Pacing
from trainer_node.options import RunOptions, Timings
from trainer_node.rewards.client import JudgedStep, RewardClient
from trainer_node.rewards.outputs import model_outputs
from trainer_node.run.completion import Completion
from trainer_node.run.early_stopping import EarlyStopping
from trainer_node.run.follower import Follower
from trainer_node.run.monitor import Monitor
from trainer_node.run.publisher import Publisher
from trainer_node.run.warm_start import find_parent, inherited_state, lineage, trained_ids, with_optimizer
from trainer_node.training.batch_source import BatchSource, ExampleLoss, StepHooks

logger = logging.getLogger(__name__)

NAN_LIMIT = 3
"""Steps in a row without a finite loss after which the node stops."""


class TrainerNode:
    """One incarnation of a run."""

    def __init__(self, settings: KafkaSettings, config: TrainConfig, options: RunOptions, group: ProcessGroup = ALONE) -> None:
        self.settings = settings
        self.config = config
        self.options = options
        self.group = group
        self.timings = Timings()
        self.stopping = threading.Event()
        self._started = time.monotonic()
        self._nan_streak = 0
        self._serial = 0
        self._last_state: FeedState | None = None
        self._enough = False
        self.parent: Checkpoint | None = None
        self._lineage: dict[str, str] = {}
        self._grace: threading.Timer | None = None
        self._ready: str | None = "loading the model"
        self.early = EarlyStopping(config.patience)
        self._trainer: Any = None
        self._source: BatchSource[Any] | None = None
        self._batch: StepBatch | None = None
        self._bad: dict[str, BadRecord] = {}

    # --- the whole run -------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Train until stopped, or until everything is consumed where that was asked for.

        Raises:
            UserError: something the user can mend.
            Fenced: a newer incarnation has taken over.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self._end_grace)
            self._serve_metrics(stack)
            resumed = self._claim_run(stack)
            with self.timings("loading the model"):
                self._load_model(resumed)
                _spare_what_is_loaded()
            self._connect(stack, resumed)
            self._ready = None
            objective: Objective | None = self.feed.objective
            if resumed is None:
                self._ask("before")
            goes_on_from = resumed or with_optimizer(self.parent, self.feed.objective, self.config)
            while objective is not None and not self.stopping.is_set():
                self._train(objective, goes_on_from)
                goes_on_from, objective = None, self._next_objective(objective)
            if not self.stopping.is_set():
                self._ask("after")
                self.publisher.finish()  # a run that is stopped announces at its next start: its grace is for the checkpoint
            self._write_summary()
            self._trainer = self._source = None
            self.group.close()

    def stop(self, *_: Any) -> None:
        """Finish the step, checkpoint, end. Called by SIGTERM and SIGINT; safe to call from any thread."""
        self.stopping.set()
        if self._grace is None:
            self._grace = threading.Timer(self.config.grace_s, self._give_up)
            self._grace.daemon = True
            self._grace.start()

    def _end_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()

    def _give_up(self) -> None:
        logger.error("the step did not end within %.0f s; stopping without a checkpoint, nothing is lost", self.config.grace_s)
        os._exit(1)

    def _next_objective(self, objective: Objective) -> Objective | None:
        objectives = self.config.objectives
        position = objectives.index(objective) + 1
        if not self.options.until_consumed or position >= len(objectives) or self.stopping.is_set():
            return None
        self.feed.switch(objectives[position])
        self._enough = False
        self.early = EarlyStopping(self.config.patience)  # another objective, another measure
        self._last_state = None  # a checkpoint before its first batch, made by its own trainer: no journal spans two objectives
        return objectives[position]

    # --- wiring --------------------------------------------------------------------------------------------------------------

    def _serve_metrics(self, stack: contextlib.ExitStack) -> None:
        if self.options.metrics_port is not None:
            server: MetricsServer = start_metrics(self.options.metrics_port, ready=self._readiness)
            stack.callback(server.close)

    def _readiness(self) -> str | None:
        if self._ready:
            return self._ready
        return None if self.consumer.connected else "the broker is away"

    def _claim_run(self, stack: contextlib.ExitStack) -> Checkpoint | None:
        """Fence older incarnations off, in the run's folder and at the broker, and only then find what to go on from."""
        run_dir = self.options.run_dir
        run_dir.mkdir(parents=True, exist_ok=True)
        self.fence = Fence(run_dir)
        self.journal = Journal(run_dir / "journal", self.fence.epoch)
        stack.callback(self.journal.close)
        self.ledger = Ledger(run_dir / "ledger")
        self.store = CheckpointStore(
            run_dir, self.fence, self.journal, self.ledger, self.config.keep_checkpoints, self.options.on_commit_step
        )
        self.publisher = Publisher(self.settings, self.options.run_id)
        stack.callback(self.publisher.close)
        self.store.clean()
        resumed, refused = self.store.newest()
        for name, why in refused:
            logger.warning("checkpoint %s is refused: %s", name, why)
        if resumed is None:
            self.fence.resumed_from(0, 0)
            self.parent = find_parent(self.options.start, self.config)
            self._lineage = lineage(self.parent) if self.parent else {}
            return None
        if self.options.start.given:
            logger.warning("run %s goes on from its own checkpoint; where to start was for a new run", self.options.run_id)
        manifest = resumed.manifest
        if manifest.run_id != self.options.run_id:
            raise ConfigError(f"{run_dir} belongs to run {manifest.run_id!r}, not {self.options.run_id!r}: give another --run-dir")
        if manifest.feed.objective not in self.config.objectives:
            raise ConfigError(
                f"checkpoint {manifest.name} trains {manifest.feed.objective.value}; --trainer {self.config.trainer.value} does not"
            )
        if manifest.config_hash != self.config.hash():
            logger.warning("settings have changed since checkpoint %s; going on with the new ones", manifest.name)
        self.fence.resumed_from(manifest.epoch, manifest.serial)
        self.ledger.segments = list(manifest.segments)
        self._serial = manifest.serial
        self._lineage = manifest.parent
        logger.warning("epoch %d resumes from checkpoint %s", self.fence.epoch, manifest.name)
        return resumed

    def _load_model(self, resumed: Checkpoint | None) -> None:
        from trainer_node.models.restore import load_for_training

        source = resumed or self.parent
        self.group.send(Command.LOAD, source.path if source else None)
        self.loaded = load_for_training(self.config, source.path if source else None, self.group.sharding)

    def _connect(self, stack: contextlib.ExitStack, resumed: Checkpoint | None) -> None:
        settings, config, run_id = self.settings, self.config, self.options.run_id
        self.producer = Producer(settings, waits_for_broker=True)  # a run that ended because a broker was away would have to be restarted
        stack.callback(self.producer.close)
        letters = DeadLetterWriter(self.producer, settings, "trainer", run_id, Breaker())
        decode = Decoder(self.loaded.tokenizer, config)
        self.consumer = ConsumerThread(settings, group_name(settings, "trainer", run_id), decode, config.on_data_loss)
        objectives = dict.fromkeys((*config.objectives, Objective.PROMPT))
        bands = {objective: [topic.name for topic in settings.topics.bands(objective)] for objective in objectives}
        feed_settings = FeedSettings(run_id, config.batch_size * self.group.size, config.linger_s, config.repeat_horizon)
        self.feed = Feed(feed_settings, self.consumer, bands, letters, self.journal, self.ledger, Pacing(config.pace_steps), self.stopping)
        self.monitor = Monitor(run_id, self.options.run_dir, self.options.wandb_project, config.model_dump(mode="json"))
        stack.callback(self.monitor.close)
        self.rewards = RewardClient(
            settings,
            self.producer,
            run_id,
            config.reward_timeout_s,
            self.stopping,
            waiting=self.group.heartbeat,
            before_sending=self.journal.sync,  # nothing of a step gets out before its batch is on disk
            observe=self._step_judged,
        )
        lag = LagReader(settings)
        stack.callback(lag.close)
        self.completion = Completion(settings, self.options, self.feed, self.producer, lag)
        stack.callback(self.consumer.close)
        self.publisher.commit_through(self.consumer)
        replay = self.journal.take_over(resumed.manifest.name if resumed else START)
        if self.fence.epoch > 1:
            since = resumed.manifest.created_at if resumed else self.fence.first_claimed_at()
            self.feed.admission.already_sent = dead_lettered_since(settings, run_id, since)
        inherited = inherited_state(self.parent, self.options.start, config) if self.parent else None
        self.feed.begin(resumed.manifest.feed if resumed else inherited, replay, self.options.start)
        if resumed:
            self.early.state = resumed.manifest.feed.early_stopping
            self._last_state = self._state()
            self.publisher(resumed)  # the incarnation that made it may have been killed before it could say so
        elif self.parent and inherited and inherited.objective is self.parent.manifest.feed.objective:
            self.feed.remember(trained_ids(self.parent, set(bands[self.feed.objective]), config.repeat_horizon))

    def _prepare(self, sample: TrainingSample) -> Any:
        return prepare(sample, self.loaded.tokenizer, self.config)

    # --- training ------------------------------------------------------------------------------------------------------------

    def _train(self, objective: Objective, resumed: Checkpoint | None) -> None:
        """Train one objective until its passes are done or the node is stopped."""
        from trainer_node.training.callbacks import StepCallback
        from trainer_node.training.factory import build_source, kind_for, ready_trainer

        kind, source = kind_for(objective, self.config), resumed.path if resumed else None
        callback = StepCallback(self._before_optimizer, self._step_done)
        self.group.send(Command.TRAIN, objective, source)
        self._trainer = ready_trainer(kind, self.loaded, self.config, self.options.run_dir, [callback], source)
        pad = self.loaded.tokenizer.pad_token_id
        self._source = build_source(kind, self.config, pad, self._next_batch, self.rewards.rewards_of, self.group, self._hooks())
        self._trainer.feed_from(self._source)
        with self.timings(f"training ({objective.value})"):
            self._trainer.train(resume_from_checkpoint=str(source) if source else None)

    def _hooks(self) -> StepHooks:
        """What has come is taken in while a device trains."""
        if self.loaded.device.startswith("cuda"):
            return StepHooks(self.feed.intake, self.consumer.gil_window)
        return StepHooks(self.feed.intake)

    def _step_judged(self, judged: JudgedStep) -> None:
        self.timings.seconds["judging (train)"] = self.timings.seconds.get("judging (train)", 0.0) + judged.seconds
        self._note_rewards(judged.step, [reward for reward in judged.rewards if reward is not None])

    def _next_batch(self) -> StepBatch | None:
        """The next batch, over the ends of passes; None ends training. Stands between two optimizer steps, so it may checkpoint."""
        if self._last_state is None:
            self._checkpoint()
        while True:
            batch = None
            if not self._enough:
                with self.timings("waiting for samples"):
                    batch = self.feed.next_batch(self.completion.done, self._guard)
            if batch is not None:
                self.options.on_batch(batch)
                self._batch = batch
                return batch
            if self._enough or self.stopping.is_set() or not self._end_of_pass():
                self._checkpoint()
                return None

    def _guard(self) -> None:
        self.fence.check()
        self.group.heartbeat()

    def _end_of_pass(self) -> bool:
        """Evaluate; True when another pass follows, which is then already begun."""
        self.completion.begin_anew()
        enough = not self.config.eval_steps and self._evaluate()
        if enough or self.feed.cursor.pass_number >= self.config.epochs:
            return False
        self.feed.rewind()
        self._checkpoint()
        return True

    def _before_optimizer(self) -> None:
        self._bad = self._trainer.undo_bad_step()
        self._nan_streak = self._nan_streak + 1 if self._bad else 0

    def _step_done(self) -> None:
        """After an optimizer step: say what it cost, count it as done, and checkpoint when it is time."""
        batch, source = self._batch, self._source
        assert batch is not None
        assert source is not None
        self.journal.sync()
        if not self._bad:
            self._publish_losses(batch, source.losses)
        self.feed.trained(batch, self._bad, source.unrewarded())
        if self._nan_streak >= NAN_LIMIT:
            self._checkpoint()  # the weights are sound, and a restart that met the same batches again would end here for ever
            raise PeltonError(
                f"{NAN_LIMIT} steps in a row had no finite loss; see `pelton dead-letters list --reason nan_loss`. If the data is to blame,"
                " start the run again: it goes on without them; else lower --lr, or begin anew --from-checkpoint an older one"
            )
        loss = source.step_loss()
        if loss is not None and not self._bad:
            self.monitor.step(batch.step, loss, self._trainer.lr_scheduler.get_last_lr()[0])
        if self.config.eval_steps and batch.step % self.config.eval_steps == 0:
            self._enough = self._evaluate()
        if batch.step % self.config.checkpoint_steps == 0:
            self._checkpoint()

    def _publish_losses(self, batch: StepBatch, losses: list[ExampleLoss]) -> None:
        """Tell what each sample cost. A policy gradient has no loss of a sample: what prompts earned is on `rewards`."""
        if batch.objective is Objective.PROMPT:
            return
        now = time.time()
        for item, (loss, tokens) in zip(batch.items, losses, strict=True):
            sample = item.sample
            event = SampleLoss(
                event_id=f"{self.options.run_id}/{batch.pass_number}/{sample.sample_id}",
                run_id=self.options.run_id,
                pass_number=batch.pass_number,
                step=batch.step,
                sample_id=sample.sample_id,
                loss=loss,
                tokens=tokens,
                sample=sample,
                trained_at=now,
            )
            self.producer.send(self.settings.topics.losses, sample.sample_id, event)

    def _evaluate(self) -> bool:
        """Measure val_metric on the validation samples; True when training should stop early."""
        from trainer_node.training.evaluation import evaluate

        held_out, batch = list(self.feed.held_out.validation.values()), -(-self.config.batch_size // self.config.accumulation)
        model, tokenizer, objective = self.loaded.model, self.loaded.tokenizer, self.feed.objective
        with self.timings("evaluating"):
            self.group.send_if_sharded(Command.EVALUATE, objective, held_out, batch)
            found = evaluate(self._trainer, model, tokenizer, objective, held_out, self._prepare, batch)
        if found is None:
            return False
        self.monitor.evaluated(self.feed.cursor.step, found.val_metric, found.values)
        if enough := self.early.update(found.measure, found.val_metric):
            logger.warning(
                "val_metric (%s) has not improved in %d evaluations (best %s): stopping early",
                found.measure, self.early.state.since_best, self.early.state.best,
            )  # fmt: skip
        return enough

    # --- the commit ----------------------------------------------------------------------------------------------------------

    def _checkpoint(self) -> None:
        """Commit the state as it is now, unless nothing has changed since the last commit."""
        state = self._state()
        if state == self._last_state:
            return
        with self.timings("checkpoints"):
            self.store.commit(lambda: self._describe(state), self._write_files, self._flush, self.publisher)
        self._last_state = state

    def _state(self) -> FeedState:
        return self.feed.snapshot(self.early.state)

    def _flush(self) -> None:
        self.producer.flush(waiting=self.group.heartbeat)
        self._serial += 1

    def _describe(self, state: FeedState) -> RunState:
        return RunState(
            run_id=self.options.run_id,
            step=state.step,
            serial=self._serial,
            config_hash=self.config.hash(),
            parent=self._lineage,
            base_model=self.config.model,
            feed=state,
            metrics={name: value for name, value in self.monitor.values.items() if math.isfinite(value)},
        )

    def _write_files(self, folder: Path) -> None:
        from trainer_node.models.restore import save_for_resume

        save_for_resume(self._trainer, self.loaded, folder)
        self.group.save_random_states(folder)

    # --- questions -----------------------------------------------------------------------------------------------------------

    def _ask(self, phase: str) -> None:
        """Put the held-out prompts to the model, and have the answers judged."""
        wanted = self.config.held_out_prompts
        if not wanted:
            return
        self.feed.want_prompts(True)
        with self.timings("waiting for samples"):
            while len(self.feed.held_out.prompts) < wanted and not self.stopping.is_set():
                self.consumer.raise_failure()
                self.group.heartbeat()
                self.feed.intake(wait_s=0.1)
        self.feed.want_prompts(False)
        if self.stopping.is_set():
            return
        prompts = [self.feed.held_out.prompts[key] for key in sorted(self.feed.held_out.prompts)][:wanted]
        with self.timings(f"answering ({phase})"):
            outputs = self._outputs(prompts, phase)
        with self.timings(f"judging ({phase})"):
            rewards = self.rewards.judge(outputs)
        self._note_rewards(
            self.feed.cursor.step, [given.reward for given in rewards.values() if given is not None and given.reward is not None]
        )

    def _outputs(self, prompts: list[TrainingSample], phase: str) -> list[ModelOutput]:
        from trainer_node.models.generation import answer

        self.group.send_if_sharded(Command.ANSWER, prompts)
        completions = answer(self.loaded.model, self.loaded.tokenizer, prompts, self.config.max_new_tokens)
        return model_outputs(prompts, completions, self.options.run_id, self.feed.cursor.step, phase)

    def _note_rewards(self, step: int, rewards: list[float]) -> None:
        if rewards:
            self.monitor.rewarded(step, sum(rewards) / len(rewards))

    def _write_summary(self) -> None:
        """What this incarnation did, for whoever started it."""
        summary = {
            "run_id": self.options.run_id,
            "epoch": self.fence.epoch,
            "step": self.feed.cursor.step,
            "samples_trained": self.feed.cursor.samples_trained,
            "rewards_late": self.rewards.late,
            "checkpoint_s": self.store.seconds,
            "timings": self.timings.seconds,
            "metrics": self.monitor.values,
            "wall_s": time.monotonic() - self._started,
        }
        path = self.options.run_dir / f"trainer-e{self.fence.epoch:06d}.json"
        path.write_text(json.dumps(summary, indent=1), encoding="utf-8")


def _spare_what_is_loaded() -> None:
    """Let the garbage collector pass over libraries and model from now on.

    They are half a million objects that stay. A full collection would walk through them, between two steps, each time the samples read have
    become a quarter as many (what it takes: `benchmarks/bench_feed.py`).
    """
    import trainer_node.training.base  # noqa: F401 - TRL and PEFT belong to it

    gc.collect()
    gc.freeze()


def run_node(settings: KafkaSettings, config: TrainConfig, options: RunOptions) -> None:
    """Run one incarnation that stops on signals; of several processes, each calls this.

    Raises:
        ConfigError: weights are to be sharded as they cannot be.
    """
    group = ProcessGroup.join(asked_for(config))
    if group.rank:
        Follower(config, group).run()
        return
    node = TrainerNode(settings, config, options, group)
    stop_on_signals(node)
    node.run()


def stop_on_signals(node: TrainerNode) -> None:
    """From now on SIGTERM and SIGINT mean: finish the step, checkpoint, exit 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, node.stop)
