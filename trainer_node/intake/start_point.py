"""Where a new run starts, other than at the log's beginning: a date, a range of the log, or another run's checkpoint.

Only a run without a checkpoint of its own looks here; afterwards its own position counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.errors import ConfigError
from schemas.topics import Topics
from schemas.training_sample import BANDS, Objective
from trainer_node.commit.positions import Partition

FORM = "TOPIC:PARTITION:FIRST-LAST, or OBJECTIVE.BAND:FIRST-LAST such as sft.0:0-499"
_EXAMPLE = "2026-01-31T12:00:00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALES = {10: 1000, 13: 1}
"""Digits of a number since the epoch -> milliseconds in its unit."""


@dataclass(frozen=True)
class LogRange:
    """Offsets of one partition."""

    topic: str
    """Topic name with prefix."""
    partition: int
    first: int
    """First offset to train on."""
    last: int
    """Last offset to train on."""


@dataclass(frozen=True)
class StartPoint:
    """Where to start. Empty: at the beginning of the log."""

    timestamp_ms: int | None = None
    """Begin with the first records of this time, in milliseconds since the epoch."""
    ranges: tuple[LogRange, ...] = ()
    """Train on these offsets alone."""
    checkpoint: Path | None = None
    """Weights, optimizer and positions of another run."""

    @property
    def given(self) -> bool:
        """Whether any of it was asked for."""
        return self != StartPoint()

    def firsts(self) -> dict[Partition, int]:
        """First offset of each range."""
        return {(span.topic, span.partition): span.first for span in self.ranges}

    def bounds(self, topics: list[str]) -> dict[Partition, int]:
        """Offset before which each partition of these topics ends, where ranges were asked for: 0 for one that no range names."""
        if not self.ranges:
            return {}
        ends = {(span.topic, span.partition): span.last + 1 for span in self.ranges}
        return {(topic, 0): 0 for topic in topics} | ends


def parse_range(text: str, topics: Topics) -> LogRange:
    """`TOPIC:PARTITION:FIRST-LAST` or `OBJECTIVE.BAND:FIRST-LAST`, both ends inclusive.

    Raises:
        ConfigError: it is neither, or names no band topic.
    """
    match = re.fullmatch(r"(.+?)(?::(\d+))?:(\d+)-(\d+)", text)
    if match is None:
        raise ConfigError(f"--replay {text!r} is not {FORM}")
    name, number, first, last = match[1], int(match[2] or 0), int(match[3]), int(match[4])
    names = {topic.name for objective in Objective for topic in topics.bands(objective)}
    short = {f"{objective.value}.{band}": topics.band(objective, band).name for objective in Objective for band in range(BANDS)}
    topic = short.get(name, name)
    if topic not in names or number != 0:
        raise ConfigError(f"--replay {text!r}: {name}:{number} is no partition of a band topic, such as {topics.band('sft', 0).name}:0")
    if first > last:
        raise ConfigError(f"--replay {text!r}: {first} is after {last}")
    return LogRange(topic, number, first, last)


def parse_ranges(texts: tuple[str, ...], topics: Topics) -> tuple[LogRange, ...]:
    """All ranges; at most one for each partition."""
    spans = tuple(parse_range(text, topics) for text in texts)
    places = [(span.topic, span.partition) for span in spans]
    for topic, number in places:
        if places.count((topic, number)) > 1:
            raise ConfigError(f"--replay names {topic}:{number} twice; give one range for each partition")
    return spans


def parse_timestamp(text: str) -> int:
    """A moment as milliseconds since the epoch. ISO 8601, without a zone in UTC; or a number since the epoch, told by its size.

    A number of ten digits is seconds, one of thirteen milliseconds (both from 2001 to 2286). Any other is refused, a year alone too: it
    could be meant in more ways than one.

    Raises:
        ConfigError: it is neither, or before 1970 (which Kafka takes for something else than a date); says what to write.
    """
    if re.fullmatch(r"[+-]?[\d._]+([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", text.strip(), re.IGNORECASE):
        return _number_to_ms(text.strip())
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            f"--from-timestamp {text!r} is neither a date such as {_EXAMPLE} nor seconds or milliseconds since the epoch"
        ) from None
    milliseconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    if milliseconds < timedelta(0):
        raise ConfigError(f"--from-timestamp {text!r} is before 1970; write a date such as {_EXAMPLE}")
    return round(milliseconds / timedelta(milliseconds=1))


def _number_to_ms(text: str) -> int:
    whole = re.fullmatch(r"([1-9]\d*)(?:\.\d+)?", text)
    scale = _SCALES.get(len(whole[1])) if whole else None
    if scale is not None:
        return round(float(text) * scale)
    remedy = f"write a date such as {_EXAMPLE}"
    if re.fullmatch(r"(19|20)\d\d", text):
        remedy = f"for the year write {text}-01-01"
    elif day := re.fullmatch(r"((?:19|20)\d\d)([01]\d)([0-3]\d)", text):
        remedy = f"for the day write {'-'.join(day.groups())}"
    raise ConfigError(f"--from-timestamp {text!r} is neither seconds since the epoch (ten digits) nor milliseconds (thirteen); {remedy}")
