"""Of which runs a worker tells: their names come from messages, which anybody may send."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from streams.metrics.declared import forget_run

MOST_RUNS = 50
"""Runs that have series of their own at a time; all others share those of OTHERS until one of these falls silent."""
RUN_IDLE_S = 3600.0
"""Seconds without a message after which a run's series go away: it has finished."""
OTHERS = "other"
"""Label of runs that come when there are MOST_RUNS already."""


class RunSeries:
    """Which runs' series stand, so that names taken from messages do not make series without end. May be used from any thread.

    A run that comes when there are too many takes nobody's place: who sends made-up names would else have series made and removed for ever.
    """

    def __init__(self, most: int = MOST_RUNS, idle_s: float = RUN_IDLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._idle_s = idle_s
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def seen(self, run_id: str) -> str:
        """A message of this run came; the label that its series have."""
        self.forget()
        with self._lock:
            name = run_id if run_id in self._seen or len(self._seen.keys() - {OTHERS}) < self._most else OTHERS
            self._seen[name] = self._clock()
            self._seen.move_to_end(name)
            return name

    def __contains__(self, name: str) -> bool:
        return name in self._seen

    def forget(self) -> None:
        """Let go of runs that are too long silent."""
        with self._lock:
            while self._seen:
                oldest, at = next(iter(self._seen.items()))
                if self._clock() - at < self._idle_s:
                    return
                del self._seen[oldest]
                forget_run(oldest)


RUNS = RunSeries()
"""Of this process."""
