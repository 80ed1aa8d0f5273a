"""Asks the feedback node for rewards over Kafka: outputs out, rewards in. A late or failed reward is None, never a zero."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.errors import BadRecord, BrokerError, PeltonError
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.topics import PRODUCER_HEADER
from schemas.training_sample import TrainingSample
from streams import metrics
from streams.kafka.connection import broker_errors
from streams.kafka.consumer import Record, make_consumer
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.kafka.signatures import REASONS, Signatures
from streams.kafka.topic_ids import heard_ids, made_anew
from trainer_node.rewards.functions import Mixture
from trainer_node.rewards.outputs import model_outputs
from trainer_node.stopping import Stopped

logger = logging.getLogger(__name__)

SILENT_LIMIT = 3
"""Steps in a row without any reward in time after which training stops: nobody is there to judge."""
LAST_WAIT_S = 10.0
"""How long a step that is to be the last waits for its rewards."""


@dataclass(frozen=True)
class JudgedStep:
    """What came of a step's answers."""

    step: int
    rewards: list[float | None]
    """Of each completion, in order: what is learnt from."""
    shares: list[float | None]
    """Likewise R, the share of its claims that is verified, where the policy gives another number."""
    seconds: float
    """How long the step waited for them, once its last answer was there."""
    answers: list[tuple[ModelOutput, GraphReward | None]]
    """Each output once, with what it earned."""


class RewardClient:
    """Sends a run's outputs and waits for their rewards. One thread uses it: the training thread, on rank 0."""

    def __init__(
        self,
        settings: KafkaSettings,
        producer: Producer,
        run_id: str,
        timeout_s: float,
        stopping: threading.Event,
        waiting: Callable[[], None] = lambda: None,
        waits_for: Callable[[str | None], None] = lambda why: None,
        before_sending: Callable[[], None] = lambda: None,
        observe: Callable[[JudgedStep], None] = lambda judged: None,
        gives_up: bool = True,
        mixture: Mixture | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            settings: of the broker.
            producer: for the outputs.
            run_id: rewards of other runs are not ours.
            timeout_s: seconds to wait for rewards, once all outputs are sent.
            stopping: set when the node is to stop.
            waiting: called again and again while rewards, or the broker, are waited for.
            waits_for: told what is waited for while it is, and None when that is over.
            before_sending: called before outputs get out; makes durable what they follow from.
            observe: told of each step's rewards.
            gives_up: whether steps without a reward end the training; else it is for the caller to ask `is_silent`.
            mixture: what a reward is made of; None: of what the feedback node gives.
        """
        self._settings = settings
        self._producer = producer
        self._signatures = Signatures(settings)
        self._run_id = run_id
        self._headers = [(PRODUCER_HEADER, f"trainer.{run_id}".encode())]
        self._timeout_s = timeout_s
        self._stopping = stopping
        self._waiting = waiting
        self._waits_for = waits_for
        self._before_sending = before_sending
        self._observe = observe
        self._gives_up = gives_up
        self._mixture = mixture
        self._silent, self.silences = 0, 0
        self._arrivals: _FromNow | None = None
        self._sent: set[str] = set()
        self._is_begun = False
        self.policies: set[str] = set()
        """By which policies answers were judged, in the words of the judges."""
        self.late = 0
        """Rewards that did not come in time, in all."""

    def answered(self, step: int, prompt: TrainingSample, completion: str) -> None:
        """Send an answer as soon as it is complete, so that it is judged while others are still made; `rewards_of` asks what came of it."""
        (output,) = model_outputs([prompt], [completion], self._run_id, step - 1, "train")
        self._send(output)

    def rewards_of(self, step: int, prompts: Sequence[TrainingSample], completions: Sequence[str]) -> list[float | None]:
        """Rewards of the completions that an optimizer step trains on, in order. Blocks until they are there, or are late.

        Args:
            step: the step they are for; the model that answered had taken one less.
            prompts: each completion's prompt.
            completions: the answers. Those of one prompt that say the same are one output and share its reward.

        Raises:
            PeltonError: SILENT_LIMIT steps in a row without any reward in time.
        """
        started = time.monotonic()
        outputs = model_outputs(prompts, completions, self._run_id, step - 1, "train")
        once = {output.output_id: output for output in outputs}
        asks_graph = self._mixture is None or self._mixture.asks_graph
        judged = self.judge(list(once.values()), finish=True) if asks_graph else self._tell(once)
        found = [judged[output.output_id] for output in outputs]
        given = [reward.learnt_from if reward is not None else None for reward in found]
        if self._mixture is not None:
            given = self._mixture.of(given, prompts, completions)
        failed = self._mixture is not None and self._mixture.failed
        self._count_silence(failed or (asks_graph and all(reward is None for reward in judged.values())))
        shares = [reward.reward if reward is not None else None for reward in found]
        answers = [(output, judged[output_id]) for output_id, output in once.items()]
        self._tell_policies({*(self._mixture.names if self._mixture else ())})
        self._observe(JudgedStep(step, given, shares, time.monotonic() - started, answers))
        return given

    def _tell_policies(self, found: set[str]) -> None:
        if new := found - self.policies:
            self.policies |= new
            logger.info("answers are judged by the policy %s", " and ".join(sorted(new)))

    def _tell(self, outputs: dict[str, ModelOutput]) -> dict[str, GraphReward | None]:
        """Send outputs that nobody is to judge: they are on the log, and no reward is waited for."""
        for output in outputs.values():
            self._send(output)
        self._is_begun = False
        return dict.fromkeys(outputs)

    def _count_silence(self, is_silent: bool) -> None:
        self._silent = self._silent + 1 if is_silent else 0
        self.silences = self.silences if is_silent else 0
        if not (self._gives_up and self.is_silent):
            return
        if self._mixture is not None and self._mixture.failed:
            raise PeltonError(
                f"reward_fn raised in {SILENT_LIMIT} steps in a row, the last time as told above; the run goes on from its checkpoint"
            )
        raise PeltonError(
            f"no reward came for {SILENT_LIMIT} steps, each {self._timeout_s:.0f} s long: is `pelton worker feedback` running?"
            " Start it, then this run again: it goes on from its newest checkpoint"
        )

    @property
    def is_silent(self) -> bool:
        """Whether no reward has come in time for SILENT_LIMIT steps."""
        return self._silent >= SILENT_LIMIT

    def forget_silence(self) -> None:
        """Count anew; `silences` says how often since a reward last came."""
        self._silent = 0
        self.silences += 1

    def judge(self, outputs: list[ModelOutput], finish: bool = False) -> dict[str, GraphReward | None]:
        """Send outputs and wait for their rewards.

        Args:
            outputs: answers of this run, each id once.
            finish: wait even when the node is to stop, for LAST_WAIT_S: an optimizer step needs them to be finished.

        Returns:
            Reward by output id; None for one that did not come in time.

        Raises:
            Stopped: the node is to stop, and they did not come in LAST_WAIT_S more.
        """
        for output in outputs:
            self._send(output)
        self._producer.flush(waiting=self._waiting)
        try:
            judged = self._collect({output.output_id for output in outputs}, finish)
        finally:
            self._is_begun = False
        self._tell_policies({reward.policy for reward in judged.values() if reward is not None})
        return judged

    def close(self) -> None:
        """Stop listening."""
        if self._arrivals is not None:
            self._arrivals.close()

    def _send(self, output: ModelOutput) -> None:
        """Send an output, once; before a step's first one, listen to what comes from now on."""
        if not self._is_begun:
            self._before_sending()
            self._arrivals, self._sent, self._is_begun = self._listening(), set(), True
        if output.output_id not in self._sent:
            self._sent.add(output.output_id)
            self._producer.send(self._settings.topics.outputs, output.prompt_id, output, self._headers)

    def _listening(self) -> _FromNow:
        """Waits for a broker that is away: an answer without a reward teaches nothing.

        Raises:
            BrokerError: it is still away when the node is to stop.
        """
        while True:
            try:
                if self._arrivals is None:
                    return _FromNow(self._settings)
                self._arrivals.from_now()
                return self._arrivals
            except BrokerError as error:
                if self._stopping.wait(1.0):
                    raise
                self._waiting()
                logger.warning("asking for rewards waits for the broker: %s", error)

    def _collect(self, wanted: set[str], finish: bool) -> dict[str, GraphReward | None]:
        rewards: dict[str, GraphReward | None] = dict.fromkeys(wanted)
        metrics.REWARDS_ASKED.labels(self._run_id).inc(len(wanted))
        missing = set(wanted)
        deadline, told_at = time.monotonic() + self._timeout_s, 0.0
        while missing and time.monotonic() < deadline and (finish or not self._stopping.is_set()):
            self._waiting()
            self._waits_for(f"{len(missing)} of {len(wanted)} answers wait for their rewards, which `pelton worker feedback` gives")
            if self._stopping.is_set():
                told_at = told_at or time.monotonic()
                if time.monotonic() - told_at > LAST_WAIT_S:
                    raise Stopped  # the next start answers these prompts anew
            for record in self._arrivals.poll() if self._arrivals is not None else ():
                reward = self._ours(record)
                if reward is not None and reward.output_id in missing:
                    rewards[reward.output_id] = reward
                    missing.discard(reward.output_id)
        self._waits_for(None)
        if missing:
            self.late += len(missing)
            metrics.REWARDS_LATE.labels(self._run_id).inc(len(missing))
            logger.warning(
                "%d of %d rewards did not come within %.0f s; they count as none, not as zero", len(missing), len(wanted), self._timeout_s
            )
        return rewards

    def _ours(self, record: Record) -> GraphReward | None:
        try:
            self._signatures.check(record)
            reward = GraphReward.decode(record.value)
        except BadRecord as bad:
            if bad.reason in REASONS:
                metrics.RECORDS_REFUSED.labels("trainer", record.topic, bad.reason.value).inc()
            logger.warning("%s:%d:%d is no reward: %s", record.topic, record.partition, record.offset, bad)
            return None
        return reward if reward.run_id in (None, self._run_id) else None


class _FromNow:
    """The records of `rewards` that arrive from now on, or since `from_now` was called last."""

    def __init__(self, settings: KafkaSettings) -> None:
        from kafka import TopicPartition

        topic = settings.topics.rewards
        self._topic = topic.name
        self._consumer: Any = make_consumer(settings, purpose="rewards", auto_offset_reset="none")
        numbers = self._consumer.partitions_for_topic(topic.name) or range(topic.partitions)
        partitions = [TopicPartition(topic.name, number) for number in numbers]
        self._consumer.assign(partitions)
        self._settings = settings
        self.from_now()

    def from_now(self) -> None:
        """Pass over what has come by now.

        Raises:
            BrokerError: the broker is away.
        """
        with broker_errors(self._settings, "asking for rewards"):
            for tp, end in self._consumer.end_offsets(list(self._consumer.assignment())).items():
                self._consumer.seek(tp, end)
        self._ids = heard_ids(self._consumer, [self._topic])

    def poll(self) -> Iterable[Record]:
        """What has come in the last moments. What is gone before it was read is told."""
        from kafka.errors import OffsetOutOfRangeError

        try:
            found = self._consumer.poll(timeout_ms=200)
        except OffsetOutOfRangeError as error:
            self._seek_to_beginning(f"no longer hold offsets {dict(error.args[0])}: retention has overtaken this reader")
            return []
        now = heard_ids(self._consumer, [self._topic])
        if made_anew(self._ids, now):
            self._ids = now
            self._seek_to_beginning("were deleted and made anew")
            return []
        return [Record.of(raw) for batch in found.values() for raw in batch]

    def _seek_to_beginning(self, why: str) -> None:
        logger.warning("the rewards of %s %s; they are read from the beginning that there is", self._topic, why)
        for tp, begin in self._consumer.beginning_offsets(list(self._consumer.assignment())).items():
            self._consumer.seek(tp, begin)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()
