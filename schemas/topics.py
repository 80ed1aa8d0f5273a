"""The only catalogue of topics: names, partitions, retention, and what each one carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.base import MAX_BYTES, Message
from schemas.dead_letter import DeadLetter
from schemas.fact import Fact
from schemas.forgotten import Forgotten
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.model_version import ModelVersion
from schemas.sample import Sample
from schemas.sample_loss import SampleLoss
from schemas.training_sample import BANDS, Objective, TrainingSample

DAY_MS = 24 * 3600 * 1000
FOREVER = -1
MAX_LETTER_BYTES = 8 * MAX_BYTES
"""`samples` and `dead-letters` take larger records than we parse, so that an oversize one can be dead-lettered whole."""

PRODUCER_HEADER = "producer"
"""Header by which a producer says who it is, so that what it sends can be told from what others send."""


@dataclass(frozen=True)
class Topic:
    """One topic as it must be on the broker."""

    name: str
    """Full name, prefix included."""
    key: str
    """What the record key is."""
    value: type[Message]
    """What the value decodes to (for dead letters: what the headers do)."""
    partitions: int
    """How many partitions it is made with."""
    compacted: bool
    """Whether the broker keeps the last record of each key, rather than the last days."""
    retention_ms: int
    """How long records are kept, in milliseconds; -1 for ever."""
    written_by: str
    """Which nodes write."""
    read_by: str
    """Which nodes read."""
    max_message_bytes: int = MAX_BYTES + 200_000
    """Largest record batch the broker takes, in bytes."""

    def config(self) -> dict[str, str]:
        """Topic-level settings for the broker."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
        }


@dataclass(frozen=True)
class Topics:
    """All topics under one prefix. `Topics().samples.name == "pelton.samples"`."""

    prefix: str = "pelton."
    """Put before every name; lets installations share a broker."""
    partitions: int = 2
    """Partitions of the topics that workers share."""

    def _make(self, name: str, key: str, value: type[Message], written_by: str, read_by: str, **other: int | bool) -> Topic:
        settings: dict[str, int | bool] = {"partitions": self.partitions, "compacted": False, "retention_ms": 14 * DAY_MS, **other}
        return Topic(name=self.prefix + name, key=key, value=value, written_by=written_by, read_by=read_by, **settings)  # type: ignore[arg-type]

    @property
    def samples(self) -> Topic:
        """What producers push."""
        return self._make(
            "samples", "sample id", Sample, "producers, augmenter, feedback", "curriculum", max_message_bytes=MAX_LETTER_BYTES
        )

    def band(self, objective: Objective | str, band: int) -> Topic:
        """Samples of one objective in one difficulty band. One partition: the band is the unit of order."""
        if not 0 <= band < BANDS:
            raise ValueError(f"band {band} is not in 0..{BANDS - 1}")
        name = f"curriculum.{Objective(objective).value}.{band}"
        return self._make(name, "sample id", TrainingSample, "curriculum", "trainer", partitions=1)

    def bands(self, objective: Objective | str) -> list[Topic]:
        """All bands of one objective, easiest first."""
        return [self.band(objective, number) for number in range(BANDS)]

    @property
    def losses(self) -> Topic:
        """What each sample cost."""
        return self._make("losses", "sample id", SampleLoss, "trainer", "augmenter")

    @property
    def outputs(self) -> Topic:
        """What models answered."""
        return self._make("outputs", "prompt id", ModelOutput, "trainer, any inference server", "feedback")

    @property
    def rewards(self) -> Topic:
        """What the feedback node thinks of it."""
        return self._make("rewards", "prompt id", GraphReward, "feedback", "trainer")

    @property
    def facts(self) -> Topic:
        """The graph's log. One partition, so that its offset is the graph's version."""
        return self._make(
            "facts", "fact key", Fact, "producers", "curriculum, augmenter, feedback", partitions=1, compacted=True, retention_ms=-1
        )

    @property
    def models(self) -> Topic:
        """Checkpoints that became durable."""
        return self._make(
            "models", "run id + version", ModelVersion, "trainer", "rollout workers, ops", partitions=1, compacted=True, retention_ms=-1
        )

    @property
    def forgotten(self) -> Topic:
        """Samples that are left out from now on."""
        readers = "curriculum, augmenter, trainer"
        return self._make("forgotten", "sample id", Forgotten, "operators", readers, partitions=1, compacted=True, retention_ms=-1)

    @property
    def dead_letters(self) -> Topic:
        """What could not be used, whole, with the reason."""
        limits = {"retention_ms": 365 * DAY_MS, "max_message_bytes": MAX_LETTER_BYTES}
        return self._make("dead-letters", "original key", DeadLetter, "all", "ops", partitions=1, **limits)

    def __iter__(self) -> Iterator[Topic]:
        """Every topic of the catalogue."""
        yield self.samples
        for objective in Objective:
            yield from self.bands(objective)
        yield from (self.losses, self.outputs, self.rewards, self.facts, self.models, self.forgotten, self.dead_letters)
