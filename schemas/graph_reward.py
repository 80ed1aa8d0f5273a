"""`GraphReward`: a reward that explains itself."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from schemas.base import VERSION, Message
from schemas.triplet import JudgedTriplet
from schemas.turns import OptionalTurns, Tools

MOST = 10.0
"""Bound of a policy's own value, on both sides."""
VALUED = frozenset({"ternary", "binary"})
"""Policies whose value is a number of its own: an answer without one has no reward to learn from, whatever its R."""


class RewardStatus(StrEnum):
    """Whether there is a reward, and if not, why."""

    OK = "ok"
    NO_CLAIMS = "no_claims"
    """No triplet was found: nothing to be right or wrong about."""
    NO_ANSWERABLE = "no_answerable"
    """Triplets were found, but the policy leaves all of them out (open_world: all unknown)."""


class GraphReward(Message):
    """The judgement of one model output."""

    schema_version: str = Field(default="1.4", pattern=VERSION)
    """`major.minor`. 1.1 brought conversations, 1.2 abstention, what could not be read, and the policy's own value; since 1.3 a judge may
    leave out what it cannot know; 1.4 brought claims that are true and vague."""
    reward_id: str = Field(default="", max_length=400)
    """`output_id@graph_version`: a second judgement of the same output under another graph is another reward. Left empty,
    `output_id@policy`."""
    output_id: str = Field(max_length=300)
    """The output judged."""
    prompt_id: str = Field(max_length=200)
    """Its prompt; the record's key."""
    run_id: str | None = Field(default=None, max_length=200)
    """The run whose output it was; left out, that of the output."""
    phase: str | None = Field(default=None, max_length=100)
    """The output's phase."""
    model_version: str = Field(default="", max_length=400)
    """The model that answered."""
    prompt: str = ""
    """The question, so that a reward can be read on its own."""
    messages: OptionalTurns = None
    """The turns before the answer, where they are more than the question, so that a preference pair can be made of it."""
    tools: Tools = None
    """Functions that the model could call."""
    completion: str = ""
    """The answer."""
    reward: float | None = Field(default=None, ge=0, le=1)
    """R in [0,1]; None where there is none. None is never a zero."""
    value: float | None = Field(default=None, ge=-MOST, le=MOST)
    """What the policy gives, where that is another number than R (`ternary`, `binary`): what reinforcement learns from. None elsewhere, and
    where the policy gives nothing."""
    status: RewardStatus = RewardStatus.OK
    """Whether there is a reward, and if not, why. Left out, `ok` where there is a reward or a value, else `no_claims`."""
    policy: str = Field(max_length=100)
    """`strict`, `open_world`, `coverage`, `ternary` or `binary`; another judge's own name."""
    total: int = Field(default=0, ge=0)
    """Distinct claims, hedged ones left out; of denied ones those that the graph can tell of."""
    verified: int = Field(default=0, ge=0)
    """Claims the graph supports."""
    contradicted: int = Field(default=0, ge=0)
    """Claims the graph contradicts."""
    unknown: int = Field(default=0, ge=0)
    """Claims the graph is silent on."""
    answers_question: bool | None = None
    """Whether any claim is about what the question asked; None where that cannot be told."""
    abstained: bool | None = None
    """Whether the answer says that it does not know, and claims nothing of what was asked. `status` is `no_claims` then, as older readers
    know it. None where a judge does not tell."""
    unread: int | None = Field(default=None, ge=0)
    """Sentences that state something, and in which no claim was found. None where a judge does not tell."""
    triplets: tuple[JudgedTriplet, ...] = ()
    """Every claim with its verdict and evidence."""
    graph_version: int = -1
    """Offset of `facts` that the judging view had reached; -1 of a judge without a graph."""
    gold: tuple[str, ...] | None = None
    """Gold strings of the prompt, as the output carried them."""
    exact: bool | None = None
    """Whether the completion holds a gold string (names folded); None where there is no gold."""
    judged_at: float | None = None
    """Seconds since the epoch."""
    latency_ms: float | None = None
    """From the output's `created_at` to this judgement."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        filled = dict(data)
        if not filled.get("reward_id"):
            filled["reward_id"] = f"{filled.get('output_id')}@{filled.get('policy')}"
        if filled.get("status") is None:
            has_one = filled.get("reward") is not None or filled.get("value") is not None
            filled["status"] = RewardStatus.OK.value if has_one else RewardStatus.NO_CLAIMS.value
        return filled

    @property
    def learnt_from(self) -> float | None:
        """What reinforcement learns from: the policy's own value, where it has one of its own, else R."""
        return self.value if self.value is not None or self.policy in VALUED else self.reward
