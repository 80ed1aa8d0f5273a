"""A new run that begins from another run's checkpoint: its weights, its optimizer where the objective is the same, and its positions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from schemas.errors import CheckpointError, ConfigError
from schemas.training_sample import Objective
from trainer_node.commit.held_out_file import feed_of
from trainer_node.commit.ledger import Ledger, LedgerRow
from trainer_node.commit.manifest import Checkpoint, verify
from trainer_node.commit.state import FeedState, ObjectiveState
from trainer_node.config import TrainConfig
from trainer_node.intake.start_point import StartPoint
from trainer_node.kinds import TrainerKind
from trainer_node.models.base import recorded_base

logger = logging.getLogger(__name__)


def find_parent(start: StartPoint, config: TrainConfig) -> Checkpoint | None:
    """The checkpoint that was named to begin from, if any.

    Raises:
        ConfigError: it is torn, or of another model.
    """
    if start.checkpoint is None:
        return None
    try:
        parent = verify(start.checkpoint)
    except CheckpointError as error:
        raise ConfigError(f"--from-checkpoint {start.checkpoint}: {error}; see `pelton checkpoints list`") from None
    base = parent.manifest.base_model
    if base != config.model and recorded_base(parent.manifest).weights is None:  # else the weights themselves are compared
        raise ConfigError(f"--from-checkpoint {start.checkpoint} is of model {base}, not {config.model}: set --model")
    return parent


def lineage(parent: Checkpoint) -> dict[str, str]:
    """What the manifests of the new run say of it."""
    return {"run_id": parent.manifest.run_id, "checkpoint": parent.manifest.name, "sha256": parent.sha256}


def with_optimizers(parent: Checkpoint | None, kinds: Mapping[Objective, TrainerKind]) -> Checkpoint | None:
    """The parent, where each of its optimizers is that of one of these trainers; else all begin anew, and that is said."""
    from trainer_node.training.factory import fits

    if parent is None:
        return None
    folders = {objective: parent.folder_of(objective) for objective in parent.manifest.trainers}
    if folders and all(objective in kinds and folder and fits(folder, kinds[objective]) for objective, folder in folders.items()):
        return parent
    logger.warning("%s was trained otherwise: its weights go on, optimizer and schedule begin anew", parent.path.name)
    return None


def inherited_state(parent: Checkpoint, start: StartPoint, objectives: Sequence[Objective]) -> FeedState | None:
    """The feed's state to begin with: the parent's positions, as the start of the first pass; None where the run begins elsewhere.

    Prompts that the parent held out and this run trains on are read from the start of their topics.
    """
    if start.ranges or start.timestamp_ms is not None:
        return None
    state = feed_of(parent)
    objective = state.objective if state.objective in objectives else objectives[0]
    partitions, held_out = state.position.partitions, state.held_out
    if Objective.PROMPT in objectives and Objective.PROMPT not in state.objectives:
        held_out = held_out.model_copy(update={"prompts": ()})
        partitions = {name: value for name, value in partitions.items() if f"curriculum.{Objective.PROMPT.value}." not in name}
    starts = {name: value.watermark for name, value in state.position.partitions.items()}
    position = state.position.model_copy(update={"partitions": partitions, "pass_start": starts, "data_losses": ()})
    standings = {
        one: ObjectiveState()
        if kept.finished
        else ObjectiveState(pacing=kept.pacing)  # after its passes, what is new begins with the easiest
        for one, kept in state.objectives.items()
        if one in objectives
    }
    return FeedState(objective=objective, objectives=standings, position=position, repeats=state.repeats, held_out=held_out)


def trained_rows(parent: Checkpoint, objective: Objective, topics: set[str], horizon: int) -> list[LedgerRow]:
    """What the parent trained on these topics in the pass it stood in: a repeat in a run that goes on from its positions."""
    manifest = parent.manifest
    stood = manifest.feed.of(objective)
    if not stood.steps:
        return []
    passes = range(stood.pass_number, stood.pass_number + 1)
    return Ledger(parent.run_dir / "ledger", manifest.segments).trained_rows(passes, topics, horizon)
