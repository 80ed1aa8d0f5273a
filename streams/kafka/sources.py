"""Who sent a record, and which senders are let in: one whose records are mostly bad is put away, and the others go on.

A source is what its records' `producer` header says; without one, what their keys begin with, where keys have a form that tells
(`atlas:17`, `atlas/17`, `ticket-17`). Records of neither kind cannot be told apart, and are never put away.
"""

from __future__ import annotations

import functools
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.printable import escaped
from schemas.topics import PRODUCER_HEADER
from streams.kafka.consumer import Record

WINDOW = 200
"""Latest records of a source that are judged by."""
MINIMUM = 50
"""Records of a source before it is judged."""
LIMIT = 0.5
"""Share of them that may be bad."""
PROBE_EVERY = 5
"""Of a paused source every such record is tried."""
PROBE_SECONDS = 10.0
"""The first record after this time is tried too: a source that sends little is not kept out for long."""
PROBES = 5
"""As many tried in a row must be good before it is let in again."""
REMEMBERED = 1000
"""Sources known at a time; the one heard of longest ago is forgotten first."""
LONGEST_NAME = 100
"""Characters of a source's name."""
KEY_BYTES = 200
"""Of a longer key only these are looked at."""

SEPARATED = re.compile(r"([^\s:/|#]+[:/|#]).+", re.DOTALL)
NUMBERED = re.compile(r"(.+[-_.])(?:[0-9]+|[0-9a-f]{8,})", re.DOTALL)
UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def source_of(record: Record) -> str | None:
    """Who sent it: the `producer` header, or what the key begins with (`ticket-*`); None where neither tells.

    It becomes a metric's label, a line of `/readyz` and of logs, and a header: so it is escaped.
    """
    for name, value in record.headers:
        if name == PRODUCER_HEADER and (said := _said(value[: 4 * LONGEST_NAME])):
            return said
    return _source_of_key((record.key or b"")[:KEY_BYTES])


@functools.lru_cache(maxsize=512)
def _said(begin: bytes) -> str:
    return escaped(begin.decode("utf-8", "backslashreplace").strip())[:LONGEST_NAME]


@functools.lru_cache(maxsize=512)
def _source_of_key(begin: bytes) -> str | None:
    """Asked several times of one record."""
    key = begin.decode("utf-8", "backslashreplace")
    if UUID.fullmatch(key):
        return None
    found = SEPARATED.fullmatch(key) or NUMBERED.fullmatch(key)
    return escaped(f"{found[1]}*") if found and len(found[1]) < LONGEST_NAME else None


@dataclass
class _Source:
    """What is known of one source."""

    bad: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    paused: bool = False
    put_away: int = 0
    since_probe: int = 0
    probed_at: float = 0.0
    good_probes: int = 0
    why: str = ""


class Sources:
    """Which sources are let in. One thread counts; any may ask what is paused."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self.changed = False
        """Whether `to_json` says something else than when this was last set to False."""

    def admits(self, name: str | None) -> bool:
        """Whether a record of this source is to be handled: always, but while it is paused only now and then, as a probe."""
        found = self._sources.get(name) if name is not None else None
        if found is None or not found.paused:
            return True
        found.since_probe += 1
        if found.since_probe >= PROBE_EVERY or self._clock() - found.probed_at >= PROBE_SECONDS:
            found.since_probe, found.probed_at = 0, self._clock()
            return True
        found.put_away += 1
        self.changed = True
        return False

    def record(self, name: str | None, ok: bool) -> str | None:
        """Count a record that was handled; what to tell, where that has changed whether its source is let in."""
        if name is None:
            return None
        found = self._sources.setdefault(name, _Source())
        self._sources.move_to_end(name)
        self._forget_some()
        return self._probed(name, found, ok) if found.paused else self._judged(name, found, ok)

    def _judged(self, name: str, found: _Source, ok: bool) -> str | None:
        found.bad.append(not ok)
        seen, bad = len(found.bad), sum(found.bad)
        if seen < MINIMUM or bad <= LIMIT * seen:
            return None
        found.paused, found.put_away, found.since_probe, found.good_probes, found.probed_at = True, 0, 0, 0, self._clock()
        found.why = f"{bad} of the last {seen} records of {name} were bad"
        self.changed = True
        return (
            f"{found.why}: this source is paused. What it sends goes to the dead letters as source_paused, whole, but for a probe now and"
            " then; it is let in again when these are good. See `pelton dead-letters list`"
        )

    def _probed(self, name: str, found: _Source, ok: bool) -> str | None:
        found.good_probes = found.good_probes + 1 if ok else 0
        self.changed = True
        if found.good_probes < PROBES:
            return None
        away = found.put_away
        self._sources[name] = _Source()
        return (
            f"{PROBES} probes of {name} were good in a row: this source is let in again. {away} of its records were put away meanwhile;"
            f" `pelton dead-letters replay --reason source_paused --source '{name}'` brings them back"
        )

    def _forget_some(self) -> None:
        while len(self._sources) > REMEMBERED:
            name = next((name for name, source in self._sources.items() if not source.paused), next(iter(self._sources)))
            del self._sources[name]

    @property
    def paused(self) -> dict[str, str]:
        """The sources that are paused now, each with the reason and how much of it was put away."""
        return {name: f"{one.why}, {one.put_away} put away" for name, one in list(self._sources.items()) if one.paused}

    def to_json(self) -> dict[str, Any]:
        """What a restart must know: which sources are paused, and what was put away."""
        return {name: {"why": one.why, "put_away": one.put_away} for name, one in self._sources.items() if one.paused}

    def restore(self, paused: Mapping[str, Any]) -> None:
        """Take over what `to_json` gave; raises ValueError, KeyError, TypeError or AttributeError for anything else."""
        restored = {
            str(name): _Source(paused=True, why=str(one["why"]), put_away=int(one["put_away"]), probed_at=self._clock())
            for name, one in paused.items()
        }
        self._sources.update(restored)
