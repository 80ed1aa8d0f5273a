"""What the feedback node's metrics say of a run: rewards, hallucinations, verdicts, and how old the answers' models are."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from schemas.graph_reward import GraphReward, RewardStatus
from schemas.triplet import Verdict
from streams import metrics

AVERAGED = 200
"""Rewards of a run that `reward_avg` is the mean of, and outputs of a run that `pelton_hallucination_ratio` is over."""


class CountedRewards:
    """Of each run of which there are series: its latest rewards and claims."""

    def __init__(self) -> None:
        self._latest: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=AVERAGED))
        self._claims: dict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=AVERAGED))
        self._newest: dict[str, int] = {}

    def count(self, rewards: Iterable[GraphReward]) -> None:
        """Count a batch's rewards, run by run."""
        runs: dict[str, list[GraphReward]] = defaultdict(list)
        for reward in rewards:
            runs[reward.run_id or ""].append(reward)
        for run_id, judged in runs.items():
            self._count(metrics.RUNS.seen(run_id), judged)

    def _count(self, run_id: str, judged: Sequence[GraphReward]) -> None:
        for windows in (self._claims, self._latest, self._newest):
            for gone in [name for name in windows if name not in metrics.RUNS]:
                del windows[gone]
        for verdict in Verdict:
            metrics.VERDICTS.labels(run_id, verdict.value).inc(sum(getattr(reward, verdict.value) for reward in judged))
        for reward in judged:
            metrics.ANSWERS.labels(run_id, heard_of(reward)).inc()
        metrics.UNREAD_SENTENCES.labels(run_id).inc(sum(reward.unread or 0 for reward in judged))
        seconds = metrics.REWARD_SECONDS.labels(run_id)
        for reward in judged:
            if reward.latency_ms is not None:
                seconds.observe(reward.latency_ms / 1000)
        claims, latest = self._claims[run_id], self._latest[run_id]
        claims.extend((reward.contradicted, reward.total) for reward in judged)
        latest.extend(reward.reward for reward in judged if reward.reward is not None)
        if total := sum(all_claims for _, all_claims in claims):
            metrics.HALLUCINATION_RATIO.labels(run_id).set(sum(wrong for wrong, _ in claims) / total)
        if latest:
            metrics.REWARD_AVG.labels(run_id).set(sum(latest) / len(latest))
        if (steps := [step for reward in judged if (step := step_of(reward.model_version)) is not None]) and run_id != metrics.OTHERS:
            self._newest[run_id] = max(self._newest.get(run_id, 0), *steps)
            metrics.OUTPUT_STALENESS.labels(run_id).set(self._newest[run_id] - min(steps))


def heard_of(reward: GraphReward) -> str:
    """What was heard in an answer, in a word."""
    if reward.abstained:
        return "abstained"
    if reward.status is not RewardStatus.OK:
        return reward.status.value
    return "off_question" if reward.answers_question is False else "answered"


def step_of(model_version: str) -> int | None:
    """The optimizer step that a model version names (`<run>/<step>`); None where it names none."""
    step = model_version.rpartition("/")[2]
    return int(step) if step.isascii() and step.isdigit() and len(step) < 16 else None
