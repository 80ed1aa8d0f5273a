"""Samples that are measured by and never trained on: the same ones for as long as a run lives, from all bands, and no more than fit."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field

from schemas.sample import Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from trainer_node.commit.state import HeldOutState

logger = logging.getLogger(__name__)

HELD_OUT_LIMIT = 2000
"""Validation samples of an objective that are kept, an equal share of each band; and prompts. Later ones are counted and not kept."""
HELD_OUT_BYTES = 16_000_000
"""What those of an objective may take, likewise."""
MOST_LABELS = 256
"""Labels that are remembered, the first that came; each candidate costs a held-out sample one more row of an evaluation."""
LABELS_BYTES = 64_000
"""What they may take, likewise."""
ALL_BANDS = -1
"""Prompts share their room: those that came first are asked, whatever their band."""


@dataclass
class HeldOut:
    """By sample id: the first that came with it stays."""

    validation: dict[str, TrainingSample] = field(default_factory=dict)
    prompts: dict[str, TrainingSample] = field(default_factory=dict)
    fixed: set[Objective] = field(default_factory=set)
    """Objectives that were measured: values of `val_metric` compare only where they are of the same samples."""

    labels: dict[str, None] = field(default_factory=dict)
    """Labels seen, of training too, of samples without a label set: what such a sample may be given when it is measured."""

    def __post_init__(self) -> None:
        self._labels_bytes = sum(len(label.encode()) for label in self.labels)
        self.labels_are_full = False
        """Whether a label was not kept for want of room."""
        self.prompts_are_full = False
        """Whether a prompt was turned away for want of room."""
        self._taken: dict[tuple[Objective, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for sample in (*self.validation.values(), *self.prompts.values()):
            self._count(sample)

    def keep(self, sample: TrainingSample, store: dict[str, TrainingSample]) -> None:
        """Keep a sample in one of the two, as long as its band has room and its objective is not fixed; one that is there stays, until then
        in its newest words."""
        if store is self.validation and sample.objective in self.fixed:
            return
        if sample.sample_id in store:
            store[sample.sample_id] = sample
        elif self._has_room(sample):
            store[sample.sample_id] = sample
            self._count(sample)
        elif store is self.prompts:
            self.prompts_are_full = True

    def _has_room(self, sample: TrainingSample) -> bool:
        room = _room_of(sample)
        parts = 1 if room[1] == ALL_BANDS else BANDS
        count, size = self._taken[room]
        return count < HELD_OUT_LIMIT // parts and size + len(sample.encode()) <= HELD_OUT_BYTES // parts

    def _count(self, sample: TrainingSample) -> None:
        room = _room_of(sample)
        count, size = self._taken[room]
        self._taken[room] = count + 1, size + len(sample.encode())

    def see(self, sample: TrainingSample) -> None:
        """Remember the label of a classification whose label set is not known."""
        if sample.task is not Task.CLASSIFICATION or sample.label_set or (label := str(sample.completion)) in self.labels:
            return
        size = len(label.encode())
        if len(self.labels) < MOST_LABELS and self._labels_bytes + size <= LABELS_BYTES:
            self.labels[label] = None
            self._labels_bytes += size
        elif not self.labels_are_full:
            self.labels_are_full = True
            logger.warning("more labels than are kept: held-out samples choose among the first %d, and their own", len(self.labels))

    def fix(self, objective: Objective) -> list[TrainingSample]:
        """The validation samples of an objective, which are the same from here on; none fixes nothing."""
        found = [sample for sample in self.validation.values() if sample.objective is objective]
        if found:
            self.fixed.add(objective)
        return found

    def snapshot(self) -> HeldOutState:
        """For a checkpoint."""
        fixed = tuple(objective for objective in Objective if objective in self.fixed)
        return HeldOutState(
            validation=tuple(self.validation.values()), prompts=tuple(self.prompts.values()), fixed=fixed, labels=tuple(self.labels)
        )

    def restore(self, state: HeldOutState) -> None:
        """Take over a snapshot."""
        self.validation = {sample.sample_id: sample for sample in state.validation}
        self.prompts = {sample.sample_id: sample for sample in state.prompts}
        self.fixed = set(state.fixed)
        self.labels = dict.fromkeys(state.labels)
        self.__post_init__()


def _room_of(sample: TrainingSample) -> tuple[Objective, int]:
    return sample.objective, ALL_BANDS if sample.objective is Objective.PROMPT else sample.band
