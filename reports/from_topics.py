"""What the topics have of a run: judged answers, facts that claims were judged by, what variants brought, and dead letters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reports.page import Answer
from reports.variants import RunLosses, told
from schemas.errors import BadRecord, PeltonError
from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.sample_loss import SampleLoss
from streams.kafka.consumer import read_range
from streams.kafka.dead_letters import read_dead_letters
from streams.kafka.settings import KafkaSettings

MOST_ANSWERS = 400
"""Answers of training that are kept, the newest; held-out ones are all kept."""


@dataclass
class FromTopics:
    """What was found; `missing` says what could not be read, and why."""

    answers: list[Answer] = field(default_factory=list)
    before: list[GraphReward] = field(default_factory=list)
    after: list[GraphReward] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    variants: dict[str, str] = field(default_factory=dict)
    """Recipe -> what its variants brought."""
    missing: str = ""


def read_topics(settings: KafkaSettings, run_id: str) -> FromTopics:
    """Read what belongs to a run; a broker that does not answer is said in `missing`."""
    found = FromTopics()
    try:
        _read_rewards(found, settings, run_id)
        reasons = Counter(letter.reason.value for letter, _ in read_dead_letters(settings))
        found.dead_letters = dict(reasons.most_common())
        _read_facts(found, settings)
        found.variants = told(_losses(settings, run_id))
    except PeltonError as error:
        found.missing = str(error)
    return found


def _losses(settings: KafkaSettings, run_id: str) -> RunLosses:
    losses = RunLosses()
    for record in read_range(settings, settings.topics.losses.name):
        try:
            loss = SampleLoss.decode(record.value)
        except BadRecord:
            continue
        if loss.run_id == run_id:
            losses.add(loss)
    return losses


def _read_rewards(found: FromTopics, settings: KafkaSettings, run_id: str) -> None:
    phases: dict[str, dict[str, GraphReward]] = {"before": {}, "after": {}}
    training: dict[str, GraphReward] = {}
    for record in read_range(settings, settings.topics.rewards.name):
        try:
            reward = GraphReward.decode(record.value)
        except BadRecord:
            continue
        if reward.run_id != run_id:
            continue
        if reward.phase in phases:
            phases[reward.phase][reward.prompt_id] = reward
        else:
            training.pop(reward.output_id, None)
            training[reward.output_id] = reward
            if len(training) > MOST_ANSWERS:
                del training[next(iter(training))]
    found.before, found.after = list(phases["before"].values()), list(phases["after"].values())
    for prompt in sorted(phases["before"].keys() | phases["after"].keys()):
        before, after = phases["before"].get(prompt), phases["after"].get(prompt)
        found.answers.append(answer_of(prompt, before, after))
    if not found.answers:
        found.answers = [answer_of(reward.prompt_id, None, reward) for reward in reversed(training.values())]


def answer_of(prompt_id: str, before: GraphReward | None, after: GraphReward | None) -> Answer:
    """One question with its judged answers."""
    either = after or before
    assert either is not None
    return Answer(either.prompt or prompt_id, either.gold or (), before, after)


def _read_facts(found: FromTopics, settings: KafkaSettings) -> None:
    """Those that some shown claim was judged by."""
    rewards = [reward for answer in found.answers for reward in (answer.before, answer.after) if reward]
    wanted = {fact_id for reward in rewards for triplet in reward.triplets for fact_id in triplet.fact_ids}
    if not wanted:
        return
    for record in read_range(settings, settings.topics.facts.name):
        key = record.key.decode(errors="replace") if record.key else ""
        if key in wanted and record.value:
            try:
                found.facts[key] = Fact.decode(record.value)
            except BadRecord:
                continue
