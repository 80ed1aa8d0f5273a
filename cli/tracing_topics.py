"""A sample looked for on the topics, from their beginnings to the ends that they have now: for what no ledger on this machine knows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from schemas.errors import BadRecord
from schemas.model_version import ModelVersion
from schemas.sample import HASH_ID, Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import Objective, TrainingSample
from streams.kafka.admin import beginning_offsets, committed_offsets
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.signatures import Signatures

if TYPE_CHECKING:
    from streams.kafka.reader import TopicReader
    from streams.kafka.settings import KafkaSettings
    from trainer_node.commit.manifest import Checkpoint

Story = dict[str, Any]
"""sample_id, found, and a list for each kind of event: received, banded, waiting, trained, ... (`cli.tracing.follow`)."""
SeenBy = tuple[str, Callable[[str, int, int], bool]]
"""Who reads the bands, and whether it is done with a topic's partition and offset."""


def on_the_topics(log: TopicReader, asked: str, newest: Checkpoint | None, models: list[tuple[ModelVersion, int]]) -> Story:
    """All that the topics say of a sample: reads `samples`, the bands and `losses` whole.

    Args:
        log: reads them.
        asked: its id, or its record's Kafka key.
        newest: the checkpoint by which is told what waits; None: the offsets that trainers have committed.
        models: as `announced` gives them.
    """
    settings = log.settings
    received, variants = _samples(log, asked)
    sample_id = received[-1]["sample_id"] if received else asked
    banded, counts = _bands(log, sample_id, _readers(settings, newest))
    losses = list(losses_among(_mentions(log, settings.topics.losses.name, sample_id), sample_id).values())
    return {
        "sample_id": sample_id,
        "received": received,
        "banded": banded,
        "waiting": _awaits_band(log, received, banded) + counts,
        "trained": [],
        "skipped": [],
        "losses": losses,
        "variants": variants,
        "checkpoints": [],
        "models": [told_of(model) for model, _ in models if any(_holds_loss(model, loss) for loss in losses)],
    }


def announced(log: TopicReader) -> list[tuple[ModelVersion, int]]:
    """What is announced on `models` and not deleted since, oldest first, each with its time in milliseconds since the epoch."""
    signatures = Signatures(log.settings)
    found: dict[bytes | None, tuple[ModelVersion, int]] = {}
    for record in log.topic(log.settings.topics.models.name):
        try:
            signatures.check(record)  # a forged one neither counts nor takes the place of a true one
        except BadRecord:
            continue
        found.pop(record.key, None)
        try:
            found[record.key] = (ModelVersion.decode(record.value), record.timestamp)
        except BadRecord:  # a tombstone, or nothing of ours
            continue
    return list(found.values())


def told_of(model: ModelVersion) -> Story:
    """What is told of a model that holds the sample."""
    return {"version": model.version, "path": model.path, "run_id": model.run_id}


def _holds_loss(model: ModelVersion, loss: Story) -> bool:
    """Where no ledger can be asked: a step that told the sample's loss is in every later model of its run. Samples held out have none."""
    return bool(model.run_id == loss["run_id"] and model.step >= loss["step"])


def _samples(log: TopicReader, asked: str) -> tuple[list[Story], list[Story]]:
    """Where it was received, by its id or by its record's key; and its variants."""
    received, by_key, variants = [], [], []
    for record in _mentions(log, log.settings.topics.samples.name, asked):
        try:
            sample = Sample.decode(record.value)
        except BadRecord:
            continue
        event = receipt(record, sample)
        if sample.sample_id == asked:
            received.append(event)
        elif sample.parent_id == asked:
            variants.append(event)
        elif record.key == asked.encode():
            by_key.append(event | {"key": asked})
    return received or by_key, variants


def receipt(record: Record, sample: Sample) -> Story:
    """A record of `samples`."""
    return {"position": position_of(record), "time": record.timestamp, "origin": sample.origin, "sample_id": sample.sample_id}


def _bands(log: TopicReader, sample_id: str, readers: list[SeenBy]) -> tuple[list[Story], list[Story]]:
    """Where it was put in a band, and behind how many records it waits there, for each reader that is not done with it."""
    banded, waiting = [], []
    for topic in [topic for objective in Objective for topic in log.settings.topics.bands(objective)]:
        before: list[int] = []
        for record in log.topic(topic.name):
            sample = training_sample(record, sample_id)
            if sample is not None:
                banded.append(banding(record, sample))
                for name, done in readers:
                    if not done(record.topic, record.partition, record.offset):
                        behind = sum(not done(record.topic, record.partition, offset) for offset in before)
                        waiting.append({"position": position_of(record), "behind": behind, "seen_by": name})
            before.append(record.offset)
    return banded, waiting


def training_sample(record: Record, sample_id: str) -> TrainingSample | None:
    """A band's record, where it is the sample's."""
    if not names(record, sample_id):
        return None
    try:
        sample = TrainingSample.decode(record.value)
    except BadRecord:
        return None
    return sample if sample_id in (sample.sample_id, sample.former_id) else None


def banding(record: Record, sample: TrainingSample) -> Story:
    """A record of a band."""
    return {
        "position": position_of(record),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": record.timestamp,
        "objective": sample.objective.value,
        "band": sample.band,
        "difficulty": sample.difficulty.model_dump(mode="json", exclude={"schema_version"}),
        "source": sample.source.model_dump(mode="json", exclude={"schema_version"}) if sample.source else None,
    }


def _readers(settings: KafkaSettings, newest: Checkpoint | None) -> list[SeenBy]:
    """The run's newest checkpoint, where there is one; else every trainer group that has committed."""
    if newest is not None:
        return [(f"checkpoint {newest.manifest.name}", done_in(newest))]
    from streams.kafka.lag import LagReader
    from streams.node import group_name

    with LagReader(settings) as reader:
        groups = [name for name in reader.groups() if name.startswith(group_name(settings, "trainer", None))]
    return [(f"group {name}", _committed_past(settings, name)) for name in groups]


def done_in(checkpoint: Checkpoint) -> Callable[[str, int, int], bool]:
    """Whether a checkpoint is done with a topic's partition and offset."""
    partitions = checkpoint.manifest.feed.position.partitions

    def done(topic: str, partition: int, offset: int) -> bool:
        state = partitions.get(f"{topic}:{partition}")
        return state is not None and state.is_done(offset)

    return done


def _committed_past(settings: KafkaSettings, group: str) -> Callable[[str, int, int], bool]:
    committed = {(tp.topic, tp.partition): offset for tp, offset in committed_offsets(settings, group).items()}
    return lambda topic, partition, offset: offset < committed.get((topic, partition), 0)


def _awaits_band(log: TopicReader, received: list[Story], banded: list[Story]) -> list[Story]:
    """Received, in no band yet: behind how many records of `samples` it waits."""
    if not received or banded:
        return []
    from streams.node import group_name  # loads the graph, which most looks do without

    settings = log.settings
    topic = settings.topics.samples.name
    group = group_name(settings, "curriculum", None)
    committed = {tp.partition: offset for tp, offset in committed_offsets(settings, group).items() if tp.topic == topic}
    position = received[-1]["position"]
    partition, offset = (int(part) for part in position.rsplit(":", 2)[1:])
    if offset < committed.get(partition, 0):
        return []
    begin = {tp.partition: first for tp, first in beginning_offsets(settings, [topic]).items()}
    start = {number: max(committed.get(number, 0), first) for number, first in begin.items()}
    behind = sum(record.partition == partition for record in log.topic(topic, start=start, end={partition: offset}))
    return [{"position": position, "behind": behind, "seen_by": f"group {group}"}]


def losses_among(records: Iterator[Record], sample_id: str) -> dict[str, Story]:
    """The sample's losses by event id: an event that a crash repeated counts once."""
    found: dict[str, Story] = {}
    for record in records:
        if not names(record, sample_id):
            continue
        try:
            loss = SampleLoss.decode(record.value)
        except BadRecord:
            continue
        if loss.sample_id == sample_id:
            found[loss.event_id] = {"run_id": loss.run_id, "pass": loss.pass_number, "step": loss.step, "loss": loss.loss}
    return found


def dead_letters_of(log: TopicReader, ids: set[str]) -> tuple[list[Story], int]:
    """The dead letters of these ids; and how many others have no id that could be read, and do not hold one of these either."""
    found, nameless = [], 0
    for letter, record in read_dead_letters(log.settings, log.topic(log.settings.topics.dead_letters.name)):
        is_named = letter.sample_id in ids or record.key in {name.encode() for name in ids}
        if not is_named and letter.sample_id is not None:
            continue
        if not is_named and not any(_holds(record, name) for name in ids):
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


def _mentions(log: TopicReader, topic: str, sample_id: str) -> Iterator[Record]:
    return (record for record in log.topic(topic) if names(record, sample_id))


def names(record: Record, sample_id: str) -> bool:
    """Whether it can be about the sample at all: cheaper than to parse every record. An id that is a hash may stand nowhere."""
    value = record.value or b""
    written = (json.dumps(sample_id, ensure_ascii=is_ascii)[1:-1].encode() for is_ascii in (True, False))
    if record.key == sample_id.encode() or any(text in value for text in written):
        return True
    return sample_id.startswith(HASH_ID) and b"sample_id" not in value


def position_of(record: Record) -> str:
    """`topic:partition:offset`."""
    return f"{record.topic}:{record.partition}:{record.offset}"
