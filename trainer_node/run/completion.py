"""Whether everything is consumed: what ends a pass of a run that is to end."""

from __future__ import annotations

import logging
import time

from schemas.errors import BrokerError
from streams.kafka.lag import LagReader
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.node import group_name
from trainer_node.intake.feed import Feed
from trainer_node.options import RunOptions

logger = logging.getLogger(__name__)

UPSTREAM = {"curriculum": "samples", "augmenter": "losses"}
"""Nodes that may still send us something, and the topic each one reads."""
PAUSE_S = 0.2
"""Between the two looks that must agree."""


class Completion:
    """Producers closed, and lag zero everywhere twice in a row."""

    def __init__(self, settings: KafkaSettings, options: RunOptions, feed: Feed, producer: Producer, lag: LagReader) -> None:
        self._settings = settings
        self._options = options
        self._feed = feed
        self._producer = producer
        self._lag = lag
        self._zero_seen = False

    def done(self) -> bool:
        """Look once; True when this look and the one before found nothing left. Upstream first: what it still holds may yet come to us."""
        if not self._options.until_consumed:
            return False
        if self._options.closed_file is not None and not self._options.closed_file.exists():
            return False
        self._producer.flush()  # our own losses are what the augmenter still has to read
        try:
            zero = all(self._upstream_is_done(node) for node in self._options.wait_for) and self._feed.drained()
        except BrokerError as error:
            logger.warning("whether all is consumed is not known: %s", error)
            zero = False
        twice, self._zero_seen = zero and self._zero_seen, zero
        if zero and not twice:
            time.sleep(PAUSE_S)
        return twice

    def begin_anew(self) -> None:
        """Another pass: what was seen before says nothing of it."""
        self._zero_seen = False

    def _upstream_is_done(self, node: str) -> bool:
        group = group_name(self._settings, node, self._options.workers_run_id)
        topic = getattr(self._settings.topics, UPSTREAM[node])
        return not any(self._lag.group_lag(group, [topic.name]).values())
