"""The knowledge graph as a node keeps it: read from the `facts` topic from its beginning, and live from then on.

One thread owns the consumer and reads the topic's one partition; no group decides what it reads. A graph is shown once it has reached
the end that the topic had when the reading began, never half read. Its version is the offset reached: nodes at one version hold the
same graph.

Bad facts are counted by every view. Exactly one node, the feedback node, is given a `DeadLetterWriter` and dead-letters them; it alone
commits, under a group of its own, how far it has done so, so that a restart does not dead-letter the same facts again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata

from schemas.errors import BadRecord, BrokerError, DeadLetterReason, PeltonError
from schemas.fact import Fact
from streams import metrics
from streams.kafka.connection import explain
from streams.kafka.consumer import Record, make_consumer, topic_partitions
from streams.kafka.signatures import REASONS, Signatures
from streams.kafka.topic_ids import commit_metadata, heard_ids, made_anew, metadata_id
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.undeclared import undeclared_values

if TYPE_CHECKING:
    from streams.kafka.dead_letters import DeadLetterWriter
    from streams.kafka.settings import KafkaSettings
    from streams.knowledge.ontology import Ontology

GROUP = "bad-facts"
"""Behind the prefix: the group that commits how far bad facts have been dead-lettered."""
OLD_GROUP = "facts.facts"
POLL_MS = 200
"""How long one poll waits for facts, in milliseconds."""
CONNECT_MS = 3_000
"""How long one try to connect waits for a first answer, in milliseconds; `stop` may have to wait for it."""
CALL_MS = 5000
"""Longest wait for one answer of the broker; then a new connection, which knows nothing of the topic that was, asks again."""
COMMIT_ANEW_SECONDS = 3600.0
"""How often what is committed is committed again while nothing comes: a group without members loses it after the broker's retention."""
RETRY_SECONDS = 1.0
"""How long after a failure the broker is tried again."""
REREAD_SECONDS = 3600.0
"""Away from the broker for longer, the graph is read anew: compaction may have dropped tombstones not yet seen (Kafka keeps them a day)."""
CHECK_SECONDS = 10.0
"""How often the end of the log is asked for; tells also a broker that is away and a topic that was made anew."""
STOP_SECONDS = 15.0
"""How long `stop` waits for the thread."""

logger = logging.getLogger(__name__)


class FactsView:
    """A graph that follows the `facts` topic. Every method may be called from any thread."""

    def __init__(self, settings: KafkaSettings, ontology: Ontology | None, dead_letters: DeadLetterWriter | None = None) -> None:
        self._settings = settings
        self._ontology = ontology
        self._dead_letters = dead_letters
        self._signatures = Signatures(settings)
        self._tp = TopicPartition(settings.topics.facts.name, 0)
        self._graph = Hypergraph(ontology)
        self._lock = threading.RLock()
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._end = 0
        self._topic_id: dict[str, str] | None = None
        self._bad = 0
        self._letters: list[tuple[Record, BadRecord]] = []
        self._letters_from = 0
        self._committed_at = 0.0
        self._heard_at = time.monotonic()
        self._trouble = "the broker has not been asked yet"
        self._failure: PeltonError | None = None
        self._look_at = 0
        """With how many facts `_tell_undeclared` looks again."""
        self._told: set[str] = set()

    # --- life

    def start(self) -> FactsView:
        """Begin to read, in a thread of its own; returns at once."""
        self._thread = threading.Thread(target=self._run, name="facts-view", daemon=True)
        self._thread.start()
        return self

    def wait_ready(self, timeout: float, stop: threading.Event | None = None) -> bool:
        """Block until the graph has reached the end offset seen at the start; False where `stop` was set before.

        Raises:
            BrokerError: not reached within `timeout` seconds; says how far it came and what is in the way.
            TooManyDeadLetters: all facts are bad, and nothing tells who sent them.
        """
        deadline = time.monotonic() + timeout
        while not self._ready.wait(0.05):
            self._raise_failure()
            if stop is not None and stop.is_set():
                return False
            if time.monotonic() > deadline:
                raise BrokerError(f"{self._tp.topic}: not read to its end within {timeout:g} s: {self._trouble}")
        self._raise_failure()
        return True

    def stop(self) -> None:
        """Stop reading, and wait until the consumer is closed. The graph stays as it is."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    # --- reading it

    @contextmanager
    def locked(self) -> Iterator[Hypergraph]:
        """The graph, unchanged for the length of the block; keep the block short, for facts wait meanwhile.

        Raises:
            TooManyDeadLetters: all facts are bad, and nothing tells who sent them; the node must stop.
        """
        self._raise_failure()
        with self._lock:
            yield self._graph

    @property
    def ready(self) -> bool:
        """Whether there is a graph to judge by."""
        return self._ready.is_set()

    @property
    def version(self) -> int:
        """Offset of `facts` that the graph has reached; 0 before anything was read."""
        with self._lock:
            return self._graph.version

    @property
    def lag(self) -> int:
        """Offsets between the graph and the end of the topic as last heard of."""
        return max(0, self._end - self.version)

    @property
    def bad_facts(self) -> int:
        """Facts that could not be taken since the start, those met again in a reading anew included."""
        return self._bad

    # --- the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except OffsetOutOfRangeError:
                self._topic_id = None  # not the log that the graph was read from: what stands under an offset is another record
                logger.warning("facts view: %s no longer holds the offset to be read next; it is read anew", self._tp.topic)
            except (BrokerError, KafkaError) as error:
                self._trouble = str(error) if isinstance(error, BrokerError) else explain(self._settings, "reading facts", error)
                logger.warning("facts view: %s; trying again", self._trouble)
                self._stopping.wait(RETRY_SECONDS)
            except Exception as error:
                self._failure = error if isinstance(error, PeltonError) else PeltonError(f"facts view: {error!r}")
                logger.exception("facts view: stopped")
                return

    def _follow(self) -> None:
        """One connection: read on from where the graph stands, or build a new one beside it and show it when it is whole."""
        # "none": a client that goes back to the beginning by itself would put another log's facts on top of this one's.
        consumer = make_consumer(
            self._settings, group=self._group, bootstrap_timeout_ms=CONNECT_MS, auto_offset_reset="none", purpose="facts"
        )
        try:
            topic_partitions(consumer, self._tp.topic)
            consumer.assign([self._tp])
            self._end = consumer.end_offsets([self._tp])[self._tp]
            target = self._end
            found = heard_ids(consumer, [self._tp.topic])
            self._letters_from = self._committed(consumer, found) if self._group else 0
            graph = self._graph if self._goes_on(found) else self._anew()
            self._topic_id, self._heard_at = found, time.monotonic()
            begin = consumer.beginning_offsets([self._tp])[self._tp]
            if begin > graph.version:
                lost = (
                    "%s begins at offset %d: facts from offset %d on were removed before they were read; a topic of facts has no retention"
                )
                logger.warning("facts view: " + lost, self._tp.topic, begin, graph.version)
            consumer.seek(self._tp, max(graph.version, begin))
            while not self._stopping.is_set():
                self._step(consumer, graph)
                if graph is not self._graph or not self._ready.is_set():
                    self._trouble = f"at offset {graph.version} of {target}"
                    self._show(graph, target)
        finally:
            consumer.close(autocommit=False)

    def _committed(self, consumer: KafkaConsumer, found: dict[str, str]) -> int:
        """How far dead letters were written of this topic: 0 in one that was made anew."""
        said = consumer.committed(self._tp, metadata=True) or self._committed_before()
        if said is None or made_anew({self._tp.topic: metadata_id(said.metadata)}, found):
            return 0
        return max(0, int(said.offset))

    def _committed_before(self) -> OffsetAndMetadata | None:
        """What was committed under the group's name before 0.2, so that no old fact is dead-lettered again."""
        consumer = make_consumer(self._settings, group=f"{self._settings.topic_prefix}{OLD_GROUP}", bootstrap_timeout_ms=CONNECT_MS)
        try:
            return consumer.committed(self._tp, metadata=True)
        finally:
            consumer.close(autocommit=False)

    @property
    def _group(self) -> str | None:
        """A group to commit under, for the one view that writes dead letters."""
        return f"{self._settings.topic_prefix}{GROUP}" if self._dead_letters else None

    def _anew(self) -> Hypergraph:
        self._letters.clear()  # they will be met again
        return Hypergraph(self._ontology)

    def _goes_on(self, found: dict[str, str]) -> bool:
        """Whether the graph in hand can be read on: it is whole, the log is the same one, and nothing can have been missed."""
        same_log = found == self._topic_id and self._end >= self._graph.version
        return self._ready.is_set() and same_log and time.monotonic() - self._heard_at < REREAD_SECONDS

    def _show(self, graph: Hypergraph, target: int) -> None:
        if graph.version >= target:
            with self._lock:
                self._graph = graph
            self._ready.set()
            logger.info("facts view: %d facts at version %d", len(graph), graph.version)
            self._tell_undeclared(graph)

    def _tell_undeclared(self, graph: Hypergraph) -> None:
        """Say, once, which predicates' values the ontology takes for names: of what was there, and whenever there is twice as much."""
        if self._ontology is None or len(graph) < self._look_at:
            return
        self._look_at = 2 * len(graph) + 1
        for predicate, line in undeclared_values(self._ontology, graph).items():
            if predicate not in self._told:
                self._told.add(predicate)
                logger.warning("%s", line)

    def _step(self, consumer: KafkaConsumer, graph: Hypergraph) -> None:
        """One poll: apply what came, dead-letter bad facts, note how far the log was read."""
        batch = [Record.of(raw) for raw in consumer.poll(timeout_ms=POLL_MS).get(self._tp, [])]
        if made_anew(self._topic_id or {}, heard_ids(consumer, [self._tp.topic])):
            raise BrokerError(f"{self._tp.topic} was made anew, and is read anew")
        position = consumer.position(self._tp, timeout_ms=CALL_MS)
        if position is None:
            raise BrokerError(f"no position in {self._tp.topic} within {CALL_MS / 1000:.0f} s")
        with self._lock:
            for record in batch:
                self._apply(graph, record)
            graph.reached(position)
        if self._ready.is_set():
            self._tell_undeclared(graph)
        self._check_end(consumer, position)
        self._send_letters(consumer, position)

    def _check_end(self, consumer: KafkaConsumer, position: int) -> None:
        self._end = max(self._end, position, consumer.highwater(self._tp) or 0)
        if time.monotonic() - self._heard_at < CHECK_SECONDS:
            return
        self._end = consumer.end_offsets([self._tp], timeout_ms=CALL_MS)[self._tp]
        self._heard_at = time.monotonic()
        if self._end < position or made_anew(self._topic_id or {}, heard_ids(consumer, [self._tp.topic])):
            raise BrokerError(f"{self._tp.topic} ends at offset {self._end}, {position} was reached: it was made anew, and is read anew")

    def _apply(self, graph: Hypergraph, record: Record) -> None:
        key = (record.key or b"").decode("utf-8", "backslashreplace")
        try:
            if not key:
                raise BadRecord(DeadLetterReason.BAD_FACT, "a fact without a key: the topic is compacted by it")
            graph.remove(key, record.offset)  # whatever comes now is what compaction leaves under this key
            self._signatures.check(record)
            if record.value is None:
                return
            fact = Fact.decode(record.value)
            graph.put(fact if fact.fact_id == key else fact.model_copy(update={"fact_id": key}), record.offset)
            if self._dead_letters is not None and self._dead_letters.breaker is not None:
                self._dead_letters.breaker.record(ok=True)
        except BadRecord as bad:
            self._refused(record, bad)
        except Exception as error:
            logger.exception("facts view: fact at offset %d", record.offset)
            self._refused(record, BadRecord(DeadLetterReason.PROCESSING_ERROR, f"{type(error).__name__}: {error}"))

    def _refused(self, record: Record, bad: BadRecord) -> None:
        self._bad += 1
        if bad.reason in REASONS:
            metrics.RECORDS_REFUSED.labels("facts", record.topic, bad.reason.value).inc()
        logger.warning("facts view: bad fact at offset %d: %s", record.offset, bad)
        if self._dead_letters is not None and record.offset >= self._letters_from:
            self._letters.append((record, bad))

    def _send_letters(self, consumer: KafkaConsumer, position: int) -> None:
        """Send the dead letters that are due, in order; commit how far that went. A failure leaves them due.

        Raises:
            BrokerError: a letter was not taken, or the commit not.
            TooManyDeadLetters: all facts are bad, and nothing tells who sent them; how far they were read is committed.
        """
        if self._dead_letters is None:
            return
        while self._letters:
            self._dead_letters.put(*self._letters[0])
            self._letters.pop(0)
        if position > self._letters_from or time.monotonic() - self._committed_at > COMMIT_ANEW_SECONDS:
            consumer.commit({self._tp: OffsetAndMetadata(position, commit_metadata((self._topic_id or {}).get(self._tp.topic)), -1)})
            self._letters_from, self._committed_at = position, time.monotonic()
        if self._dead_letters.breaker is not None:
            self._dead_letters.breaker.check()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
