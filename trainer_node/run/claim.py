"""A run is claimed before anything of it is read: then no older incarnation writes any more, in its folder or at the broker."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from streams.kafka.admin import check_topics
from streams.kafka.settings import KafkaSettings
from streams.node import group_name
from trainer_node.commit.fencing import Fence, claimed
from trainer_node.commit.fencing import folder_of as epochs_of
from trainer_node.commit.holder import PATIENCE_S, Pulse, holder_of, living
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import Checkpoint, checkpoints
from trainer_node.commit.provenance import Base
from trainer_node.commit.store import CheckpointStore
from trainer_node.config import TrainConfig
from trainer_node.models.base import base_of_run, folder_here
from trainer_node.models.fits import refuse_what_cannot_be_loaded
from trainer_node.models.lora_targets import chosen_targets
from trainer_node.models.own_tokenizer import has_tokenizer
from trainer_node.models.placement import choose_device
from trainer_node.models.restore import reading_of
from trainer_node.models.vocabulary import refuse_folder_without_rows
from trainer_node.options import RunOptions
from trainer_node.run.changed_settings import check_weights, needs_base, tell_changes
from trainer_node.run.group_member import wait_until_gone
from trainer_node.run.hub_model import check_hub_model
from trainer_node.run.publisher import Publisher
from trainer_node.run.warm_start import find_parent, lineage

logger = logging.getLogger(__name__)

REMEDY = "stop it first, or end it with --take-over"


@dataclass(frozen=True)
class Claim:
    """What belongs to one incarnation of a run, and what it goes on from."""

    fence: Fence
    journal: Journal
    ledger: Ledger
    store: CheckpointStore
    publisher: Publisher
    resumed: Checkpoint | None = None
    """The run's own newest checkpoint."""
    parent: Checkpoint | None = None
    """Another run's checkpoint that a new run begins from."""
    lineage: dict[str, str] = field(default_factory=dict)
    """What manifests say of the run that this one began from."""

    @property
    def source(self) -> Checkpoint | None:
        """Whose weights the run begins with."""
        return self.resumed or self.parent


def claim_run(
    stack: contextlib.ExitStack, settings: KafkaSettings, config: TrainConfig, options: RunOptions, stopping: threading.Event
) -> Claim:
    """Fence older incarnations off, in the run's folder and at the broker, and only then find what to go on from.

    Raises:
        CheckpointError: all of the run's checkpoints are torn.
        ConfigError: the folder is another run's, or holds what this trainer does not train; `--from-checkpoint` cannot be used.
        BrokerError: the broker could not be reached.
    """
    base = check_before_claiming(settings, config, options)
    fence = take_hold(settings, options)
    stack.callback(Pulse(fence.folder, fence.epoch).stop)
    journal = Journal(options.run_dir / "journal", fence.epoch)
    stack.callback(journal.close)
    ledger = Ledger(options.run_dir / "ledger")
    store = CheckpointStore(options.run_dir, fence, journal, ledger, config.keep_checkpoints, options.on_commit_step)
    publisher = Publisher(settings, options.run_id, fence, stopping, config.checkpoint_every)
    stack.callback(publisher.close)
    store.clean()
    resumed, refused = store.newest()
    for name, why in refused:
        logger.warning("checkpoint %s is refused: %s", name, why)
    if resumed is None:
        fence.resumed_from(0, 0)
        parent = find_parent(options.start, config)
        if parent:
            check_weights(parent, config, base)
        return Claim(fence, journal, ledger, store, publisher, None, parent, lineage(parent) if parent else {})
    _check_fits(resumed, config, options)
    check_weights(resumed, config, base)
    tell_changes(resumed, config)
    if options.start.given:
        logger.warning("run %s goes on from its own checkpoint; where to start was for a new run", options.run_id)
    manifest = resumed.manifest
    fence.resumed_from(manifest.epoch, manifest.serial)
    ledger.segments = list(manifest.segments)
    logger.warning("epoch %d resumes from checkpoint %s", fence.epoch, manifest.name)
    return Claim(fence, journal, ledger, store, publisher, resumed, None, manifest.parent)


def check_before_starting(config: TrainConfig, options: RunOptions) -> Base:
    """Find out what a start would fail of, whatever its broker: done before one is started.

    Returns:
        The model that `--model` leads to.

    Raises:
        ConfigError: no such model, or its tokenizer is another's; the run's newest checkpoint cannot be gone on from with these settings.
        DownloadError: the default model is not in the cache, or a hub's is not and the hub cannot be reached.
    """
    whole = checkpoints(options.run_dir, deep=False)
    base = base_of_run(config.model, whole[-1].manifest if whole else None)
    if not Path(base.source).exists() and (not whole or needs_base(whole[-1])):
        if base.is_path:
            raise ConfigError(f"--model {config.model}: there is no such file or folder")
        check_hub_model(base.source)
    refuse_folder_without_rows(base.source, whole[-1].path if whole and has_tokenizer(whole[-1].path) else None)
    _refuse_what_cannot_be_loaded(config, options, whole[-1] if whole else None, base)
    if whole:
        _check_fits(whole[-1], config, options)
        check_weights(whole[-1], config, base)
    return base


def check_before_claiming(settings: KafkaSettings, config: TrainConfig, options: RunOptions) -> Base:
    """Find out what this start would fail of before it ends another that is at work: a claim cannot be taken back.

    Returns:
        The model that `--model` leads to.

    Raises:
        ConfigError, DownloadError: as `check_before_starting`.
        BrokerError: a topic is missing, or a band is none, or the broker is away.
    """
    base = check_before_starting(config, options)
    topics = settings.topics
    bands = [band for objective in dict.fromkeys((*config.objectives, Objective.PROMPT)) for band in topics.bands(objective)]
    check_topics(settings, bands).raise_if_wrong()  # several partitions of a band would have no order
    check_topics(settings, [topics.losses, topics.outputs, topics.rewards, topics.models, topics.dead_letters]).raise_if_missing()
    return base


def _refuse_what_cannot_be_loaded(config: TrainConfig, options: RunOptions, newest: Checkpoint | None, base: Base) -> None:
    read = reading_of(config, newest.manifest if newest else None)
    alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
    source = newest.path if newest and not needs_base(newest) else folder_here(base) or base.source
    skeleton = refuse_what_cannot_be_loaded(config.model, str(source), read.bits, read.backend, alone and not options.take_over)
    if skeleton is not None and config.lora_r and newest is None:
        chosen_targets(skeleton, config.lora_targets)
    if options.vram_cap_gib is not None and not choose_device(None).startswith("cuda"):
        raise ConfigError("--vram-cap-gib has an effect on a CUDA device alone, and there is none here: leave it out")


def take_hold(settings: KafkaSettings, options: RunOptions) -> Fence:
    """Claim the next epoch, unless another incarnation is at work.

    Raises:
        ConfigError: one is; says where.
        BrokerError: the broker is away.
    """
    if options.take_over:
        return Fence(options.run_dir)
    while True:
        seen = refuse_if_held(options)
        _refuse_if_held_elsewhere(settings, options)
        with contextlib.suppress(FileExistsError):  # two starts at one moment: the later one looks again, and finds the other alive
            return Fence(options.run_dir, after=seen)


def refuse_if_held(options: RunOptions) -> int:
    """See that nobody works in the run's folder.

    Returns:
        The newest epoch that was claimed there; 0 where none was.

    Raises:
        ConfigError: somebody does.
    """
    folder = epochs_of(options.run_dir)
    seen = max(claimed(folder), default=0)
    if seen and not options.take_over and (holder := living(folder, seen)) is not None:
        raise ConfigError(f"run {options.run_id} is at work: {holder} holds it, in {options.run_dir}; {REMEDY}")
    return seen


def _refuse_if_held_elsewhere(settings: KafkaSettings, options: RunOptions) -> None:
    """See that no trainer of the same run works from another folder: its claim is not among ours, and it stands in the run's group."""
    folder = epochs_of(options.run_dir)
    ours = {holder.token for epoch in claimed(folder) if (holder := holder_of(folder, epoch))}
    other = wait_until_gone(settings, group_name(settings, "trainer", options.run_id), ours, PATIENCE_S)
    if other is not None:
        raise ConfigError(
            f"run {options.run_id} is at work from another folder: process {other.get('pid')} on {other.get('host')} holds it; {REMEDY}, or"
            " name this run otherwise"
        )


def _check_fits(resumed: Checkpoint, config: TrainConfig, options: RunOptions) -> None:
    """Refuse a checkpoint that this start cannot go on from."""
    manifest = resumed.manifest
    if manifest.run_id != options.run_id:
        raise ConfigError(
            f"{options.run_dir} belongs to run {manifest.run_id!r}, not {options.run_id!r}: --run-id {manifest.run_id} goes on with it,"
            " another --run-dir begins a new one"
        )
    kinds = config.kinds(ends=options.until_consumed)
    if manifest.feed.objective not in kinds:
        raise ConfigError(f"checkpoint {manifest.name} trains {manifest.feed.objective.value}; --trainer {config.trainer.value} does not")
