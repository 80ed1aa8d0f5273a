"""`RunContext`: everything that one incarnation of a run works with, built in order by `open_run` and closed in reverse."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import BrokerError, ConfigError
from schemas.training_sample import Objective
from streams.imported import uncollected
from streams.kafka.connection import listens
from streams.kafka.dead_letters import Breaker, DeadLetterWriter
from streams.kafka.forgotten import ForgottenIds
from streams.kafka.lag import LagReader
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signatures
from trainer_node.commit.held_out_file import feed_of
from trainer_node.commit.history import History
from trainer_node.commit.store import START
from trainer_node.competence import Form
from trainer_node.config import TrainConfig, weights_of
from trainer_node.curricula import Curriculum
from trainer_node.data.decoding import Decoder
from trainer_node.distributed.process_group import Command, ProcessGroup
from trainer_node.intake.consumer_thread import ConsumerThread
from trainer_node.intake.dead_lettered import dead_lettered_since
from trainer_node.intake.feed import Feed
from trainer_node.intake.feed_settings import FeedSettings
from trainer_node.intake.pacing_plan import plan_of
from trainer_node.kinds import TrainerKind
from trainer_node.options import RunOptions, Timings
from trainer_node.reward_parts import GRAPH
from trainer_node.rewards.client import JudgedStep, RewardClient
from trainer_node.rewards.functions import Mixture
from trainer_node.rewards.spread import Spread
from trainer_node.rewards.without_facts import WithoutFacts
from trainer_node.run.claim import Claim, claim_run
from trainer_node.run.completion import Completion
from trainer_node.run.libraries import import_libraries
from trainer_node.run.monitor import Monitor
from trainer_node.run.policy_watch import PolicyWatch
from trainer_node.run.progress import Progress
from trainer_node.run.upstream import Upstream
from trainer_node.run.waiting import Waiting
from trainer_node.run.warm_start import inherited_state, trained_rows
from trainer_node.stopping import Stopped, Stopping

if TYPE_CHECKING:
    from trainer_node.models.loaded import LoadedModel


PROBE_S = 1.0
"""How long the answer to "is a broker there" may take."""
CLOSE_S, STOP_S = 30.0, 1.0
"""Longest wait for what is still to be sent at the end, and where the run was told to stop."""


@dataclass(frozen=True)
class RunContext:
    """What a run works with. Made once, by `open_run`; nothing is added to it later."""

    settings: KafkaSettings
    config: TrainConfig
    options: RunOptions
    group: ProcessGroup
    stopping: Stopping
    """Set from any thread: finish the step, commit, end."""
    timings: Timings
    claim: Claim
    loaded: LoadedModel
    producer: Producer
    consumer: ConsumerThread
    feed: Feed
    monitor: Monitor
    rewards: RewardClient
    completion: Completion
    upstream: Upstream
    lag: LagReader
    waiting: Waiting
    spread: Spread
    without_facts: WithoutFacts
    progress: Progress
    watch: PolicyWatch
    kinds: dict[Objective, TrainerKind]
    """What trains each objective, in order."""

    def guard(self) -> None:
        """Asked again and again while the run waits.

        Raises:
            Fenced: a newer incarnation has taken over.
        """
        self.claim.fence.check()
        self.group.heartbeat()

    def interruptible(self) -> contextlib.AbstractContextManager[None]:
        """A block that the next start can do again: a signal ends it. Of several processes none may end in the midst of what all do."""
        return self.stopping.interruptible() if self.group.size == 1 else contextlib.nullcontext()


def open_run(
    stack: contextlib.ExitStack,
    settings: KafkaSettings,
    config: TrainConfig,
    options: RunOptions,
    group: ProcessGroup,
    stopping: Stopping,
    timings: Timings,
) -> RunContext:
    """Claim the run, load its model, connect, and begin to read where its checkpoint says. Called at rank 0.

    Raises:
        UserError: something the user can mend: a setting, a model, a checkpoint, data that the log has lost.
        BrokerError: the broker could not be reached.
    """
    if config.refill and group.size > 1:
        raise ConfigError("--refill is for one process: start without it, or on one GPU")
    start = _Start(stack, settings, config, options, group, stopping, timings)
    claim = claim_run(stack, settings, config, options, stopping)
    with timings("loading the model"):
        import_libraries()  # they take seconds: only once the run is ours
        from trainer_node.models.restore import load_for_training

        _log_in_one_place()
        path = claim.source.path if claim.source else None
        group.send(Command.LOAD, path)
        loaded = load_for_training(config, path, group.sharding)
        _spare_loaded_objects()
    run = _connect(start, claim, loaded)
    _begin(run)
    return run


def _log_in_one_place() -> None:
    """What Transformers says goes where our own records go, and it draws nothing on the screen."""
    from transformers.utils import logging as theirs

    theirs.disable_default_handler()
    theirs.enable_propagation()
    theirs.disable_progress_bar()


@dataclass(frozen=True)
class _Start:
    """What an incarnation begins with."""

    stack: contextlib.ExitStack
    settings: KafkaSettings
    config: TrainConfig
    options: RunOptions
    group: ProcessGroup
    stopping: Stopping
    timings: Timings

    def stop_if_away(self) -> None:
        """What waits for a broker waits for ever: a run that ended because one was away would have to be restarted."""
        if self.stopping.is_set() and not any(listens(server, PROBE_S) for server in self.settings.servers):
            raise Stopped


def _connect(start: _Start, claim: Claim, loaded: LoadedModel) -> RunContext:
    stack, settings, config, options = start.stack, start.settings, start.config, start.options
    producer = Producer(settings, waits_for_broker=True, while_waiting=start.stop_if_away)
    stack.callback(lambda: _close(producer, start.stopping))
    monitor = Monitor(options.run_id, options.run_dir, options.wandb_project, config.model_dump(mode="json"), options.vram_cap_gib)
    stack.callback(monitor.close)
    lag = LagReader(settings)
    stack.callback(lag.close)
    kinds = config.kinds(ends=options.until_consumed)
    consumer, feed = _reading(start, claim, loaded, producer, kinds)
    history = History(options.run_dir, claim.fence.epoch, claim.resumed.manifest.step if claim.resumed else 0)
    stack.callback(history.close)
    progress = Progress(history, config.epochs if options.until_consumed else None)
    answers_a_prompt = config.num_generations if _compares_answers(kinds) else None
    waiting, without_facts = Waiting(), WithoutFacts()
    spread = Spread(answers_a_prompt, without_facts.why)
    watch = PolicyWatch(options.run_id, options.run_dir, monitor, progress, answers_a_prompt)

    def observe(judged: JudgedStep) -> None:
        start.timings.add("judging (train)", judged.seconds)
        without_facts.saw(judged.answers)
        spread.saw(judged.step, judged.rewards)
        whole = watch.judged(judged)
        monitor.rewarded(whole.step, whole.shares, judged.seconds)
        monitor.valued(whole.step, whole.rewards)
        monitor.answered(judged.step, judged.answers)

    rewards = _asking(start, claim, producer, kinds, waiting, observe)
    upstream = Upstream(settings, options, lag)
    completion = Completion(options, feed, producer, upstream)
    return RunContext(
        settings, config, options, start.group, start.stopping, start.timings, claim, loaded, producer, consumer, feed, monitor, rewards,
        completion, upstream, lag, waiting, spread, without_facts, progress, watch, kinds,
    )  # fmt: skip


def _reading(
    start: _Start, claim: Claim, loaded: LoadedModel, producer: Producer, kinds: Mapping[Objective, TrainerKind]
) -> tuple[ConsumerThread, Feed]:
    """What reads the bands, and what chooses from what it reads."""
    settings, config, options = start.settings, start.config, start.options
    forgotten = ForgottenIds(settings)
    decode = Decoder(loaded.tokenizer, config, forgotten.looking(Signatures(settings).check))
    consumer = ConsumerThread(settings, decode, config.on_data_loss, start.stop_if_away)
    start.stack.callback(consumer.close)
    feed = Feed(
        _feed_settings(config, options, start.group, kinds),
        consumer,
        _bands(settings, kinds, reverse=config.order is Curriculum.REVERSE),
        DeadLetterWriter(producer, settings, "trainer", options.run_id, Breaker()),
        claim.journal,
        claim.ledger,
        start.stopping,
    )
    feed.admission.forgotten = forgotten
    return consumer, feed


def _asking(
    start: _Start,
    claim: Claim,
    producer: Producer,
    kinds: Mapping[Objective, TrainerKind],
    waiting: Waiting,
    observe: Callable[[JudgedStep], None],
) -> RewardClient:
    """What asks for rewards."""
    rewards = RewardClient(
        start.settings,
        producer,
        start.options.run_id,
        start.config.reward_timeout_s,
        start.stopping,
        waiting=start.group.heartbeat,
        waits_for=lambda why: waiting.note("rewards", why),
        before_sending=claim.journal.sync,
        observe=observe,
        gives_up=len(kinds) == 1 or start.options.until_consumed,
        mixture=Mixture(start.config.reward_fn, start.options.run_id) if start.config.reward_fn != GRAPH else None,
    )
    start.stack.callback(rewards.close)
    return rewards


def _compares_answers(kinds: Mapping[Objective, TrainerKind]) -> bool:
    """Whether answers to one prompt are compared with each other, rather than all of a step with what they were expected to earn."""
    return kinds.get(Objective.PROMPT) in (TrainerKind.GRPO, TrainerKind.RLOO)


def _feed_settings(config: TrainConfig, options: RunOptions, group: ProcessGroup, kinds: Mapping[Objective, TrainerKind]) -> FeedSettings:
    return FeedSettings(
        options.run_id,
        config.batch_size * group.size,
        config.linger_s,
        config.repeat_horizon,
        plan_of(config.order, config.pacing or Form.ROOT, config.pace_over, config.pace_steps, ends=options.until_consumed),
        config.order,
        tuple(kinds),
        interleaved=not options.until_consumed,
        shares=weights_of(config.shares),
    )


def _close(producer: Producer, stopping: Stopping) -> None:
    """Raises BrokerError where something was left unsent, unless the run was told to stop: its checkpoint has what it needs."""
    if not stopping.is_set():
        producer.close(timeout=CLOSE_S)
        return
    with contextlib.suppress(BrokerError):
        producer.close(timeout=STOP_S)


def _bands(settings: KafkaSettings, trained: Iterable[Objective], reverse: bool) -> dict[Objective, list[str]]:
    """Band topics by objective, in the order in which they open: of what is trained on, in order, and of prompts, which may be held out."""
    objectives = dict.fromkeys((*trained, Objective.PROMPT))
    order = -1 if reverse else 1
    return {objective: [topic.name for topic in settings.topics.bands(objective)][::order] for objective in objectives}


def _begin(run: RunContext) -> None:
    """Read on from the run's own checkpoint, or its parent's, or where the start says."""
    claim, feed, start = run.claim, run.feed, run.options.start
    replay = claim.journal.take_over(claim.resumed.manifest.name if claim.resumed else START)
    if claim.fence.epoch > 1:
        since = claim.resumed.manifest.created_at if claim.resumed else claim.fence.first_claimed_at()
        feed.admission.already_sent = dead_lettered_since(run.settings, run.options.run_id, since)
    if claim.resumed:
        feed.begin(feed_of(claim.resumed), replay)
        claim.publisher(claim.resumed)  # the incarnation that made it may have been killed before it could publish it
        return
    inherited = inherited_state(claim.parent, start, tuple(run.kinds)) if claim.parent else None
    feed.begin(inherited, replay, start)
    if claim.parent and inherited:
        for objective in run.kinds:
            topics = {topic.name for topic in run.settings.topics.bands(objective)}
            rows = trained_rows(claim.parent, objective, topics, run.config.repeat_horizon)
            feed.remember([row.sample_id for row in rows], [row.former_id for row in rows if row.former_id], objective)


def _spare_loaded_objects() -> None:
    """Let the garbage collector pass over libraries and model from now on.

    They are half a million objects that stay. A full collection would walk through them, between two steps, each time the samples read have
    become a quarter as many (what it takes: `benchmarks/bench_feed.py`).
    """
    with uncollected():
        import trainer_node.training.base  # noqa: F401 - TRL and PEFT belong to it

    gc.collect()
    gc.freeze()
