"""What the topics and a run's ledger know of one sample. Every read is finite: to the ends that the topics have now.

A run's ledger is the index: it says where in the bands a sample stood, the record there says where it was received, and the models
announced around its step say when its loss was sent. So a sample that a run has taken is looked up (`cli.tracing_ledger`), however long the
topics are. What no ledger here knows is looked for: in what the run has not read yet, then on the topics as a whole (`cli.tracing_topics`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli.tracing_ledger import Taken, taken_by_run
from cli.tracing_topics import Story, announced, dead_letters_of, on_the_topics
from streams.kafka.reader import TopicReader

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from trainer_node.commit.manifest import Checkpoint

__all__ = ["Story", "follow"]


def follow(settings: KafkaSettings, sample_id: str, run_dir: Path | None) -> Story:
    """All that is known of a sample.

    Args:
        settings: the broker.
        sample_id: the sample's id, or the Kafka key that its record was sent with.
        run_dir: the run in whose ledger to look; None: the newest run that was announced, where its folder is on this machine.

    Raises:
        BrokerError: the broker is away.
    """
    with TopicReader(settings) as log:
        models = announced(log)
        whole = _checkpoints(run_dir, [Path(model.path).parent.parent for model, _ in reversed(models)])
        story = taken_by_run(Taken(log, whole, models), sample_id) if whole else None
        if story is None:
            story = on_the_topics(log, sample_id, whole[-1] if whole else None, models)
        story["dead_letters"], nameless = dead_letters_of(log, {sample_id, story["sample_id"]})
    return story | {"found": any(story[name] for name in story if name != "sample_id"), "dead_letters_without_id": nameless}


def _checkpoints(named: Path | None, announced_in: list[Path]) -> list[Checkpoint]:
    """Those of the run that is named, else of the first of these folders that is here."""
    from trainer_node.commit.manifest import checkpoints

    folder = named or next((path for path in announced_in if path.is_dir()), None)
    return checkpoints(folder, deep=False) if folder else []
