"""A run is claimed before anything of it is read: then no older incarnation writes any more, in its folder or at the broker."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import ConfigError
from schemas.training_sample import Objective
from streams.kafka.admin import check_topics
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.fencing import Fence
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger
from trainer_node.commit.manifest import Checkpoint, checkpoints
from trainer_node.commit.store import CheckpointStore
from trainer_node.config import TrainConfig
from trainer_node.models.gguf import model_source
from trainer_node.models.identity import weights_identity
from trainer_node.options import RunOptions
from trainer_node.run.changed_settings import check_weights, needs_base, tell_changes
from trainer_node.run.publisher import Publisher
from trainer_node.run.warm_start import find_parent, lineage

logger = logging.getLogger(__name__)


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
    base_identity: str | None = None
    """Fingerprint of the base's weights."""

    @property
    def source(self) -> Checkpoint | None:
        """Whose weights the run begins with."""
        return self.resumed or self.parent


def claim_run(stack: contextlib.ExitStack, settings: KafkaSettings, config: TrainConfig, options: RunOptions) -> Claim:
    """Fence older incarnations off, in the run's folder and at the broker, and only then find what to go on from.

    Raises:
        CheckpointError: all of the run's checkpoints are torn.
        ConfigError: the folder is another run's, or holds what this trainer does not train; `--from-checkpoint` cannot be used.
        BrokerError: the broker could not be reached.
    """
    identity = check_before_claiming(settings, config, options)
    options.run_dir.mkdir(parents=True, exist_ok=True)
    fence = Fence(options.run_dir)
    journal = Journal(options.run_dir / "journal", fence.epoch)
    stack.callback(journal.close)
    ledger = Ledger(options.run_dir / "ledger")
    store = CheckpointStore(options.run_dir, fence, journal, ledger, config.keep_checkpoints, options.on_commit_step)
    publisher = Publisher(settings, options.run_id)
    stack.callback(publisher.close)
    store.clean()
    resumed, refused = store.newest()
    for name, why in refused:
        logger.warning("checkpoint %s is refused: %s", name, why)
    if resumed is None:
        fence.resumed_from(0, 0)
        parent = find_parent(options.start, config)
        if parent:
            check_weights(parent, config, identity)
        return Claim(fence, journal, ledger, store, publisher, None, parent, lineage(parent) if parent else {}, identity)
    _check_fits(resumed, config, options)
    check_weights(resumed, config, identity)
    tell_changes(resumed, config)
    if options.start.given:
        logger.warning("run %s goes on from its own checkpoint; where to start was for a new run", options.run_id)
    manifest = resumed.manifest
    fence.resumed_from(manifest.epoch, manifest.serial)
    ledger.segments = list(manifest.segments)
    logger.warning("epoch %d resumes from checkpoint %s", fence.epoch, manifest.name)
    return Claim(fence, journal, ledger, store, publisher, resumed, None, manifest.parent, identity)


def check_before_claiming(settings: KafkaSettings, config: TrainConfig, options: RunOptions) -> str | None:
    """Find out what this start would fail of before it ends another that is at work: a claim cannot be taken back.

    Returns:
        The fingerprint of the base's weights.

    Raises:
        ConfigError: no such model; the run's newest checkpoint cannot be gone on from with these settings.
        DownloadError: the default model is not in the cache.
        BrokerError: a topic is missing, or a band is none, or the broker is away.
    """
    whole = checkpoints(options.run_dir, deep=False)
    source = model_source(config.model)
    if looks_like_a_path(source) and not Path(source).exists() and (not whole or needs_base(whole[-1])):
        raise ConfigError(f"--model {source}: there is no such file or folder")
    identity = weights_identity(source)
    if whole:
        _check_fits(whole[-1], config, options)
        check_weights(whole[-1], config, identity)
    topics = settings.topics
    bands = [band for objective in dict.fromkeys((*config.objectives, Objective.PROMPT)) for band in topics.bands(objective)]
    check_topics(settings, bands).raise_if_wrong()  # several partitions of a band would have no order
    check_topics(settings, [topics.losses, topics.outputs, topics.rewards, topics.models, topics.dead_letters]).raise_if_missing()
    return identity


def looks_like_a_path(model: str) -> bool:
    """Whether a model's name can be no id of a hub: those are `name` or `owner/name`."""
    return model.startswith(("/", ".", "~")) or model.count("/") > 1


def _check_fits(resumed: Checkpoint, config: TrainConfig, options: RunOptions) -> None:
    """Refuse a checkpoint that this start cannot go on from."""
    manifest = resumed.manifest
    if manifest.run_id != options.run_id:
        raise ConfigError(f"{options.run_dir} belongs to run {manifest.run_id!r}, not {options.run_id!r}: give another --run-dir")
    if manifest.feed.objective not in config.objectives:
        raise ConfigError(f"checkpoint {manifest.name} trains {manifest.feed.objective.value}; --trainer {config.trainer.value} does not")
