"""The judgement of an answer: its claims with their verdicts, and what they earn by the policy (`policies`)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from feedback_node.hearing import Utterance, hear, prepare
from feedback_node.policies import RewardConfig, given_for
from feedback_node.question import read_question
from feedback_node.verification import ClaimKey, claim_key, verify
from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput
from schemas.triplet import JudgedTriplet, Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words


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
    question = read_question(output.prompt, graph, output.gold)
    utterance = utterance or prepare(output.prompt, output.completion, graph)
    heard = hear(utterance, triplets, output.prompt, question, graph)
    listed, distinct = distinct_claims(verify(heard.triplets, graph), graph)
    given = given_for(distinct, question, heard.abstained, config)
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
        reward=given.reward,
        value=given.value,
        status=given.status,
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


def holds_gold(completion: str, gold: Sequence[str] | None) -> bool | None:
    """Whether a gold string stands in the completion as whole words, names folded; None without gold."""
    wanted = [" ".join(_words(text)) for text in gold or ()]
    if not any(wanted):
        return None
    text = f" {' '.join(_words(completion))} "
    return any(f" {one} " in text for one in wanted if one)


def _words(text: str) -> list[str]:
    return [word.text for word in words(text) if word.text != "the"]
