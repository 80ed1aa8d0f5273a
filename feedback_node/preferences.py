"""Preference pairs: of several answers to one prompt, the better and the worse become a sample for DPO. Pure logic, bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import content_id
from schemas.graph_reward import GraphReward
from schemas.sample import Sample, Task


class PreferenceConfig(BaseModel):
    """When two answers make a pair."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    margin: float = Field(default=0.5, gt=0, le=1)
    """Least difference of their rewards."""
    min_chosen: float = Field(default=0.5, ge=0, le=1)
    """Least reward of the better one: the better of two bad answers teaches nothing good."""
    max_age_s: float = Field(default=3600.0, gt=0)
    """Answers judged this much before the prompt's newest, in seconds, are stale and dropped."""
    max_answers: int = Field(default=8, ge=2)
    """Latest answers kept for each prompt."""
    max_prompts: int = Field(default=10_000, ge=1)
    """Prompts remembered; the one longest without an answer goes first."""
    measured_phases: frozenset[str] = frozenset({"before", "after"})
    """Phases that measure a model: their prompts are held out, and never become training data."""


class PreferenceWindow:
    """The latest judged answers of each prompt. One thread at a time."""

    def __init__(self, config: PreferenceConfig | None = None) -> None:
        self._config = config or PreferenceConfig()
        self._answers: OrderedDict[tuple[str, str], deque[GraphReward]] = OrderedDict()
        self._made: OrderedDict[str, None] = OrderedDict()

    def add(self, reward: GraphReward) -> Sample | None:
        """Take a judged answer; returns a pair where it completes one.

        At most one pair is made for each run, prompt and model version (that of the newest answer). Its id follows from those three, so
        that after a crash, when the answers are judged again, consumers see a repeat.
        """
        if reward.reward is None or reward.phase in self._config.measured_phases or not reward.prompt or not reward.completion.strip():
            return None
        answers = self._remember(reward)
        sample_id = "p-" + content_id(reward.run_id, reward.prompt_id, reward.model_version)
        pair = None if sample_id in self._made else self._pair(answers)
        if pair is None:
            return None
        self._made[sample_id] = None
        if len(self._made) > self._config.max_prompts:
            self._made.popitem(last=False)
        chosen, rejected = pair
        return Sample(
            sample_id=sample_id,
            task=Task.PREFERENCE,
            prompt=reward.prompt,
            chosen=chosen.completion,
            rejected=rejected.completion,
            origin="feedback",
            parent_id=reward.prompt_id,
            run_id=reward.run_id,
            produced_at=reward.judged_at,
        )

    def __len__(self) -> int:
        """Prompts remembered."""
        return len(self._answers)

    def _remember(self, reward: GraphReward) -> deque[GraphReward]:
        key = (reward.run_id or "", reward.prompt_id)
        answers = self._answers.setdefault(key, deque(maxlen=self._config.max_answers))
        self._answers.move_to_end(key)
        if all(answer.output_id != reward.output_id for answer in answers):
            answers.append(reward)
        newest = max(answer.judged_at or 0.0 for answer in answers)
        for answer in [one for one in answers if newest - (one.judged_at or 0.0) > self._config.max_age_s]:
            answers.remove(answer)
        if len(self._answers) > self._config.max_prompts:
            self._answers.popitem(last=False)
        return answers

    def _pair(self, answers: deque[GraphReward]) -> tuple[GraphReward, GraphReward] | None:
        """Best and worst by reward; the exact answer breaks ties, and must not be the rejected one of the two."""
        ranked = sorted(answers, key=lambda one: (one.reward or 0.0, bool(one.exact), one.output_id))
        worst, best = ranked[0], ranked[-1]
        difference = (best.reward or 0.0) - (worst.reward or 0.0)
        if difference < self._config.margin or (best.reward or 0.0) < self._config.min_chosen:
            return None
        if best.prompt != worst.prompt or best.completion.strip() == worst.completion.strip() or (worst.exact and not best.exact):
            return None
        return best, worst
