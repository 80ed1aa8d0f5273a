"""Answers as the report shows them: the text cut at the claims' words, and each claim with its verdict and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.triplet import JudgedTriplet, Verdict

MOST_CHARACTERS = 700
"""Of a completion; more is cut, and said to be."""
_WEIGHT = {Verdict.CONTRADICTED: 2, Verdict.VERIFIED: 1, Verdict.UNKNOWN: 0}


class Piece(NamedTuple):
    """A stretch of a completion."""

    text: str
    verdict: str
    """Verdict of the claim whose object these words are; empty for other words."""


class Claim(NamedTuple):
    """A claim in a line."""

    subject: str
    predicate: str
    object: str
    verdict: str
    remark: str
    """`negated`, `hedged`, or empty."""
    evidence: tuple[str, ...]
    """Facts in words, or their ids; then the judge's note."""


class Side(NamedTuple):
    """An answer of one phase."""

    pieces: tuple[Piece, ...]
    cut: bool
    """Whether the text was longer."""
    claims: tuple[Claim, ...]
    reward: str
    exact: bool | None


class ShownAnswer(NamedTuple):
    """A question with both answers."""

    prompt: str
    gold: tuple[str, ...]
    outcome: str
    """`gained`, `lost`, `kept`, `wrong` (still), or empty where it is not known."""
    sides: tuple[tuple[str, Side | None], ...]
    """("before", ...), ("after", ...)."""


def shown(
    prompt: str, gold: tuple[str, ...], before: GraphReward | None, after: GraphReward | None, facts: Mapping[str, Fact]
) -> ShownAnswer:
    """One question with both its answers."""
    outcomes = {(False, True): "gained", (True, False): "lost", (True, True): "kept", (False, False): "wrong"}
    outcome = outcomes.get((before.exact, after.exact), "") if before and after else ""  # type: ignore[arg-type]
    sides = tuple((phase, _side(reward, facts) if reward else None) for phase, reward in (("before", before), ("after", after)))
    return ShownAnswer(prompt, gold, outcome, sides)


def _side(reward: GraphReward, facts: Mapping[str, Fact]) -> Side:
    text = reward.completion[:MOST_CHARACTERS]
    said = "no reward: " + reward.status.value.replace("_", " ") if reward.reward is None else f"reward {reward.reward:.2f}"
    claims = tuple(_claim(judged, facts) for judged in reward.triplets)
    return Side(tuple(_pieces(text, reward.triplets)), len(reward.completion) > len(text), claims, said, reward.exact)


def _claim(judged: JudgedTriplet, facts: Mapping[str, Fact]) -> Claim:
    triplet = judged.triplet
    known = tuple(f"{fact.subject} · {fact.predicate} · {fact.object}" if (fact := facts.get(key)) else key for key in judged.fact_ids)
    remark = "negated" if triplet.negated else "hedged" if triplet.hedged else ""
    evidence = (*known, *([judged.note] if judged.note else []))
    return Claim(triplet.subject, triplet.predicate.replace("_", " "), triplet.object, judged.verdict.value, remark, evidence)


def _pieces(text: str, triplets: tuple[JudgedTriplet, ...]) -> Iterator[Piece]:
    """The text in order, cut at the objects of claims; of two at the same place the graver verdict is shown."""
    spans: dict[tuple[int, int], Verdict] = {}
    for judged in triplets:
        span = judged.triplet.object_span
        if span and 0 <= span[0] < span[1] <= len(text) and _WEIGHT[judged.verdict] >= _WEIGHT.get(spans.get(span, Verdict.UNKNOWN), 0):
            spans[span] = judged.verdict
    at = 0
    for (start, end), verdict in sorted(spans.items(), key=lambda item: (item[0][0], -_WEIGHT[item[1]])):
        if start < at:
            continue
        if start > at:
            yield Piece(text[at:start], "")
        yield Piece(text[start:end], verdict.value)
        at = end
    if at < len(text):
        yield Piece(text[at:], "")
