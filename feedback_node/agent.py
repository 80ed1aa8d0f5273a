"""The feedback node's agent: from `outputs` to `rewards`, and, where asked for, to preference pairs on `samples`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from feedback_node.pool import ExtractionPool
from feedback_node.preferences import PreferenceConfig, PreferenceWindow
from feedback_node.reward import RewardConfig, judge_output
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.triplet import Triplet
from streams import metrics
from streams.kafka.consumer import Record
from streams.kafka.settings import KafkaSettings
from streams.knowledge.ontology import Ontology
from streams.node import StreamNode

AVERAGED = 200
"""Rewards of a run that `reward_avg` is the mean of."""


class FeedbackNode(StreamNode):
    """Reads `outputs`; with a run id, those of that run and those of none.

    Rewards may come twice after a crash, under one `reward_id` where the graph is the same. The answers that preference pairs are made from
    are remembered in memory only: a restart forgets those that have no pair yet.
    """

    name = "feedback"
    batch = 64
    linger = 0.1
    puts_bad_facts_aside = True

    def __init__(
        self,
        settings: KafkaSettings,
        ontology: Ontology,
        run_id: str | None = None,
        config: RewardConfig | None = None,
        preferences: PreferenceConfig | None = None,
        extractors: int = 1,
    ) -> None:
        super().__init__(settings, settings.topics.outputs, ontology, run_id)
        self._config = config or RewardConfig()
        self._window = PreferenceWindow(preferences) if preferences is not None else None
        self._pool = ExtractionPool(ontology, extractors)
        self._latest: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=AVERAGED))

    def warm_up(self) -> None:
        """Load the language model."""
        self._pool.warm_up()

    def process(self, records: Sequence[Record]) -> None:
        """Find the claims of all outputs, then judge each by one version of the graph."""
        outputs = self._decode(records)
        claims = self._pool.extract([output.completion for _, output in outputs])
        for (record, output), found in zip(outputs, claims, strict=True):
            with self.guarded(record) as case:
                case.sample_id = output.prompt_id
                if isinstance(found, Exception):
                    raise found
                self._judge(output, found)

    def close(self) -> None:
        """End the extracting processes too."""
        super().close()
        self._pool.close()

    def _decode(self, records: Sequence[Record]) -> list[tuple[Record, ModelOutput]]:
        outputs = []
        for record in records:
            with self.guarded(record):
                output = ModelOutput.decode(record.value)
                if self.run_id is None or output.run_id in (None, self.run_id):
                    outputs.append((record, output))
                else:
                    self.skip("another run's")
        return outputs

    def _judge(self, output: ModelOutput, triplets: list[Triplet]) -> None:
        with self.view.locked() as graph:
            reward = judge_output(output, triplets, graph, self._config)
        self.send(self.settings.topics.rewards, output.prompt_id, reward)
        self._note(reward)
        if self._window is not None and (pair := self._window.add(reward)) is not None:
            self.send(self.settings.topics.samples, pair.sample_id, pair)

    def _note(self, reward: GraphReward) -> None:
        if reward.reward is None:
            self.skip(f"no reward: {reward.status.value}")
            return
        run_id = reward.run_id or ""
        self._latest[run_id].append(reward.reward)
        metrics.REWARD_AVG.labels(run_id).set(sum(self._latest[run_id]) / len(self._latest[run_id]))
