"""What holds a sample: topics, ledgers, checkpoints, held-out files, reports and models; and the mark that leaves it out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.tracing_topics import names
from schemas.dead_letter import DeadLetter
from schemas.forgotten import Forgotten
from streams.kafka.consumer import Record

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.kafka.reader import TopicReader
    from streams.kafka.settings import KafkaSettings

CHUNK_BYTES = 1 << 20
REPORTS = (".html", ".json", ".jsonl", ".parquet", ".csv")
"""How files of a run's folder end that may quote a sample."""


@dataclass(frozen=True)
class Holder:
    """One place that holds the sample, or what was made of it."""

    kind: str
    """topic, ledger, checkpoint, held out, report or model."""
    place: str
    """`topic:partition:offset`, a folder or a file."""
    until: float | None
    """Seconds since the epoch at which the broker removes it; None where nothing does by itself."""
    remedy: str
    """What can be done."""


def holders(settings: KafkaSettings, sample_id: str, run_dirs: Sequence[Path]) -> tuple[list[Holder], set[str]]:
    """Everything that holds a sample, and the ids that are to be left out: its own, and those of what was made of it.

    Raises:
        BrokerError: the broker is away.
    """
    from streams.kafka.reader import TopicReader

    found: list[Holder] = []
    ids = {sample_id}
    with TopicReader(settings) as log:
        topics = [topic for topic in settings.topics if topic.name not in (settings.topics.facts.name, settings.topics.models.name)]
        for topic in topics:
            if topic.name == settings.topics.forgotten.name or not log.has(topic.name):
                continue
            for record in log.topic(topic.name):
                if made := _about(record, topic, ids):
                    ids.add(made)
                    found.append(_on_topic(record, topic))
        found += _models(log, sample_id, run_dirs)
    for folder in run_dirs:
        found += _in_run(folder, ids)
    return found, ids


def _about(record: Record, topic: Topic, ids: set[str]) -> str | None:
    """The id of a record that is about one of these samples, or made of it; None of any other."""
    from schemas.errors import BadRecord

    mentioned = next((one for one in ids if names(record, one)), None)
    if mentioned is None:
        return None
    if topic.value is DeadLetter:
        return mentioned
    try:
        message = topic.value.decode(record.value)
    except BadRecord:
        return mentioned if record.key == mentioned.encode() else None
    said = {str(getattr(message, name)) for name in ("sample_id", "prompt_id", "parent_id") if getattr(message, name, None)}
    if not said & ids:
        return None
    return str(getattr(message, "sample_id", None) or mentioned)


def _on_topic(record: Record, topic: Topic) -> Holder:
    place = f"{record.topic}:{record.partition}:{record.offset}"
    if topic.retention_ms < 0:
        return Holder("topic", place, None, "a tombstone under its key removes it")
    until = (record.timestamp + topic.retention_ms) / 1000
    return Holder("topic", place, until, "--delete-records removes it now, with all before it in its partition")


def _models(log: TopicReader, sample_id: str, run_dirs: Sequence[Path]) -> Iterator[Holder]:
    """Models whose weights were trained on it, by the ledgers here."""
    from cli.tracing_ledger import Taken, taken_by_run
    from cli.tracing_topics import announced
    from trainer_node.commit.manifest import checkpoints

    models = announced(log)
    for folder in run_dirs:
        whole = checkpoints(folder, deep=False)
        story = taken_by_run(Taken(log, whole, models), sample_id) if whole else None
        for model in (story or {}).get("models", ()):
            yield Holder("model", str(model["version"]), None, "trained on it: train anew without it, and take the old one out of use")
        for name in (story or {}).get("checkpoints", ()):
            yield Holder("checkpoint", str(folder / "checkpoints" / str(name)), None, "trained on it: a run begun anew leaves it out")


def _in_run(folder: Path, ids: set[str]) -> Iterator[Holder]:
    """What a run's folder keeps of it."""
    from trainer_node.commit.held_out_file import HELD_OUT
    from trainer_node.commit.ledger import Ledger
    from trainer_node.commit.manifest import checkpoints

    whole = checkpoints(folder, deep=False)
    if whole and Ledger(folder / "ledger", whole[-1].manifest.segments).find(ids):
        yield Holder("ledger", str(folder / "ledger"), None, "stays: it holds the id, and no text")
    for path in sorted(folder.rglob("*")):
        if path.name == HELD_OUT and _mentions(path, ids):
            yield Holder("held out", str(path), None, "the next checkpoint is without it; this one is deleted by --keep-checkpoints")
        elif path.suffix in REPORTS and path.is_file() and "ledger" not in path.parts and path.name != HELD_OUT and _mentions(path, ids):
            yield Holder("report", str(path), None, "delete the file, or have it made anew")


def _mentions(path: Path, ids: Iterable[str]) -> bool:
    """Whether one of the ids stands in a file, read a piece at a time."""
    wanted = [name.encode() for name in ids]
    longest, rest = max(map(len, wanted)), b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            if any(name in rest + piece for name in wanted):
                return True
            rest = piece[-longest:]
    return False


def mark(settings: KafkaSettings, ids: Sequence[str], why: str | None) -> None:
    """Put the mark of each id on the topic, which is made where it is missing, and wait until the broker has them.

    Raises:
        BrokerError: the broker is away, or refuses.
    """
    from streams.kafka.admin import create_topics
    from streams.kafka.producer import Producer

    topic = settings.topics.forgotten
    create_topics(settings, [topic]).raise_if_wrong()
    with Producer(settings) as producer:
        for name in ids:
            producer.send(topic, name, Forgotten(sample_id=name, forgotten_at=time.time(), why=why))


def delete(settings: KafkaSettings, found: Sequence[Holder]) -> list[str]:
    """Have the broker delete each topic's records up to the last that holds it, where every group has read so far; what was done, a line
    each.

    Raises:
        BrokerError: the broker is away, or refuses.
    """
    from kafka import TopicPartition

    from streams.kafka.connection import open_admin
    from streams.kafka.lag import LagReader

    last: dict[TopicPartition, int] = {}
    for holder in found:
        if holder.kind == "topic" and holder.until is not None:
            topic, number, offset = holder.place.rsplit(":", 2)
            tp = TopicPartition(topic, int(number))
            last[tp] = max(last.get(tp, 0), int(offset) + 1)
    with LagReader(settings) as lag:
        rows = [row for group in lag.groups() for row in lag.rows(group)]
    done = []
    for tp, end in sorted(last.items()):
        behind = [row.group for row in rows if (row.topic, row.partition) == tuple(tp) and (row.committed or 0) < end]
        if behind:
            done.append(f"not deleted   {tp.topic}:{tp.partition}: {', '.join(behind)} has not read so far; it goes by retention")
            continue
        with open_admin(settings, f"deleting records of {tp.topic}") as admin:
            admin.delete_records({tp: end})
        done.append(f"deleted       {tp.topic}:{tp.partition} up to offset {end - 1}")
    return done
