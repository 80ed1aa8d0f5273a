"""The orders in which a run can be given its samples, and what each asks of the curriculum's worker."""

from __future__ import annotations

from enum import StrEnum

from schemas.errors import ConfigError
from schemas.training_sample import TrainingSample


class Curriculum(StrEnum):
    """What a run's samples are ordered by."""

    OFF = "off"
    DIFFICULTY = "difficulty"
    LENGTH = "length"
    COMPRESSION = "compression"
    READABILITY = "readability"
    LOSS = "loss"
    BANDIT = "bandit"
    REVERSE = "reverse"
    RANDOM_PACED = "random-paced"

    @property
    def is_mixed(self) -> bool:
        """Whether all bands are open from the first batch on."""
        return self in (Curriculum.OFF, Curriculum.LOSS, Curriculum.BANDIT)

    @property
    def signal(self) -> str:
        """What the worker is to put samples in bands by: a `--signal` of `pelton worker curriculum`."""
        return SIGNALS.get(self, "difficulty")


SIGNALS = {
    Curriculum.DIFFICULTY: "difficulty",
    Curriculum.LENGTH: "length",
    Curriculum.COMPRESSION: "compression",
    Curriculum.READABILITY: "readability",
    Curriculum.RANDOM_PACED: "random",
}
"""Orders that need bands cut by something -> by what. The others take the bands as they are."""


def check_signal(curriculum: Curriculum, sample: TrainingSample) -> None:
    """Refuse to train in another order than was asked for.

    Raises:
        ConfigError: the sample was put in its band by something else; says what to start.
    """
    wanted, found = SIGNALS.get(curriculum), sample.difficulty.signal or "difficulty"
    if wanted is not None and found != wanted:
        raise ConfigError(
            f"--curriculum {curriculum.value} needs bands cut by {wanted}, and sample {sample.sample_id} was put in its band by {found}:"
            f" start the curriculum worker with --signal {wanted}, and send the samples to it on topics of their own (--topic-prefix)"
        )
