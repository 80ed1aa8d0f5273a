"""What the log has lost of what a run was to read, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainer_node.commit.positions import Partition

MADE_ANEW = (
    "go on with the run's weights in a new run, which begins in the new topic: --from-checkpoint RUN_DIR --from-timestamp 1970-01-01"
)
"""What to do where positions are of another log."""


@dataclass(frozen=True)
class Gap:
    """Offsets that the log no longer holds."""

    partition: Partition
    position: int
    """What was to be read next."""
    begin: int
    """Where the log begins."""


def truncated(ends: Mapping[Any, Any]) -> str:
    """A log that has lost its end: by partition, where that is now, if the broker knows."""
    told = [f"{tp.topic}:{tp.partition}" + (f" ends at offset {end.offset}" if end else "") for tp, end in sorted(ends.items())]
    return (
        f"{', '.join(told)}: records that were read are gone from the log (a broker without them leads it now). What was trained stands in"
        f" the checkpoint, and what comes next would take their offsets; {MADE_ANEW}"
    )
