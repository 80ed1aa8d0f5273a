"""What a step's answers were like, beside what they earned: by this it is seen whether a reward that rises stands for better answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from schemas.graph_reward import GraphReward, RewardStatus
from trainer_node.rewards.without_facts import OF_THE_GRAPH, is_without_facts

if TYPE_CHECKING:
    from trainer_node.rewards.client import JudgedStep

ANSWERS_QUESTION, EXACT = "answers_question", "exact"
FIGURES = {
    ANSWERS_QUESTION: "answers that say something of what was asked, 0 to 1, of questions that the graph knows something of",
    EXACT: "answers that hold a gold string, 0 to 1, of prompts with gold",
    "claims": "distinct claims an answer",
    "tokens": "tokens an answer, its end included",
    "distinct": "answers that differ from the others to their prompt, 0 to 1",
    "flat_groups": "prompts all of whose answers earned the same, 0 to 1: they teach nothing",
    "unread": "answers that claim something which could not be read, 0 to 1",
    "abstained": "answers that say that they do not know, 0 to 1",
    "vague": "answers with a claim that is true and says less than is known, 0 to 1",
    "without_facts": "answers to prompts of which the facts hold nothing, 0 to 1: nobody can tell whether they are true",
    "unrewarded": "answers without a reward, 0 to 1: late, or none could be given",
    "kl": "distance to the reference in nats: of a token (grpo), of an answer (rloo, ppo)",
}
"""Each with what it is."""


def figures_of(judged: JudgedStep, answers_a_prompt: int | None) -> dict[str, float]:
    """Figures of a step, by name; what cannot be said of it is left out.

    Args:
        judged: the step.
        answers_a_prompt: which answers are compared with each other; None where all of a step are.
    """
    found = figures_of_rewards([reward for _, reward in judged.answers if reward is not None])
    if judged.rewards:
        found["distinct"] = len(judged.answers) / len(judged.rewards)
        found["unrewarded"] = sum(reward is None for reward in judged.rewards) / len(judged.rewards)
    if answers_a_prompt:
        groups = groups_of(judged.rewards, answers_a_prompt)
        found["flat_groups"] = sum(is_flat(group) for group in groups) / max(1, len(groups))
    return found


def figures_of_rewards(rewards: Sequence[GraphReward]) -> dict[str, float]:
    """What judgements say of answers."""
    if not rewards:
        return {}
    asked = [reward.answers_question for reward in rewards if reward.answers_question is not None]
    graded = [reward.exact for reward in rewards if reward.exact is not None]
    by_facts = [is_without_facts(reward) for reward in rewards if reward.policy in OF_THE_GRAPH]
    return {
        **shares({ANSWERS_QUESTION: asked, EXACT: graded, "without_facts": by_facts}),
        "claims": fmean(reward.total for reward in rewards),
        "unread": fmean(is_unread(reward) for reward in rewards),
        "abstained": fmean(bool(reward.abstained) for reward in rewards),
        "vague": fmean(any(claim.vague for claim in reward.triplets) for reward in rewards),
    }


def shares(of: dict[str, list[bool]]) -> dict[str, float]:
    """The share of each that is true; of nothing there is none."""
    return {name: fmean(values) for name, values in of.items() if values}


def is_unread(reward: GraphReward) -> bool:
    """Whether an answer has no claim that was heard, though it does not say that it does not know."""
    return reward.status is RewardStatus.NO_CLAIMS and not reward.abstained


def groups_of(rewards: Sequence[float | None], size: int) -> list[list[float]]:
    """Rewards of the answers to each prompt, which stand together; without those that are None."""
    return [[one for one in rewards[at : at + size] if one is not None] for at in range(0, len(rewards), size)]


def is_flat(group: Iterable[float]) -> bool:
    """Whether there is no difference to learn from."""
    return len(set(group)) < 2
