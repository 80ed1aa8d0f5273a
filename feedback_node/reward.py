"""The reward of an answer: `R = verified / total` over its distinct claims, by one of three policies.

What counts is the same in all: hedged claims are listed, not counted; of denied ones those count that the graph can tell of;
worded; an answer without claims has no reward (or the configured one). What each policy can be gamed by:

- `strict` (default): unknown claims count against the answer. One safe claim beside the question has full reward; and what is true beyond
  the graph's knowledge is punished, so it pulls towards short answers.
- `open_world`: unknown claims are left out. Inventions that the graph cannot check cost nothing, and one safe claim still pays.
- `coverage`: `strict`, times the share of what was asked that the answer says truly. Safe claims beside the question earn nothing, unless
  the graph can tell nothing of the question: then it is `strict`. Padding a right answer with true claims still dilutes its errors.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from feedback_node.hearing import Utterance, hear, prepare
from feedback_node.question import Question, read_question
from feedback_node.verification import ClaimKey, claim_key, verify
from schemas.graph_reward import GraphReward, RewardStatus
from schemas.model_output import ModelOutput
from schemas.triplet import JudgedTriplet, Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words


class RewardPolicy(StrEnum):
    """How claims become a number."""

    STRICT = "strict"
    OPEN_WORLD = "open_world"
    COVERAGE = "coverage"


class RewardConfig(BaseModel):
    """How the feedback node rewards."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    policy: RewardPolicy = RewardPolicy.STRICT
    """`strict`, `open_world` or `coverage`."""
    no_claims: float | None = Field(default=None, ge=0, le=1)
    """Reward of an answer without claims; unset, it has none, and is left out of the gradient."""


def judge_output(
    output: ModelOutput,
    triplets: Sequence[Triplet],
    graph: Hypergraph,
    config: RewardConfig | None = None,
    now: float | None = None,
    utterance: Utterance | None = None,
) -> GraphReward:
    """Judge one answer by the claims that were found in it. Pure but for the clock, which `now` (seconds since the epoch) replaces.

    Hold the view's lock meanwhile, so that all its claims are judged by one version of the graph. `utterance`: the answer made ready
    (`hearing.prepare`), where the claims were found in it.
    """
    config = config or RewardConfig()
    now = time.time() if now is None else now
    question = read_question(output.prompt, graph)
    utterance = utterance or prepare(output.prompt, output.completion, graph)
    heard = hear(utterance, triplets, output.prompt, question, graph)
    listed, distinct = distinct_claims(verify(heard.triplets, graph), graph)
    reward, status = reward_of(distinct, question, config)
    counts = {verdict: sum(claim.verdict is verdict for claim in distinct.values()) for verdict in Verdict}
    return GraphReward(
        reward_id=f"{output.output_id}@{graph.version}",
        output_id=output.output_id,
        prompt_id=output.prompt_id,
        run_id=output.run_id,
        phase=output.phase,
        model_version=output.model_version,
        prompt=output.prompt,
        messages=output.messages,
        tools=output.tools,
        completion=output.completion,
        reward=reward,
        status=status,
        policy=config.policy.value,
        total=len(distinct),
        verified=counts[Verdict.VERIFIED],
        contradicted=counts[Verdict.CONTRADICTED],
        unknown=counts[Verdict.UNKNOWN],
        answers_question=question.is_answered(distinct) if question.parts else None,
        abstained=heard.abstained,
        unread=heard.unread,
        triplets=tuple(listed),
        graph_version=graph.version,
        gold=output.gold,
        exact=holds_gold(output.completion, output.gold),
        judged_at=now,
        latency_ms=max(0.0, (now - output.created_at) * 1000) if output.created_at is not None else None,
    )


def distinct_claims(judged: Sequence[JudgedTriplet], graph: Hypergraph) -> tuple[list[JudgedTriplet], dict[ClaimKey, JudgedTriplet]]:
    """All claims as they are to be listed, duplicates marked; and the ones that count, by what they say.

    Of a claim said several times the clearest verdict stands: verified, else contradicted, else unknown.
    """
    listed: list[JudgedTriplet] = []
    distinct: dict[ClaimKey, JudgedTriplet] = {}
    for claim in judged:
        if claim.triplet.hedged or (claim.triplet.negated and claim.verdict is Verdict.UNKNOWN):
            listed.append(claim)
            continue
        key = claim_key(claim.triplet, graph)
        if key in distinct:
            listed.append(claim.model_copy(update={"note": f"said before, counts once; {claim.note}"}))
            distinct[key] = min(distinct[key], claim, key=lambda one: _CLEAREST.index(one.verdict))
        else:
            listed.append(claim)
            distinct[key] = claim
    return listed, distinct


_CLEAREST = [Verdict.VERIFIED, Verdict.CONTRADICTED, Verdict.UNKNOWN]


def reward_of(distinct: dict[ClaimKey, JudgedTriplet], question: Question, config: RewardConfig) -> tuple[float | None, RewardStatus]:
    """R by the policy, and why there is none."""
    if not distinct:
        return config.no_claims, RewardStatus.NO_CLAIMS
    verified = sum(claim.verdict is Verdict.VERIFIED for claim in distinct.values())
    unknown = sum(claim.verdict is Verdict.UNKNOWN for claim in distinct.values())
    total = len(distinct) - (unknown if config.policy is RewardPolicy.OPEN_WORLD else 0)
    if not total:
        return None, RewardStatus.NO_ANSWERABLE
    factor = question.coverage(distinct) if config.policy is RewardPolicy.COVERAGE else 1.0
    return verified / total * factor, RewardStatus.OK


def holds_gold(completion: str, gold: Sequence[str] | None) -> bool | None:
    """Whether a gold string stands in the completion as whole words, names folded; None without gold."""
    wanted = [" ".join(_words(text)) for text in gold or ()]
    if not any(wanted):
        return None
    text = f" {' '.join(_words(completion))} "
    return any(f" {one} " in text for one in wanted if one)


def _words(text: str) -> list[str]:
    return [word.text for word in words(text) if word.text != "the"]
