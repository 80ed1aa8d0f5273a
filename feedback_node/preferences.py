"""Preference pairs: of several answers to one prompt, the best and the worst become a sample for DPO. Pure logic, bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import content_id
from schemas.graph_reward import GraphReward
from schemas.sample import JudgedAnswer, PairProvenance, Sample, Task
from schemas.turns import Turn
from streams.recent_ids import RecentIds

PAIR_ID = "p-"
"""How the id of a pair begins."""


class PreferenceConfig(BaseModel):
    """When two answers make a pair."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    margin: float = Field(default=0.5, gt=0, le=1)
    """Least difference of what they earned."""
    min_chosen: float = Field(default=0.5, ge=0, le=1)
    """What the better one must have earned: the better of two bad answers teaches nothing good. To abstain is not bad where the policy
    gives it more than the other by the margin; a needless abstention is by default worth no more than a wrong answer, and makes no pair."""
    max_age_s: float = Field(default=3600.0, gt=0)
    """Answers judged this much before the prompt's newest, in seconds, are stale and dropped; a prompt without a newer one is forgotten."""
    max_answers: int = Field(default=8, ge=2)
    """Latest answers kept for each prompt."""
    max_prompts: int = Field(default=10_000, ge=1)
    """Prompts remembered; the one longest without an answer goes first."""
    measured_phases: frozenset[str] = frozenset({"before", "during", "after"})
    """Phases that measure a model: their prompts are held out, and never become training data."""


class PromptKey(NamedTuple):
    """What answers must share to be set against each other."""

    run_id: str
    prompt_id: str


class Answer(NamedTuple):
    """What a pair needs of a judged answer: without its claims, which are most of it."""

    output_id: str
    model_version: str
    prompt: str
    messages: tuple[Turn, ...] | None
    tools: tuple[dict[str, Any], ...] | None
    completion: str
    earned: float
    """What the policy gave, as reinforcement learns."""
    reward: float
    """R, 0 to 1."""
    is_exact: bool
    abstained: bool
    judged_at: float
    """Seconds since the epoch."""
    graph_version: int


class PreferenceWindow:
    """The latest judged answers of each prompt, and which pairs were sent. One thread at a time."""

    def __init__(self, config: PreferenceConfig | None = None, clock: Callable[[], float] = time.time) -> None:
        self._config = config or PreferenceConfig()
        self._clock = clock
        self._answers: OrderedDict[PromptKey, deque[Answer]] = OrderedDict()
        self._sent: RecentIds[str] = RecentIds(self._config.max_prompts)
        self._newest = 0.0

    def add(self, reward: GraphReward) -> PromptKey | None:
        """Take a judged answer; the prompt whose window it is in, or None where it can be in no pair."""
        if reward.learnt_from is None or reward.phase in self._config.measured_phases or not reward.prompt or not reward.completion.strip():
            return None
        key = PromptKey(reward.run_id or "", reward.prompt_id)
        answers = self._answers.setdefault(key, deque(maxlen=self._config.max_answers))
        self._answers.move_to_end(key)
        if all(answer.output_id != reward.output_id for answer in answers):
            answers.append(_needed(reward, reward.prompt))
        self._drop_stale(answers)
        self._forget(reward.judged_at or 0.0)
        return key

    def _forget(self, judged_at: float) -> None:
        """Let go of prompts that were not answered for long: their next answer will find none that is not stale."""
        self._newest = min(max(self._newest, judged_at), self._clock())  # a clock that was ahead makes nothing stale
        while self._answers and (len(self._answers) > self._config.max_prompts or self._is_stale(next(iter(self._answers.values())))):
            self._answers.popitem(last=False)

    def _is_stale(self, answers: deque[Answer]) -> bool:
        return all(one.judged_at < self._newest - self._config.max_age_s for one in answers)

    def _drop_stale(self, answers: deque[Answer]) -> None:
        """Drop what is too old beside the newest; and what was judged when the clock was ahead, which would make all that comes too old."""
        age = self._config.max_age_s
        latest = self._clock() + age
        newest = max((answer.judged_at for answer in answers if answer.judged_at <= latest), default=latest)
        for answer in [one for one in answers if not newest - age <= one.judged_at <= latest]:
            answers.remove(answer)

    def pair(self, key: PromptKey) -> Sample | None:
        """The best of a prompt's answers against the worst, where they are far enough apart and no such pair was sent.

        At most one pair is made for each run, prompt and model version (that of the newest answer). Its id follows from those three, so
        that a pair sent before a crash is known again.
        """
        answers = self._answers.get(key)
        chosen_and_rejected = _best_and_worst(answers, self._config) if answers else None
        if answers is None or chosen_and_rejected is None:
            return None
        newest = answers[-1]
        sample_id = PAIR_ID + content_id(key.run_id or None, key.prompt_id, newest.model_version)
        if sample_id in self._sent:
            return None
        self.sent(sample_id)
        chosen, rejected = chosen_and_rejected
        return Sample(
            sample_id=sample_id,
            task=Task.PREFERENCE,
            prompt=None if chosen.messages else chosen.prompt,
            messages=chosen.messages,
            tools=chosen.tools,
            chosen=chosen.completion,
            rejected=rejected.completion,
            origin="feedback",
            parent_id=key.prompt_id,
            run_id=key.run_id or None,
            provenance=PairProvenance(chosen=_judged(chosen), rejected=_judged(rejected)),
            produced_at=newest.judged_at or None,
        )

    def sent(self, sample_id: str) -> None:
        """This pair stands on the log: it is not made again."""
        self._sent.discard(sample_id)  # one that is met again counts as the latest
        self._sent.add(sample_id)

    def __len__(self) -> int:
        """Prompts remembered."""
        return len(self._answers)


def _needed(reward: GraphReward, prompt: str) -> Answer:
    return Answer(
        reward.output_id,
        reward.model_version,
        prompt,
        reward.messages,
        reward.tools,
        reward.completion,
        reward.learnt_from or 0.0,
        reward.reward or 0.0,
        bool(reward.exact),
        bool(reward.abstained),
        reward.judged_at or 0.0,
        reward.graph_version,
    )


def _best_and_worst(answers: deque[Answer], config: PreferenceConfig) -> tuple[Answer, Answer] | None:
    """By what the policy gives, as reinforcement learns; the exact answer breaks ties, and must not be the rejected one of the two."""
    ranked = sorted(answers, key=lambda one: (one.earned, one.is_exact, one.output_id))
    worst, best = ranked[0], ranked[-1]
    if best.earned - worst.earned < config.margin or not (best.abstained or best.earned >= config.min_chosen):
        return None
    if (
        (best.prompt, best.messages) != (worst.prompt, worst.messages)
        or best.completion.strip() == worst.completion.strip()
        or (worst.is_exact and not best.is_exact)
    ):
        return None
    return best, worst


def _judged(answer: Answer) -> JudgedAnswer:
    return JudgedAnswer(
        output_id=answer.output_id, model_version=answer.model_version, reward=answer.reward, graph_version=answer.graph_version
    )
