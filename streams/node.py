"""What is common to the nodes that turn records of one topic into records of others; Faust is not known here (see `app`).

A node is given batches of records and returns when all that follows from them is acknowledged by the broker. A record that it cannot use
goes to the dead letters, acknowledged too, and the batch goes on. What it raises stops the node, and the batch will be read again.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from prometheus_client import Gauge

from schemas.base import Message
from schemas.dead_letter import REPLAY_HEADER
from schemas.envelopes import with_serializer
from schemas.errors import BadRecord, DeadLetterReason, PeltonError
from schemas.topics import PRODUCER_HEADER, Topic
from streams import metrics
from streams.kafka.admin import check_topics
from streams.kafka.connection import name_clients
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import Breaker, DeadLetterWriter
from streams.kafka.forgotten import ForgottenIds
from streams.kafka.keys import AllowedKey
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signatures
from streams.kafka.sources import Sources, source_of
from streams.knowledge.ontology import Ontology
from streams.knowledge.view import FactsView
from streams.positions import GroupPositions
from streams.state_files import make_folder, read_json, state_path, write_json

FACTS_SECONDS = 3600.0
"""Longest wait for the knowledge graph at the start."""

LINGER_MS = 50
"""Longest time for which what a batch sends waits for what else it sends, in milliseconds; each request costs a thread's switch."""
MOST_NAMED = 20
"""Paused sources that have a series of their own: their names come from messages."""

logger = logging.getLogger(__name__)


@dataclass
class Case:
    """One record being handled."""

    record: Record
    sample_id: str | None = None
    """Set by the node as soon as it could be read; goes into the dead letter's headers."""


class StreamNode(ABC):
    """Reads `topic` in batches. All methods are called from one thread."""

    name: str
    """The node's name: stage of its dead letters, label of its metrics, part of its group."""
    batch: int = 256
    """Most records in a batch."""
    linger: float = 0.1
    """Longest wait for a batch to fill, in seconds."""
    dead_letters_bad_facts: bool = False
    """Whether this node dead-letters bad facts; exactly one kind of node does it."""

    def __init__(
        self,
        settings: KafkaSettings,
        topic: Topic,
        ontology: Ontology,
        run_id: str | None = None,
        state_folder: Path | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        name_clients(self.name, run_id)
        self.settings = settings
        self.topic = topic
        self.run_id = run_id
        self._breaker = breaker or Breaker()
        self.state_folder = make_folder(state_folder) if state_folder else None
        """Where it keeps what it has learnt of the stream."""
        self._sources = self._known_sources()
        self.signatures = Signatures(settings)
        self.forgotten = ForgottenIds(settings)
        self._signed_by: dict[tuple[str, int, int], AllowedKey | None] = {}
        # What a batch has sent is not given up while its broker is away. It goes at the batch's end, together, or once a request is full.
        self._producer = Producer(settings, waits_for_broker=True, linger_ms=LINGER_MS)
        self._letters = DeadLetterWriter(self._producer, settings, self.name, run_id)
        self._sent: Counter[str] = Counter()
        fact_letters = DeadLetterWriter(self._producer, settings, "facts", run_id, Breaker()) if self.dead_letters_bad_facts else None
        self.view = FactsView(settings, ontology, fact_letters)
        self.positions = GroupPositions(settings, self.name, topic.name)
        self._closing = threading.Event()

    @property
    def group(self) -> str:
        """The consumer group: one for each run, so that two runs on one broker do not share partitions."""
        return group_name(self.settings, self.name, self.run_id)

    def handle(self, records: Sequence[Record]) -> None:
        """Do all that follows from these records, acknowledged.

        Raises:
            BrokerError: something could not be sent.
        """
        begun = monotonic()
        metrics.RECORDS_IN.labels(self.name, self.topic.name).inc(len(records))
        self._signed_by.clear()
        self.forgotten.look()
        self.process(records)
        self.flush()
        for topic_name, count in self._sent.items():
            metrics.RECORDS_OUT.labels(self.name, topic_name).inc(count)
        self._sent.clear()
        self._keep_sources()
        self.acknowledged()
        metrics.BATCH_SECONDS.labels(self.name).set(monotonic() - begun)

    def prepare(self) -> None:
        """Read the knowledge graph to the end it has now; nothing is decided on half a graph. `close` from another thread ends it.

        Raises:
            BrokerError: a topic is missing, or the facts could not be read in time.
        """
        topics = self.settings.topics
        used = {topic.name: topic for topic in (self.topic, topics.facts, topics.dead_letters, *self.written())}
        check_topics(self.settings, used.values()).raise_if_missing()
        self._show_paused()
        metrics.begin_dead_letters(self.name)
        self.view.start()
        self.warm_up()
        self.view.wait_ready(FACTS_SECONDS, self._closing)

    def written(self) -> Sequence[Topic]:
        """Topics that this node sends to, beside the dead letters: they too must be there before it begins."""
        return ()

    def warm_up(self) -> None:  # noqa: B027 - most nodes need not
        """Called while the facts are read: load what takes long."""

    @abstractmethod
    def process(self, records: Sequence[Record]) -> None:
        """Decide on each of the `admitted` records, inside `guarded`, and `send` what follows."""

    def acknowledged(self) -> None:  # noqa: B027 - most nodes need not
        """Called when all that a batch sent is acknowledged, before its offsets are committed."""

    def committed(self) -> None:
        """Called when a batch's offsets are committed.

        Raises:
            TooManyDeadLetters: all records are bad, and nothing tells who sent them; the node must stop.
        """
        self._breaker.check()

    def reassigned(self) -> None:  # noqa: B027 - most nodes need not
        """Called when partitions may have changed hands, between batches."""

    def waiting_for(self) -> str | None:
        """What the node still waits for before it can work; None when it can. Called from any thread."""
        return None if self.view.ready else f"{self.settings.topics.facts.name}, {self.view.lag} offsets behind"

    def remarks(self) -> list[str]:
        """What a person should know of the node beside what it waits for. Called from any thread."""
        return [f"source paused: {why}" for why in self._sources.paused.values()]

    @property
    def told_of(self) -> dict[Gauge, Callable[[], float]]:
        """Metrics that are asked for rather than counted, each at every look, from the metrics' thread."""
        disk = metrics.of_the_disk(self.state_folder) if self.state_folder is not None else {}
        return disk | {
            metrics.BREAKER_OPEN: lambda: float(self._breaker.is_open),
            metrics.BREAKER_BAD_RECORDS: lambda: float(self._breaker.bad_in_a_row),
        }

    def close(self) -> None:
        """Let go of connections, threads and processes, more than once if need be. What was not flushed will be read again."""
        self._closing.set()
        self.positions.close()
        self._producer.close(timeout=1.0)
        self.view.stop()

    def send(self, topic: Topic, key: str, message: Message, source: str | None = None) -> None:
        """Send a message, with a header that says whose it is where that is known; it is acknowledged when the batch is."""
        self._producer.send(topic, key, message, [(PRODUCER_HEADER, source.encode())] if source else [])
        self._sent[topic.name] += 1

    def flush(self) -> None:
        """Wait until all that was sent is acknowledged.

        Raises:
            BrokerError: something could not be sent.
        """
        self._producer.flush()

    def skip(self, why: str) -> None:
        """Count a record that is left alone on purpose."""
        metrics.RECORDS_SKIPPED.labels(self.name, why).inc()

    def admitted(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records to be handled, one at a time; those of a paused source go to the dead letters, but for its probes.

        One that was sent back from the dead letters is always handled: somebody wants it tried. One that is refused for its signature is
        counted against nobody: else whoever writes under another's name could have that one paused.
        """
        for record in records:
            try:
                self._signed_by[record.topic, record.partition, record.offset] = self.signatures.check(record)
            except BadRecord as bad:
                metrics.RECORDS_REFUSED.labels(self.name, record.topic, bad.reason.value).inc()
                self._put_away(Case(record), bad)
                continue
            name = self._source_of(record)
            if self._sources.admits(name) or any(header == REPLAY_HEADER for header, _ in record.headers):
                yield record
            else:
                why = f"{self._sources.paused.get(name or '')}; nothing is known to be wrong with this record"
                self._put_away(Case(record), BadRecord(DeadLetterReason.SOURCE_PAUSED, why))

    @contextmanager
    def guarded(self, record: Record, is_done: bool = True) -> Iterator[Case]:
        """Around the handling of one record: what is raised for it alone sends it to the dead letters and ends there.

        `is_done` False: there is more to be done with the record, inside another such block, and only then it counts as good.
        """
        case = Case(record)
        try:
            yield case
        except BadRecord as bad:
            self._dead_letter(case, with_serializer(bad, record.headers))
        except PeltonError:
            raise
        except Exception as error:
            logger.exception("%s: %s %d:%d", self.name, record.topic, record.partition, record.offset)
            self._dead_letter(case, BadRecord(DeadLetterReason.PROCESSING_ERROR, f"{type(error).__name__}: {error}"))
        else:
            if is_done:
                self._judge_source(record, ok=True)

    def _dead_letter(self, case: Case, bad: BadRecord) -> None:
        self._put_away(case, bad)
        self._judge_source(case.record, ok=False)

    def _put_away(self, case: Case, bad: BadRecord) -> None:
        """Dead-letter a record; the broker has it when the batch is flushed."""
        self._letters.put_soon(case.record, bad, case.sample_id)
        metrics.DEAD_LETTERS.labels(self.name, bad.reason.value).inc()

    def signed_by(self, record: Record) -> AllowedKey | None:
        """Whose signature an admitted record of this batch has; None where it has none, and needs none."""
        return self._signed_by.get((record.topic, record.partition, record.offset))

    def _source_of(self, record: Record) -> str | None:
        """Who sent it: who signed it, else what the record says itself."""
        key = self.signed_by(record)
        return key.key_id if key is not None else source_of(record)

    def _judge_source(self, record: Record, ok: bool) -> None:
        name = self._source_of(record)
        self._breaker.record(ok, named=name is not None)
        if told := self._sources.record(name, ok):
            logger.warning("%s: %s", self.name, told)
            self._show_paused()

    def _show_paused(self) -> None:
        paused = list(self._sources.paused)
        metrics.SOURCE_PAUSED.clear()
        metrics.SOURCES_PAUSED.labels(self.name).set(len(paused))
        for name in paused[:MOST_NAMED]:
            metrics.SOURCE_PAUSED.labels(self.name, name).set(1)

    def _known_sources(self) -> Sources:
        """With what an earlier incarnation knew of them."""
        sources = Sources()
        if (document := read_json(self._sources_path)) is not None:
            try:
                sources.restore(document)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                logger.warning("%s cannot be used (%s); sources are judged anew", self._sources_path, error)
        for why in sources.paused.values():
            logger.warning("%s: %s before the last stop: this source is still paused", self.name, why)
        return sources

    @property
    def _sources_path(self) -> Path | None:
        return state_path(self.state_folder, f"{self.group}@sources") if self.state_folder else None

    def _keep_sources(self) -> None:
        if self._sources.changed and self._sources_path:
            write_json(self._sources_path, self._sources.to_json())
        self._sources.changed = False


def group_name(settings: KafkaSettings, node: str, run_id: str | None) -> str:
    """Consumer group of a node: `pelton.curriculum`, or `pelton.curriculum.<run>`."""
    return settings.topic_prefix + node + (f".{run_id}" if run_id else "")
