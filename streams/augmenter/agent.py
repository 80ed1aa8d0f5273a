"""The augmenter's agent: from high `losses` to variants on `samples`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample import Split
from schemas.sample_loss import SampleLoss
from schemas.topics import Topic
from streams.augmenter.threshold import QUANTILE, WARM_UP, LossThreshold
from streams.augmenter.variants import variants_of
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode
from streams.partition_state import PartitionStates
from streams.recent_ids import RecentIds

EVENTS_REMEMBERED = 20_000
"""Loss events by whose ids duplicates are known. A duplicate of an older one makes the same variants again, under the same ids."""


@dataclass(frozen=True)
class AugmenterConfig:
    """What gets variants, and how many."""

    count: int = 2
    """Variants of one sample (k)."""
    every: int = 2
    """Variants are made from the losses of every n-th pass."""
    max_generation: int = 1
    """Variants of variants end here, so that noise cannot breed."""
    quantile: float = QUANTILE
    """Share of a pass's losses that count as normal."""
    warm_up: int = WARM_UP
    """Losses of a pass, in each partition, that are only counted."""


class AugmenterNode(StreamNode):
    """Reads `losses`; with a run id, those of that run alone."""

    name = "augmenter"

    def __init__(
        self,
        settings: KafkaSettings,
        ontology: Ontology,
        run_id: str | None = None,
        state_folder: Path | None = None,
        config: AugmenterConfig = AugmenterConfig(),
    ) -> None:
        super().__init__(settings, settings.topics.losses, ontology, run_id, state_folder)
        self._config = config
        self._seen: RecentIds[str] = RecentIds(EVENTS_REMEMBERED)
        self._states = PartitionStates(
            lambda: _PartitionThreshold(self, config), settings, self.group, state_folder, lambda: self.positions.topic_id
        )

    def process(self, records: Sequence[Record]) -> None:
        """Count each loss, and send variants of the samples whose loss is high."""
        for record in self.admitted(records):
            kept, counted = self._states.before(record)
            with self.guarded(record) as case:
                loss = decode_loss(record.value)
                case.sample_id = loss.sample_id
                if self.forgotten.holds(loss.sample_id, loss.sample.parent_id):
                    self.skip("forgotten")
                    self._states.count(record)
                elif not self.is_ours(loss):
                    self.skip("another run's")
                elif not self._seen.add(loss.event_id):
                    self.skip("seen before")
                else:
                    self._consider(loss, kept.is_high(loss, counted))
            self._states.advance(record)

    def written(self) -> Sequence[Topic]:
        """Where variants go."""
        return [self.settings.topics.samples]

    def is_ours(self, loss: SampleLoss) -> bool:
        """Whether this node looks at the loss."""
        return self.run_id is None or loss.run_id == self.run_id

    def _consider(self, loss: SampleLoss, is_high: bool) -> None:
        sample = loss.sample
        if not is_high:
            return
        if loss.pass_number % self._config.every:
            self.skip("not in this pass")
        elif sample.split is not Split.TRAIN:
            self.skip("held out")
        elif sample.generation >= self._config.max_generation:
            self.skip("generation cap")
        else:
            with self.view.locked() as graph:
                variants = variants_of(sample, graph, loss.run_id, self._config.count)
            if not variants:
                self.skip("no other words")
            for variant in variants:
                self.send(self.settings.topics.samples, variant.sample_id, variant, self.name)

    def acknowledged(self) -> None:
        """Keep what the batch taught."""
        self._states.save()

    def reassigned(self) -> None:
        """Look again at what other workers may have done."""
        self._states.forget()


def decode_loss(value: bytes | None) -> SampleLoss:
    """Read a loss.

    Raises:
        BadRecord: as for any message; `nan_loss` where it is not a number, infinite or negative.
    """
    loss = SampleLoss.decode(value)
    if not math.isfinite(loss.loss) or loss.loss < 0:
        raise BadRecord(DeadLetterReason.NAN_LOSS, f"loss {loss.loss} of sample {loss.sample_id}")
    return loss


class _PartitionThreshold:
    """The threshold of one partition, as `PartitionStates` keeps it."""

    def __init__(self, node: AugmenterNode, config: AugmenterConfig) -> None:
        self._node = node
        self._threshold = LossThreshold(config.quantile, config.warm_up)

    def is_high(self, loss: SampleLoss, counted: bool) -> bool:
        return (self._threshold.look_up if counted else self._threshold.observe)(loss.run_id, loss.pass_number, loss.loss)

    def observe_record(self, record: Record) -> None:
        self._node.signatures.check(record)
        loss = decode_loss(record.value)
        if self._node.is_ours(loss):
            self.is_high(loss, counted=False)

    def to_json(self) -> dict[str, Any]:
        return self._threshold.to_json()

    def restore(self, state: dict[str, Any]) -> None:
        self._threshold.restore(state)
