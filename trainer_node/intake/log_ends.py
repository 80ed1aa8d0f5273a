"""How far the log goes in each band, as far as is known, and how much of it is not delivered or not chosen yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trainer_node.commit.positions import Partition, Positions
from trainer_node.intake.pacing import UNKNOWN


class KnowsEnds(Protocol):
    """What reads the bands."""

    @property
    def ends(self) -> Mapping[Partition, int]:
        """End of every partition, of those that are not fetched, too."""


class LogEnds:
    """Ends by band topic. What was delivered tells them as it comes; of what is not fetched the reader asks now and then."""

    def __init__(self, reader: KnowsEnds, positions: Positions) -> None:
        self._reader = reader
        self._positions = positions
        self._delivered: dict[Partition, int] = {}
        self.pass_start: dict[Partition, int] = {}
        """Where the pass began, by partition."""

    def tell(self, partition: Partition, end: int) -> None:
        """A delivery said where its partition ends."""
        self._delivered[partition] = end

    def ahead(self, topic: str) -> int | None:
        """Offsets that the log has of a band beyond what was delivered; None where that is not known."""
        tp = (topic, 0)
        return max(0, self._delivered[tp] - self._positions[tp].next_offset) if tp in self._delivered else None

    def watermark(self, topic: str) -> int:
        """Offset below which all of a band is done; UNKNOWN of one that is not read."""
        return self._positions.watermarks().get((topic, 0), UNKNOWN)

    def left(self, topic: str, reached: int) -> int:
        """Offsets that the log has of a band from `reached` on, or from the pass's beginning on where that is UNKNOWN."""
        tp = (topic, 0)
        end = max(self._delivered.get(tp, 0), self._reader.ends.get(tp, 0))
        return max(0, end - (self.pass_start.get(tp, 0) if reached == UNKNOWN else reached))
