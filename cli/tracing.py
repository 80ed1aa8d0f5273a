"""What the topics and a run's ledger know of one sample. Every read is finite: to the ends that the topics have now.

A run's ledger is the index: it says where in the bands a sample stood, the record there says where it was received, and the models
announced around its step say when its loss was sent. So a sample that a run has taken is looked up (`cli.tracing_ledger`), however long the
topics are. What no ledger here knows is looked for: in what the run has not read yet, then on the topics as a whole (`cli.tracing_topics`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.tracing_ledger import Taken, taken_by_run, waits_for_run
from cli.tracing_topics import Story, announced, dead_letters_of, on_the_topics
from streams.kafka.reader import TopicReader

if TYPE_CHECKING:
    from schemas.model_version import ModelVersion
    from streams.kafka.settings import KafkaSettings

__all__ = ["Story", "follow"]


def follow(settings: KafkaSettings, sample_id: str, run_dir: Path | None) -> Story:
    """All that is known of a sample.

    Args:
        settings: the broker.
        sample_id: the sample's id, or the Kafka key that its record was sent with.
        run_dir: the run in whose ledger to look; None: the newest run that has taken the sample, of those that were announced and have
            their folder on this machine.

    Raises:
        BrokerError: the broker is away.
    """
    with TopicReader(settings) as log:
        models = announced(log)
        runs = _runs(log, run_dir, models)
        story = next(filter(None, (taken_by_run(run, sample_id) for run in runs)), None)
        story = story or next(filter(None, (waits_for_run(run, sample_id) for run in runs[:1])), None)
        if story is None:
            story = on_the_topics(log, sample_id, runs[0].newest if runs else None, models)
        story["dead_letters"], nameless = dead_letters_of(log, {sample_id, story["sample_id"]})
    return story | {"found": any(story[name] for name in story if name != "sample_id"), "dead_letters_without_id": nameless}


def _runs(log: TopicReader, named: Path | None, models: list[tuple[ModelVersion, int]]) -> list[Taken]:
    """The run that is named, else all that were announced and have their folder here, the newest first."""
    from trainer_node.commit.manifest import checkpoints

    folders = (
        [named] if named else list(dict.fromkeys(Path(model.path).parent.parent for model, _ in reversed(models) if _lies_there(model)))
    )
    found = (checkpoints(folder, deep=False) for folder in folders if folder.is_dir())
    return [Taken(log, whole, models) for whole in found if whole]


def _lies_there(model: ModelVersion) -> bool:
    """Whether what was announced lies on this machine at the path that the message names, which may be any."""
    from schemas.errors import CheckpointError
    from trainer_node.commit.manifest import read_manifest

    try:
        return "\0" not in model.path and read_manifest(Path(model.path))[1] == model.sha256
    except (CheckpointError, OSError):
        return False
