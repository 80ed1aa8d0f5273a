"""The feedback node's agent: from `outputs` to `rewards`, and, where asked for, to preference pairs on `samples`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic

from feedback_node.counted import CountedRewards
from feedback_node.hearing import Utterance, prepare
from feedback_node.policies import RewardConfig
from feedback_node.pool import ExtractionPool
from feedback_node.preference_log import PreferenceLog
from feedback_node.preferences import PreferenceConfig, PreferenceWindow, PromptKey
from feedback_node.reward import judge_output
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.topics import Topic
from schemas.triplet import Triplet
from streams import metrics
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode

logger = logging.getLogger(__name__)


class FeedbackNode(StreamNode):
    """Reads `outputs`; with a run id, those of that run and those of none.

    Rewards may come twice after a crash, under one `reward_id` where the graph is the same. What preference pairs are made from is read
    back from the log (`preference_log`), so that a prompt and model version have one pair whatever happens to the workers.
    """

    name = "feedback"
    linger = 0.1
    dead_letters_bad_facts = True

    def __init__(
        self,
        settings: KafkaSettings,
        ontology: Ontology,
        run_id: str | None = None,
        config: RewardConfig | None = None,
        preferences: PreferenceConfig | None = None,
        extractors: int = 1,
        state_folder: Path | None = None,
    ) -> None:
        super().__init__(settings, settings.topics.outputs, ontology, run_id, state_folder)
        self._config = config or RewardConfig()
        self._window: PreferenceWindow | None = None
        if preferences is not None:
            self._window = PreferenceWindow(preferences)
            self._preference_log = PreferenceLog(settings, self._window, preferences, run_id)
        self._pool = ExtractionPool(ontology, extractors)
        self._counted = CountedRewards()

    def written(self) -> Sequence[Topic]:
        """Where rewards go, and pairs."""
        topics = self.settings.topics
        return [topics.rewards] if self._window is None else [topics.rewards, topics.samples]

    def warm_up(self) -> None:
        """Load the language model, and what the log knows of preferences."""
        logger.info("answers are judged by the policy %s", self._config.told())
        self._pool.warm_up()
        self.reassigned()

    def reassigned(self) -> None:
        """Others may have judged answers to prompts that are this worker's now."""
        if self._window is not None:
            self._preference_log.catch_up()

    def process(self, records: Sequence[Record]) -> None:
        """Find the claims of all outputs, then judge each by one version of the graph."""
        outputs = self._decode(records)
        begun = monotonic()
        with self.view.locked() as graph:
            utterances = [prepare(output.prompt, output.completion, graph) for _, output in outputs]
        claims = self._pool.extract([one.text for one in utterances], [one.names for one in utterances])
        metrics.EXTRACTION_SECONDS.labels(self.name).observe(monotonic() - begun)
        answered: dict[PromptKey, None] = {}
        judged: list[GraphReward] = []
        for (record, output), utterance, found in zip(outputs, utterances, claims, strict=True):
            with self.guarded(record) as case:
                case.sample_id = output.prompt_id
                if isinstance(found, Exception):
                    raise found
                reward = self._judge(output, found, utterance)
                judged.append(reward)
                if self._window is not None and (key := self._window.add(reward)) is not None:
                    answered[key] = None
        for reward in judged:
            if reward.reward is None:
                self.skip(f"no reward: {reward.status.value}")
        self._counted.count(judged)
        if self._window is not None:
            self.send_pairs(self._window, answered)

    def close(self) -> None:
        """End the extracting processes too."""
        super().close()
        self._pool.close()

    def _decode(self, records: Sequence[Record]) -> list[tuple[Record, ModelOutput]]:
        outputs = []
        for record in self.admitted(records):
            with self.guarded(record, is_done=False):
                output = ModelOutput.decode(record.value)
                if self.run_id is None or output.run_id in (None, self.run_id):
                    outputs.append((record, output))
                else:
                    self.skip("another run's")
        return outputs

    def _judge(self, output: ModelOutput, triplets: list[Triplet], utterance: Utterance) -> GraphReward:
        with self.view.locked() as graph:
            reward = judge_output(output, triplets, graph, self._config, utterance=utterance)
        self.send(self.settings.topics.rewards, output.prompt_id, reward)
        return reward

    def send_pairs(self, window: PreferenceWindow, answered: Iterable[PromptKey]) -> None:
        """Pairs of the prompts that this batch answered, now that all their answers are in."""
        for key in answered:
            if (pair := window.pair(key)) is not None:
                self.send(self.settings.topics.samples, pair.sample_id, pair, self.name)
                metrics.PREFERENCE_PAIRS.labels(metrics.RUNS.seen(key.run_id)).inc()
