"""Samples that are measured by and never trained on."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.training_sample import TrainingSample
from trainer_node.commit.state import HeldOutState

HELD_OUT_LIMIT = 2000
"""Validation samples and prompts kept; later ones are counted and not kept."""


@dataclass
class HeldOut:
    """By sample id: the first that came with it stays."""

    validation: dict[str, TrainingSample] = field(default_factory=dict)
    prompts: dict[str, TrainingSample] = field(default_factory=dict)

    def snapshot(self) -> HeldOutState:
        """For a checkpoint."""
        return HeldOutState(validation=tuple(self.validation.values()), prompts=tuple(self.prompts.values()))

    def restore(self, state: HeldOutState) -> None:
        """Take over a snapshot."""
        self.validation = {sample.sample_id: sample for sample in state.validation}
        self.prompts = {sample.sample_id: sample for sample in state.prompts}


def keep(sample: TrainingSample, store: dict[str, TrainingSample]) -> None:
    """Keep a sample, as long as there is room; one that is there stays, in its newest words."""
    if sample.sample_id in store or len(store) < HELD_OUT_LIMIT:
        store[sample.sample_id] = sample
