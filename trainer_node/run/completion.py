"""Whether everything is consumed: what ends a pass of a run that is to end."""

from __future__ import annotations

import logging
import time

from schemas.errors import BrokerError
from streams.kafka.producer import Producer
from trainer_node.intake.feed import Feed
from trainer_node.options import RunOptions
from trainer_node.run.upstream import READS, Upstream

logger = logging.getLogger(__name__)

PAUSE_S = 0.2
"""Between the two looks that must agree."""


class Completion:
    """Producers closed, and lag zero everywhere twice in a row."""

    def __init__(self, options: RunOptions, feed: Feed, producer: Producer, upstream: Upstream) -> None:
        self._options = options
        self._feed = feed
        self._producer = producer
        self._upstream = upstream
        self._wait_for = [] if options.start.ranges else [*dict.fromkeys(("curriculum", *options.wait_for))]
        self._zero_seen = False
        self.waits_for: str | None = None
        """What the last look found still to come; None where it found nothing, or could not look."""

    def done(self) -> bool:
        """Look once; True when this look and the one before found nothing left. Upstream first: what it still holds may yet come to us."""
        if not self._options.until_consumed:
            return False
        if not self._producers_have_closed():
            return False
        self._producer.flush()  # our own losses are what the augmenter still has to read
        try:
            self.waits_for = self._still_to_come()
            zero = self.waits_for is None and self._feed.drained()
        except BrokerError as error:
            logger.warning("whether all is consumed is not known: %s", error)
            zero = False
        twice, self._zero_seen = zero and self._zero_seen, zero
        if zero and not twice:
            time.sleep(PAUSE_S)
        return twice

    def wait_for(self, node: str) -> None:
        """From here on a node that has something to read is waited for, too."""
        if node not in self._wait_for:
            self._wait_for.append(node)

    def upstream_done(self) -> bool:
        """Look once whether nothing is still to come to us from producers, and from the nodes that are waited for."""
        if not self._producers_have_closed():
            return False
        try:
            self.waits_for = self._still_to_come()
        except BrokerError:
            return False
        return self.waits_for is None

    def _producers_have_closed(self) -> bool:
        closed = self._options.closed_file
        if closed is None or closed.exists():
            return True
        self.waits_for = f"all that has come is trained; producers have not closed: there is no {closed} yet"
        return False

    def begin_anew(self) -> None:
        """Another pass: what was seen before says nothing of it."""
        self._zero_seen = False

    def _still_to_come(self) -> str | None:
        for node in self._wait_for:
            if count := self._upstream.lag_of(node):
                return f"all that has come is trained; the {node} has {count} records of {READS[node]} to read"
        return None
