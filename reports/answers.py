"""Answers as the report shows them: the text cut at the claims' words, and each claim with its verdict and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.fact import Fact
from schemas.graph_reward import GraphReward
from schemas.triplet import JudgedTriplet, Verdict

MOST_CHARACTERS = 700
"""Of a completion; more is cut, and said to be."""
MOST_CLAIMS = 8
"""Listed under an answer; a rambling one has dozens that nothing is known of."""
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
    """Why, in words; then ids and source of the facts."""


class Side(NamedTuple):
    """An answer of one phase."""

    pieces: tuple[Piece, ...]
    cut: bool
    """Whether the text was longer."""
    claims: tuple[Claim, ...]
    more_claims: int
    """Claims that are not listed."""
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


def pieces(text: str, triplets: tuple[JudgedTriplet, ...]) -> list[Piece]:
    """A completion cut at the objects of its claims, each with the verdict."""
    return list(_pieces(text, triplets))


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
    claims = tuple(_claim(judged, facts) for judged in reward.triplets[:MOST_CLAIMS])
    more = max(0, len(reward.triplets) - MOST_CLAIMS)
    return Side(tuple(_pieces(text, reward.triplets)), len(reward.completion) > len(text), claims, more, said, reward.exact)


def _claim(judged: JudgedTriplet, facts: Mapping[str, Fact]) -> Claim:
    triplet = judged.triplet
    remark = "negated" if triplet.negated else "hedged" if triplet.hedged else ""
    return Claim(
        triplet.subject, triplet.predicate.replace("_", " "), triplet.object, judged.verdict.value, remark, tuple(_evidence(judged, facts))
    )


def _evidence(judged: JudgedTriplet, facts: Mapping[str, Fact]) -> Iterator[str]:
    """Why, in words; then the facts, so that they can be looked up."""
    known = [facts[key] for key in judged.fact_ids if key in facts]
    if judged.note:
        yield judged.note
    elif known:
        yield "; ".join(f"{fact.subject} · {fact.predicate} · {fact.object}" for fact in known)
    if judged.fact_ids:
        sources = sorted({fact.source for fact in known if fact.source})
        yield f"{'facts' if len(judged.fact_ids) > 1 else 'fact'} {', '.join(judged.fact_ids)}{f' ({sources[0]})' if sources else ''}"


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
