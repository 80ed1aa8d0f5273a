"""The preference windows' memory is the log: which answers were judged (`rewards`), and which pairs were sent (`samples`).

A worker that starts, or is given partitions, reads what others wrote since it last looked. So a killed worker's open windows live on in
whoever takes over, and a pair that it had sent is not sent again, although the outputs that it had not committed are judged again.
"""

from __future__ import annotations

import logging
import time

from feedback_node.preferences import PAIR_ID, PreferenceConfig, PreferenceWindow
from schemas.errors import BadRecord
from schemas.graph_reward import GraphReward
from streams.committed import ReadSoFar, newer_records
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import Signatures

LOOK_BACK = 100_000
"""Most records of a partition that are read again; pairs sent longer ago are known by their id to whoever reads `samples`."""

logger = logging.getLogger(__name__)


class PreferenceLog:
    """Brings a window up to date with the log, for one run's answers or all."""

    def __init__(self, settings: KafkaSettings, window: PreferenceWindow, config: PreferenceConfig, run_id: str | None = None) -> None:
        self._settings = settings
        self._window = window
        self._max_age_s = config.max_age_s
        self._run_id = run_id
        self._signatures = Signatures(settings)
        self._rewards = ReadSoFar()
        self._samples = ReadSoFar()

    def catch_up(self) -> None:
        """Read what was written since the last call; at the first, answers that are not stale, and the latest pairs.

        Raises:
            BrokerError: the broker is away.
        """
        answers = pairs = 0
        topics = self._settings.topics
        fresh = time.time() - self._max_age_s
        for record in newer_records(self._settings, topics.rewards.name, self._rewards, LOOK_BACK, since=fresh):
            answers += self._remember(record)
        for record in newer_records(self._settings, topics.samples.name, self._samples, LOOK_BACK):
            if record.key is not None and record.key.startswith(PAIR_ID.encode()) and self._is_ours(record):
                self._window.sent(record.key.decode(errors="replace"))
                pairs += 1
        logger.info("preferences: %d judged answers and %d pairs read from the log", answers, pairs)

    def _is_ours(self, record: Record) -> bool:
        """Whether a pair was sent by who may: one that somebody forged would keep the true one away."""
        try:
            return self._signatures.vouches_for_node_fields(self._signatures.check(record))
        except BadRecord:
            return False

    def _remember(self, record: Record) -> bool:
        try:
            self._signatures.check(record)
            reward = GraphReward.decode(record.value)
        except BadRecord:
            return False
        return self._run_id in (None, reward.run_id) and self._window.add(reward) is not None
