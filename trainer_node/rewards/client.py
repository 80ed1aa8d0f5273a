"""Asks the feedback node for rewards over Kafka: outputs out, rewards in. A late or failed reward is None, never a zero."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from schemas.errors import BadRecord, BrokerError
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from streams.kafka.consumer import Record, make_consumer
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

logger = logging.getLogger(__name__)


class RewardClient:
    """Sends a run's outputs and waits for their rewards. One thread uses it."""

    def __init__(
        self,
        settings: KafkaSettings,
        producer: Producer,
        run_id: str,
        stopping: threading.Event,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """`waiting` is called again and again while rewards, or the broker, are waited for."""
        self._settings = settings
        self._producer = producer
        self._run_id = run_id
        self._stopping = stopping
        self._waiting = waiting
        self.late = 0
        """Rewards that did not come in time, in all."""

    def judge(self, outputs: list[ModelOutput], timeout_s: float, finish: bool = False) -> dict[str, GraphReward | None]:
        """Send outputs and wait for their rewards.

        Args:
            outputs: answers of this run, each id once.
            timeout_s: how long to wait after the last was sent.
            finish: wait even when the node is to stop: an optimizer step needs them to be finished.

        Returns:
            Reward by output id; None for one that did not come in time.
        """
        with self._listening() as arrivals:
            for output in outputs:
                self._producer.send(self._settings.topics.outputs, output.prompt_id, output)
            self._producer.flush(waiting=self._waiting)
            return self._collect({output.output_id for output in outputs}, arrivals, timeout_s, finish)

    def _listening(self) -> _FromNow:
        """Waits for a broker that is away: an answer without a reward teaches nothing.

        Raises:
            BrokerError: it is still away when the node is to stop.
        """
        while True:
            try:
                return _FromNow(self._settings)
            except BrokerError as error:
                if self._stopping.wait(1.0):
                    raise
                self._waiting()
                logger.warning("asking for rewards waits for the broker: %s", error)

    def _collect(self, wanted: set[str], arrivals: _FromNow, timeout_s: float, finish: bool) -> dict[str, GraphReward | None]:
        rewards: dict[str, GraphReward | None] = dict.fromkeys(wanted)
        missing = set(wanted)
        deadline = time.monotonic() + timeout_s
        while missing and time.monotonic() < deadline and (finish or not self._stopping.is_set()):
            self._waiting()
            for record in arrivals.poll():
                reward = self._ours(record)
                if reward is not None and reward.output_id in missing:
                    rewards[reward.output_id] = reward
                    missing.discard(reward.output_id)
        if missing:
            self.late += len(missing)
            logger.warning(
                "%d of %d rewards did not come within %.0f s; they count as none, not as zero", len(missing), len(wanted), timeout_s
            )
        return rewards

    def _ours(self, record: Record) -> GraphReward | None:
        try:
            reward = GraphReward.decode(record.value)
        except BadRecord as bad:
            logger.warning("%s:%d:%d is no reward: %s", record.topic, record.partition, record.offset, bad)
            return None
        return reward if reward.run_id == self._run_id else None


class _FromNow:
    """The records of `rewards` that arrive from now on."""

    def __init__(self, settings: KafkaSettings) -> None:
        from kafka import TopicPartition

        topic = settings.topics.rewards
        self._consumer: Any = make_consumer(settings)
        numbers = self._consumer.partitions_for_topic(topic.name) or range(topic.partitions)
        partitions = [TopicPartition(topic.name, number) for number in numbers]
        self._consumer.assign(partitions)
        for tp, end in self._consumer.end_offsets(partitions).items():
            self._consumer.seek(tp, end)

    def poll(self) -> Iterable[Record]:
        """What has come in the last moments."""
        return [Record.of(raw) for batch in self._consumer.poll(timeout_ms=200).values() for raw in batch]

    def __enter__(self) -> _FromNow:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()
