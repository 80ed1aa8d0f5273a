"""What a group's lag means, in Burrow's words, from a sliding window of looks: the lag alone does not tell slow from stopped.

The rules are those of https://github.com/linkedin/Burrow/wiki/Consumer-Lag-Evaluation-Rules, for looks at the broker instead of commits
that are read, and with one word more: a band that pacing keeps closed is behind on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise


class Word(StrEnum):
    """State of a group on a partition."""

    OK = "OK"
    """It keeps up, or was at the end within the window."""
    CLOSED = "CLOSED"
    """A band that the trainer's pacing has not opened: what waits there waits on purpose."""
    WARN = "WARN"
    """It reads, and the lag does not shrink."""
    STALL = "STALL"
    """It is there and commits nothing, and there is something to read."""
    STOP = "STOP"
    """Nobody is in the group, and there is something to read."""
    REWIND = "REWIND"
    """It went back to offsets that it had committed before."""


AT_FAULT = frozenset({Word.STALL, Word.STOP, Word.REWIND})
"""Words of which a person should hear."""


@dataclass(frozen=True)
class Look:
    """What was seen at one moment."""

    at: float
    """Seconds, of any clock that does not go back."""
    committed: int | None
    lag: int
    """Offsets that the group has not committed, from the first that the log still holds."""


def word_for(window: Sequence[Look], has_members: bool, closed: bool = False, every_s: float = 0.0, rewinds: bool = False) -> Word:
    """The state at the end of a window, oldest look first.

    Args:
        window: at least one look.
        has_members: whether somebody reads as this group.
        closed: whether pacing keeps the band closed.
        every_s: longest time between two commits of a sound reader; a window that is no longer than twice that tells no stall.
        rewinds: whether going back is the reader's way (a trainer begins its next pass so).
    """
    if closed:
        return Word.CLOSED
    committed = [look.committed for look in window]
    back = any(later is not None and earlier is not None and later < earlier for earlier, later in pairwise(committed))
    if back and not rewinds:
        return Word.REWIND
    if any(look.lag == 0 for look in window):
        return Word.OK
    if not has_members:
        return Word.STOP
    shrinks = any(later.lag < earlier.lag for earlier, later in pairwise(window))
    if len(window) < 2 or shrinks or back:
        return Word.OK
    if committed[-1] == committed[0]:
        return Word.STALL if window[-1].at - window[0].at > 2 * every_s else Word.OK
    return Word.WARN


def per_second(window: Sequence[Look]) -> float | None:
    """How fast the lag grows, in offsets a second; below 0 where it shrinks, None from one look."""
    first, last = window[0], window[-1]
    return (last.lag - first.lag) / (last.at - first.at) if last.at > first.at else None
