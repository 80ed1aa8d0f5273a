"""How verdicts become numbers: the share that every reward says, and what a policy gives an answer, which reinforcement learns from.

What counts is the same in all: hedged claims are listed, not counted; of denied ones those count that the graph can tell of. What each
policy can be gamed by, and what closes it, stands in docs/rewards.md; a test tries each.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from feedback_node.question import Question
from schemas.graph_reward import MOST, RewardStatus
from schemas.triplet import JudgedTriplet, Verdict

if TYPE_CHECKING:
    from feedback_node.verification import ClaimKey


class RewardPolicy(StrEnum):
    """How claims become a number."""

    STRICT = "strict"
    """verified / total"""
    OPEN_WORLD = "open_world"
    """verified / (verified + contradicted)"""
    COVERAGE = "coverage"
    """strict, times the share of the question that is answered truly"""
    TERNARY = "ternary"
    """right, abstained or wrong (TruthRL): its value is of its own, its R is strict's"""
    BINARY = "binary"
    """1 unless something is contradicted (Binary RAR): its value is of its own, its R is strict's"""


class TernaryValues(BaseModel):
    """What `ternary` gives. To say nothing of what was asked, without saying so, is as bad as to be wrong: else it were the way out."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    right: float = Field(default=1.0, ge=-MOST, le=MOST)
    """All that was asked is said truly, nothing is contradicted, and nothing is said that the graph cannot tell of; a part of it earns its
    share of the way from `abstained`."""
    abstained: float = Field(default=0.0, ge=-MOST, le=MOST)
    """The answer says that it does not know."""
    needless: float | None = Field(default=-1.0, ge=-MOST, le=MOST)
    """It says so, and the graph knows what was asked. None is as `abstained`: then a model that is wrong more often than right is paid best
    for never answering (docs/rl.md)."""
    wrong: float = Field(default=-1.0, ge=-MOST, le=MOST)
    """Something is contradicted, or what was asked is not said: nothing of it, or only something vague where the graph knows the one
    answer ("in the 19th century", "by several authors")."""
    unsupported: float | None = Field(default=-0.5, ge=-MOST, le=MOST)
    """Something is said of what was asked, and the graph knows neither it nor its contrary, nor the one answer that there can be. None
    leaves such an answer out of the gradient; then inventions about what the graph does not know cost nothing."""

    @model_validator(mode="after")
    def _in_order(self) -> TernaryValues:
        if not self.right > self.abstained > self.wrong:
            raise ValueError("right must be above abstained, and abstained above wrong")
        if self.unsupported is not None and not self.abstained >= self.unsupported >= self.wrong:
            raise ValueError("unsupported must lie between wrong and abstained")
        if self.needless is not None and not self.abstained >= self.needless >= self.wrong:
            raise ValueError("needless must lie between wrong and abstained")
        return self


class RewardConfig(BaseModel):
    """How the feedback node rewards."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    policy: RewardPolicy = RewardPolicy.TERNARY
    """One of `RewardPolicy`."""
    no_claims: float | None = Field(default=None, ge=0, le=1)
    """R of an answer without claims; unset, it has none. Policies without a value of their own leave such an answer out of the gradient."""
    ternary: TernaryValues = TernaryValues()
    """What `ternary` gives."""

    def values(self) -> dict[str, float | None]:
        """What the policy gives for what, by name: what was chosen besides the policy itself."""
        given = {} if self.no_claims is None else {"no_claims": self.no_claims}
        return given | (self.ternary.model_dump() if self.policy is RewardPolicy.TERNARY else {})

    def told(self) -> str:
        """Policy and values, in a line."""
        said = ", ".join(f"{name.replace('_', ' ')} {'none' if value is None else f'{value:g}'}" for name, value in self.values().items())
        return f"{self.policy.value} ({said})" if said else self.policy.value


class Given(NamedTuple):
    """What an answer gets."""

    reward: float | None
    """R, 0 to 1; None where there is none."""
    status: RewardStatus
    """Why there is no R, if there is none."""
    value: float | None
    """What the policy gives, where that is another number than R; None where the graph can tell nothing."""


def given_for(claims: Mapping[ClaimKey, JudgedTriplet], question: Question, abstained: bool | None, config: RewardConfig) -> Given:
    """What an answer gets for its distinct claims."""
    reward, status = _share(claims, question, config)
    if config.policy is RewardPolicy.TERNARY:
        return Given(reward, status, _ternary(claims, question, abstained, config.ternary))
    if config.policy is RewardPolicy.BINARY:
        return Given(reward, status, 0.0 if _is_contradicted(claims) else 1.0)
    return Given(reward, status, None)


def _share(claims: Mapping[ClaimKey, JudgedTriplet], question: Question, config: RewardConfig) -> tuple[float | None, RewardStatus]:
    if not claims:
        return config.no_claims, RewardStatus.NO_CLAIMS
    verified = sum(claim.verdict is Verdict.VERIFIED for claim in claims.values())
    unknown = sum(claim.verdict is Verdict.UNKNOWN for claim in claims.values())
    total = len(claims) - (unknown if config.policy is RewardPolicy.OPEN_WORLD else 0)
    if not total:
        return None, RewardStatus.NO_ANSWERABLE
    factor = question.coverage(claims) if config.policy is RewardPolicy.COVERAGE else 1.0
    return verified / total * factor, RewardStatus.OK


def _ternary(claims: Mapping[ClaimKey, JudgedTriplet], question: Question, abstained: bool | None, values: TernaryValues) -> float | None:
    if _is_contradicted(claims):
        return values.wrong
    if abstained:
        return values.needless if values.needless is not None and question.known else values.abstained
    if not question.parts:
        return values.unsupported if claims else None  # the graph knows nothing of what was asked
    covered = question.coverage(claims)
    if covered:
        return values.abstained + covered * _supported(claims, question, covered) * (values.right - values.abstained)
    return values.unsupported if question.is_answered(claims) and not question.settled else values.wrong


def _supported(claims: Mapping[ClaimKey, JudgedTriplet], question: Question, covered: float) -> float:
    """Of what is asked and answered and what the graph cannot tell of beside it, the share of the first. Further true claims change
    nothing."""
    answered = covered * len(question.parts)
    return answered / (answered + sum(claim.verdict is Verdict.UNKNOWN for claim in claims.values()))


def _is_contradicted(claims: Mapping[ClaimKey, JudgedTriplet]) -> bool:
    return any(claim.verdict is Verdict.CONTRADICTED for claim in claims.values())
