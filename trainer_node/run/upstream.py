"""Whether the workers before us are done with what was sent, and whether anybody is there to do it."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.errors import BrokerError, UserError
from streams.kafka.lag import LagReader
from streams.kafka.settings import KafkaSettings
from streams.node import group_name
from trainer_node.options import RunOptions

READS = {"curriculum": "samples", "augmenter": "losses", "feedback": "outputs"}
"""Nodes that may still send us something, and the topic each one reads."""
LOOK_S = 5.0
"""Seconds between two looks for a worker that is gone."""


class Upstream:
    """Asks the broker. Used by the training thread."""

    def __init__(self, settings: KafkaSettings, options: RunOptions, lag: LagReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._options = options
        self._lag = lag
        self._clock = clock
        self._next_look = 0.0
        self._gone_since: float | None = None
        self.missing: str | None = None
        """What nobody does: records that no curriculum worker is there to put into bands. None where one is, or nothing is to be done."""

    def lag_of(self, node: str) -> int:
        """Records that a node has still to read.

        Raises:
            BrokerError: it cannot be asked.
        """
        topic = getattr(self._settings.topics, READS[node])
        return sum(self._lag.group_lag(self._group(node), [topic.name]).values())

    def look(self) -> str | None:
        """Look for a curriculum worker, where there is something for it to do; asks the broker every LOOK_S seconds.

        Returns:
            `missing`.

        Raises:
            UserError: the run is to end, and nobody has been there for as long as it waits.
        """
        now = self._clock()
        if now >= self._next_look and not self._options.start.ranges:
            self._next_look = now + LOOK_S
            try:
                self.missing = self._find_missing()
            except BrokerError:
                return self.missing
            self._gone_since = None if self.missing is None else now if self._gone_since is None else self._gone_since
            self._raise_if_gone(now)
        return self.missing

    def _find_missing(self) -> str | None:
        count = self.lag_of("curriculum")
        if not count or self._lag.has_members(self._group("curriculum")):
            return None
        name = self._settings.topics.samples.name
        return f"{count} records of {name} wait for a curriculum worker, and none is at work: start `pelton worker curriculum`"

    def _raise_if_gone(self, now: float) -> None:
        limit = self._options.worker_gone_s
        if self._options.until_consumed and self._gone_since is not None and limit is not None and now - self._gone_since >= limit:
            raise UserError(f"{self.missing}, then this run again: it goes on from its newest checkpoint")

    def _group(self, node: str) -> str:
        return group_name(self._settings, node, self._options.workers_run_id)
