"""What the topics and a run's ledger know of one sample. Every read is finite: to the ends that the topics have now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import BadRecord
from schemas.model_version import ModelVersion
from schemas.sample import HASH_ID, Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.admin import beginning_offsets, committed_offsets
from streams.kafka.consumer import Record, read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.node import group_name

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings
    from trainer_node.commit.ledger import LedgerRow
    from trainer_node.commit.manifest import Checkpoint

Story = dict[str, Any]
"""sample_id, found, and a list for each kind of event: received, banded, waiting, trained, ... (`follow`)."""
SeenBy = tuple[str, Callable[[str, int, int], bool]]
"""Who reads the bands, and whether it is done with a topic's partition and offset."""


def follow(settings: KafkaSettings, sample_id: str, run_dir: Path | None) -> Story:
    """All that is known of a sample.

    Raises:
        BrokerError: the broker is away.
    """
    received, variants = _samples(settings, sample_id)
    banded, counts = _bands(settings, sample_id, _readers(settings, run_dir))
    ledger, checkpoints = _ledger(sample_id, run_dir)
    losses = _losses(settings, sample_id)
    dead_letters, nameless = _dead_letters(settings, sample_id)
    story: Story = {
        "sample_id": sample_id,
        "received": received,
        "banded": banded,
        "waiting": _awaits_band(settings, received, banded) + counts,
        "trained": [row.document() | {"position": _position_of(row)} for row in ledger if row.document()["outcome"] == "trained"],
        "skipped": [row.document() | {"position": _position_of(row)} for row in ledger if row.document()["outcome"] == "skipped"],
        "losses": losses,
        "variants": variants,
        "checkpoints": checkpoints,
        "models": _models(settings, banded),
        "dead_letters": dead_letters,
    }
    return story | {"found": any(story[name] for name in story if name != "sample_id"), "dead_letters_without_id": nameless}


def _samples(settings: KafkaSettings, sample_id: str) -> tuple[list[Story], list[Story]]:
    """Where it was received, and its variants."""
    received, variants = [], []
    for record in _mentions(settings, settings.topics.samples.name, sample_id):
        try:
            sample = Sample.decode(record.value)
        except BadRecord:
            continue
        event = {"position": _position(record), "time": record.timestamp, "origin": sample.origin, "sample_id": sample.sample_id}
        if sample.sample_id == sample_id:
            received.append(event)
        elif sample.parent_id == sample_id:
            variants.append(event)
    return received, variants


def _bands(settings: KafkaSettings, sample_id: str, readers: list[SeenBy]) -> tuple[list[Story], list[Story]]:
    """Where it was put in a band, and behind how many records it waits there, for each reader that is not done with it."""
    banded, waiting = [], []
    for topic in [topic for objective in Objective for topic in settings.topics.bands(objective)]:
        before: list[int] = []
        for record in read_range(settings, topic.name):
            sample = _training_sample(record, sample_id)
            if sample is not None:
                banded.append(_banding(record, sample))
                for name, done in readers:
                    if not done(record.topic, record.partition, record.offset):
                        behind = sum(not done(record.topic, record.partition, offset) for offset in before)
                        waiting.append({"position": _position(record), "behind": behind, "seen_by": name})
            before.append(record.offset)
    return banded, waiting


def _training_sample(record: Record, sample_id: str) -> TrainingSample | None:
    if not _names(record, sample_id):
        return None
    try:
        sample = TrainingSample.decode(record.value)
    except BadRecord:
        return None
    return sample if sample.sample_id == sample_id else None


def _banding(record: Record, sample: TrainingSample) -> Story:
    return {
        "position": _position(record),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": record.timestamp,
        "objective": sample.objective.value,
        "band": sample.band,
        "difficulty": sample.difficulty.model_dump(mode="json", exclude={"schema_version"}),
        "source": sample.source.model_dump(mode="json", exclude={"schema_version"}) if sample.source else None,
    }


def _readers(settings: KafkaSettings, run_dir: Path | None) -> list[SeenBy]:
    """The run's newest checkpoint, where a run is named; else every trainer group that has committed."""
    if run_dir is not None:
        newest = _newest(run_dir)
        return [(f"checkpoint {newest.manifest.name}", _done_in(newest))] if newest else []
    from streams.kafka.lag import LagReader

    with LagReader(settings) as reader:
        groups = [name for name in reader.groups() if name.startswith(group_name(settings, "trainer", None))]
    return [(f"group {name}", _committed_past(settings, name)) for name in groups]


def _done_in(checkpoint: Checkpoint) -> Callable[[str, int, int], bool]:
    partitions = checkpoint.manifest.feed.position.partitions

    def done(topic: str, partition: int, offset: int) -> bool:
        state = partitions.get(f"{topic}:{partition}")
        return state is not None and state.is_done(offset)

    return done


def _committed_past(settings: KafkaSettings, group: str) -> Callable[[str, int, int], bool]:
    committed = {(tp.topic, tp.partition): offset for tp, offset in committed_offsets(settings, group).items()}
    return lambda topic, partition, offset: offset < committed.get((topic, partition), 0)


def _awaits_band(settings: KafkaSettings, received: list[Story], banded: list[Story]) -> list[Story]:
    """Received, in no band yet: behind how many records of `samples` it waits."""
    if not received or banded:
        return []
    topic = settings.topics.samples.name
    group = group_name(settings, "curriculum", None)
    committed = {tp.partition: offset for tp, offset in committed_offsets(settings, group).items() if tp.topic == topic}
    position = received[-1]["position"]
    partition, offset = (int(part) for part in position.rsplit(":", 2)[1:])
    if offset < committed.get(partition, 0):
        return []
    begin = {tp.partition: first for tp, first in beginning_offsets(settings, [topic]).items()}
    start = {number: max(committed.get(number, 0), first) for number, first in begin.items()}
    behind = sum(record.partition == partition for record in read_range(settings, topic, start=start, end={partition: offset}))
    return [{"position": position, "behind": behind, "seen_by": f"group {group}"}]


def _ledger(sample_id: str, run_dir: Path | None) -> tuple[list[LedgerRow], list[str]]:
    """The sample's rows in the newest checkpoint's ledger, and the checkpoints of the run that stand on it."""
    from trainer_node.commit.ledger import Ledger, Outcome
    from trainer_node.commit.manifest import checkpoints

    whole = checkpoints(run_dir, deep=False) if run_dir is not None else []
    if not whole:
        return [], []
    assert run_dir is not None
    rows = [row for row in Ledger(run_dir / "ledger", whole[-1].manifest.segments).rows() if row.sample_id == sample_id]
    steps = [row.step for row in rows if row.outcome is Outcome.TRAINED]
    return rows, [checkpoint.manifest.name for checkpoint in whole if steps and checkpoint.manifest.step >= min(steps)]


def _newest(run_dir: Path) -> Checkpoint | None:
    from trainer_node.commit.manifest import checkpoints

    whole = checkpoints(run_dir, deep=False)
    return whole[-1] if whole else None


def _losses(settings: KafkaSettings, sample_id: str) -> list[Story]:
    """Its losses; an event that a crash repeated counts once."""
    found: dict[str, Story] = {}
    for record in _mentions(settings, settings.topics.losses.name, sample_id):
        try:
            loss = SampleLoss.decode(record.value)
        except BadRecord:
            continue
        if loss.sample_id == sample_id:
            found[loss.event_id] = {"run_id": loss.run_id, "pass": loss.pass_number, "step": loss.step, "loss": loss.loss}
    return list(found.values())


def _models(settings: KafkaSettings, banded: list[Story]) -> list[Story]:
    """Announced checkpoints whose positions are past one of the sample's records."""
    found: dict[str, Story] = {}
    for record in read_range(settings, settings.topics.models.name):
        try:
            model = ModelVersion.decode(record.value)
        except BadRecord:
            continue
        done = {(position.topic, position.partition): position for position in model.positions}
        for row in banded:
            position = done.get((row["topic"], row["partition"]))
            if model.pass_number > 1 or (position and (row["offset"] < position.watermark or row["offset"] in position.done_above)):
                found[model.version] = {"version": model.version, "path": model.path, "run_id": model.run_id}
    return list(found.values())


def _dead_letters(settings: KafkaSettings, sample_id: str) -> tuple[list[Story], int]:
    """Its dead letters; and how many others have no id that could be read, and do not hold this one either."""
    found, nameless = [], 0
    for letter, record in read_dead_letters(settings):
        is_named = sample_id == letter.sample_id or record.key == sample_id.encode()
        if not is_named and letter.sample_id is not None:
            continue
        if not is_named and not _holds(record, sample_id):
            nameless += 1
            continue
        found.append(
            {
                "position": f"{letter.topic}:{letter.partition}:{letter.offset}",
                "stage": letter.stage,
                "reason": letter.reason.value,
                "error": letter.error if is_named else f"{letter.error} (its id could not be read; it holds these characters)",
                "time": record.timestamp,
            }
        )
    return found, nameless


def _holds(record: Record, sample_id: str) -> bool:
    """Whether an id stands in a record's key or value as a word of its own, whatever the bytes are otherwise."""
    return any(
        re.search(rb"(?<![\w-])" + re.escape(sample_id.encode(encoding)) + rb"(?![\w-])", place)
        for place in (record.key or b"", record.value or b"")
        for encoding in ("utf-8", "utf-16-le", "utf-16-be")
    )


def _mentions(settings: KafkaSettings, topic: str, sample_id: str) -> Iterator[Record]:
    return (record for record in read_range(settings, topic) if _names(record, sample_id))


def _names(record: Record, sample_id: str) -> bool:
    """Whether it can be about the sample at all: cheaper than to parse every record. An id that is a hash may stand nowhere."""
    value = record.value or b""
    written = (json.dumps(sample_id, ensure_ascii=is_ascii)[1:-1].encode() for is_ascii in (True, False))
    if record.key == sample_id.encode() or any(text in value for text in written):
        return True
    return sample_id.startswith(HASH_ID) and b"sample_id" not in value


def _position(record: Record) -> str:
    return f"{record.topic}:{record.partition}:{record.offset}"


def _position_of(row: LedgerRow) -> str:
    return f"{row.topic}:{row.partition}:{row.offset}"
