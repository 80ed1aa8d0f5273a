"""The curriculum's agent: from `samples` to the band topics.

Each sample is understood, measured on the graph, and put in a band by comparing it with the samples before it in its partition.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.sample import Sample
from schemas.topics import Topic
from schemas.training_sample import Objective, SourcePosition
from streams import metrics
from streams.curriculum.bands import Bands
from streams.curriculum.calibration import HoldBack
from streams.curriculum.difficulty import RawTerms, raw_terms
from streams.curriculum.signals import MEASURES, Signal
from streams.curriculum.task_detector import Content, content_of, detect_task, objective_of, to_training_sample
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.kafka.sources import source_of
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode
from streams.partition_state import PartitionStates

CALIBRATION_LOOK_S = 0.2
"""Seconds between two looks for more to calibrate on."""
LATE_S = 0.5
"""Seconds in which a record that was sent in time may still arrive."""
MOST_MEASURED = 100_000
"""Records whose terms are remembered from the calibration until they get their bands; others are measured once more."""

HELD_BACK = HoldBack()
"""Where nothing else is said."""

logger = logging.getLogger(__name__)


class CurriculumNode(StreamNode):
    """Reads `samples`; with a run id, the producers' samples and those that this run's own nodes sent."""

    name = "curriculum"

    def __init__(
        self,
        settings: KafkaSettings,
        ontology: Ontology,
        run_id: str | None = None,
        state_folder: Path | None = None,
        signal: Signal = Signal.DIFFICULTY,
        hold_back: HoldBack | None = HELD_BACK,
    ) -> None:
        super().__init__(settings, settings.topics.samples, ontology, run_id, state_folder)
        self.signal = signal
        self.hold_back = hold_back
        self._bands = {objective: settings.topics.bands(objective) for objective in Objective}
        self._states = PartitionStates(lambda: _PartitionBands(self), settings, self.group, state_folder, lambda: self.positions.topic_id)

    def process(self, records: Sequence[Record]) -> None:
        """Measure each sample and send it to its band."""
        for record in self.admitted(records):
            bands, counted = self._states.before(record)
            if bands.bands.calibration.is_open:
                self._calibrate(record, bands)
                bands, counted = self._states.before(record)
            with self.guarded(record) as case:
                sample = Sample.decode(record.value)
                case.sample_id = sample.sample_id
                if not self.signatures.vouches_for_node_fields(self.signed_by(record)) and sample.says_node_fields:
                    metrics.NODE_FIELDS_IGNORED.labels(self.name).inc()
                    sample = sample.without_node_fields()
                if self.forgotten.holds(sample.sample_id, sample.parent_id):
                    self.skip("forgotten")
                    self._states.count(record)
                elif self.is_ours(sample):
                    self._place(record, sample, bands, counted)
                else:
                    self.skip("another run's")
            self._states.advance(record)

    def written(self) -> Sequence[Topic]:
        """All bands."""
        return [topic for bands in self._bands.values() for topic in bands]

    def is_ours(self, sample: Sample) -> bool:
        """Whether this node puts the sample in a band."""
        return self.run_id is None or sample.run_id in (None, self.run_id)

    def measure(self, sample: Sample, content: Content) -> tuple[RawTerms, int]:
        """The raw terms of a sample, and the version of the graph they are of."""
        with self.view.locked() as graph:
            terms, version = raw_terms(content, sample.gold, graph), self.view.version
        measure = MEASURES.get(self.signal)
        return terms._replace(other=measure(sample.sample_id, content)) if measure else terms, version

    def _calibrate(self, record: Record, kept: _PartitionBands) -> None:
        """Measure what is held back of a partition before its first record is given a band."""
        calibration, hold_back = kept.bands.calibration, self.hold_back or HoldBack(0)
        first = record.timestamp if calibration.first_ms is None else calibration.first_ms
        # What has gone by of it is told by two clocks, which may be wrong; what is left is counted by one that nobody sets.
        gone = max(0.0, time.time() - first / 1000)
        until = time.monotonic() + max(0.0, hold_back.seconds + LATE_S - gone)
        while calibration.is_open:
            is_last = hold_back.samples is None or time.monotonic() >= until
            self._states.read_on(record, lambda later: calibration.wants(later.timestamp), calibration.close if is_last else lambda: None)
            if calibration.is_open and self._closing.wait(CALIBRATION_LOOK_S):
                return
        logger.info("%s %d: bands are calibrated on %d records", record.topic, record.partition, calibration.count)
        for objective, count in kept.bands.all_alike():
            logger.warning(
                "%s %d: all %d samples of %s that it is calibrated on are alike by %s: they are one band, and no order is made of them",
                record.topic, record.partition, count, objective.value, self.signal.value,
            )  # fmt: skip

    def _place(self, record: Record, sample: Sample, kept: _PartitionBands, counted: bool) -> None:
        task = detect_task(sample)
        content = content_of(sample, task)
        raw, version = kept.measured.pop(record.offset) if record.offset in kept.measured else self.measure(sample, content)
        bands = kept.bands
        difficulty, band = (bands.look_up if counted else bands.place)(objective_of(task), raw)
        source = SourcePosition(topic=record.topic, partition=record.partition, offset=record.offset)
        made = to_training_sample(sample, band=band, difficulty=difficulty, source=source, facts_offset=version, content=content, task=task)
        for rule in content.changed:
            metrics.CONVERSATIONS_CHANGED.labels(self.name, rule).inc()
        self.send(self._bands[made.objective][band], made.sample_id, made, source_of(record))

    def acknowledged(self) -> None:
        """Keep what the batch taught."""
        self._states.save()

    def reassigned(self) -> None:
        """Look again at what other workers may have done."""
        self._states.forget()


class _PartitionBands:
    """The bands of one partition, as `PartitionStates` keeps them."""

    def __init__(self, node: CurriculumNode) -> None:
        self._node = node
        self.bands = Bands(node.signal, node.hold_back)
        self.measured: dict[int, tuple[RawTerms, int]] = {}
        """By offset, of what is calibrated on: terms and the graph's version."""

    def observe_record(self, record: Record) -> None:
        self.bands.calibration.counts(record.timestamp)
        key = self._node.signatures.check(record)
        sample = Sample.decode(record.value)
        if not self._node.signatures.vouches_for_node_fields(key):
            sample = sample.without_node_fields()
        if self._node.is_ours(sample):
            task = detect_task(sample)
            raw, version = self._node.measure(sample, content_of(sample, task))
            self.bands.place(objective_of(task), raw)
            if self.bands.calibration.is_open and len(self.measured) < MOST_MEASURED:
                self.measured[record.offset] = (raw, version)

    def to_json(self) -> dict[str, Any]:
        return self.bands.to_json()

    def restore(self, state: dict[str, Any]) -> None:
        self.bands.restore(state)
