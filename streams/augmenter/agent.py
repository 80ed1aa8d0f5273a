"""The augmenter's agent: from high `losses` to variants on `samples`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.errors import BadRecord, DeadLetterReason
from schemas.sample_loss import SampleLoss
from schemas.topics import Topic
from streams import metrics
from streams.augmenter.config import AugmenterConfig
from streams.augmenter.families import uplift_of
from streams.augmenter.held_out import HeldOutView
from streams.augmenter.maker import Maker
from streams.augmenter.partition import Decision, PartitionLosses
from streams.augmenter.reading import load_model
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode
from streams.partition_state import PartitionStates

DEFAULTS = AugmenterConfig()


class AugmenterNode(StreamNode):
    """Reads `losses`; with a run id, those of that run alone."""

    name = "augmenter"

    def __init__(
        self,
        settings: KafkaSettings,
        ontology: Ontology,
        run_id: str | None = None,
        state_folder: Path | None = None,
        config: AugmenterConfig = DEFAULTS,
    ) -> None:
        super().__init__(settings, settings.topics.losses, ontology, run_id, state_folder)
        self._held_out = HeldOutView(settings)
        self._maker = Maker(config, self.view, self._held_out)
        self._schedule = config.schedule(settings.topics.losses.partitions)
        self._states = PartitionStates(lambda: _Partition(self), settings, self.group, state_folder, lambda: self.positions.topic_id)

    def process(self, records: Sequence[Record]) -> None:
        """Count each loss, and send variants of the samples whose loss is high."""
        self._held_out.begin_batch()
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
                elif counted:  # what followed from it was acknowledged before it was counted
                    self.skip("seen before")
                else:
                    self._carry_out(kept.losses.decide(loss, record.timestamp), loss.run_id)
            self._states.advance(record)

    def warm_up(self) -> None:
        """Load the model that texts are parsed by."""
        load_model()

    def written(self) -> Sequence[Topic]:
        """Where variants go."""
        return [self.settings.topics.samples]

    def is_ours(self, loss: SampleLoss) -> bool:
        """Whether this node looks at the loss."""
        return self.run_id is None or loss.run_id == self.run_id

    def losses_of_a_partition(self) -> PartitionLosses:
        """Nothing counted yet."""
        return PartitionLosses(self._maker, self._schedule)

    def _carry_out(self, decision: Decision, run_id: str) -> None:
        if decision.why_not:
            self.skip(decision.why_not)
        for variant in decision.variants:
            self.send(self.settings.topics.samples, variant.sample_id, variant, self.name)
            metrics.VARIANTS.labels(metrics.RUNS.seen(run_id), variant.recipe or "").inc()

    def acknowledged(self) -> None:
        """Keep what the batch taught, and show what variants bring."""
        self._states.save()
        known = [state.losses.families for state in self._states.all()]
        for run_id in {run_id for families in known for run_id in families.runs()}:
            label = metrics.RUNS.seen(run_id)
            metrics.FAMILIES_QUARANTINED.labels(label).set(sum(families.quarantined(run_id) for families in known))
            for recipe, uplift in uplift_of([families.falls(run_id) for families in known]).items():
                metrics.VARIANT_UPLIFT.labels(label, recipe).set(uplift.mean)

    def reassigned(self) -> None:
        """Look again at what other workers may have done."""
        self._states.forget()

    def close(self) -> None:
        """As any node, and the view of held-out samples."""
        super().close()
        self._held_out.close()


def decode_loss(value: bytes | None) -> SampleLoss:
    """Read a loss.

    Raises:
        BadRecord: as for any message; `nan_loss` where it is not a number, infinite or negative.
    """
    loss = SampleLoss.decode(value)
    if not math.isfinite(loss.loss) or loss.loss < 0:
        raise BadRecord(DeadLetterReason.NAN_LOSS, f"loss {loss.loss} of sample {loss.sample_id}")
    return loss


class _Partition:
    """What is known of one partition, as `PartitionStates` keeps it."""

    def __init__(self, node: AugmenterNode) -> None:
        self._node = node
        self.losses = node.losses_of_a_partition()

    def observe_record(self, record: Record) -> None:
        self._node.signatures.check(record)
        loss = decode_loss(record.value)
        if self._node.is_ours(loss):
            self.losses.decide(loss, record.timestamp)

    def to_json(self) -> dict[str, Any]:
        return self.losses.to_json()

    def restore(self, state: dict[str, Any]) -> None:
        self.losses.restore(state)
