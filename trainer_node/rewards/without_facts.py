"""Prompts of which the facts hold nothing: whatever is answered, nobody can tell whether it is so, and nothing true can be learnt."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence

from schemas.graph_reward import GraphReward
from schemas.model_output import ModelOutput

logger = logging.getLogger(__name__)

OF_THE_GRAPH = frozenset({"strict", "open_world", "coverage", "ternary", "binary"})
"""Policies that judge by facts: of another judge's answers nothing is known here."""
LATEST = 200
"""Prompts that the share is of."""
ENOUGH = 20
"""Prompts from which on there is a share to speak of."""
TOLD = 0.1
"""From this share on it is said."""


def is_without_facts(reward: GraphReward) -> bool:
    """Whether the graph that judged an answer knows nothing of what its prompt names."""
    told_of = reward.answers_question is not None or reward.verified or reward.contradicted
    return reward.policy in OF_THE_GRAPH and not told_of


class WithoutFacts:
    """Told of each step's answers by the training thread; `remark` is read by any."""

    def __init__(self) -> None:
        self._latest: deque[bool] = deque(maxlen=LATEST)
        self._told = False
        self.remark: str | None = None
        """What there is to say now, in a line; goes when facts come."""

    def saw(self, answers: Sequence[tuple[ModelOutput, GraphReward | None]]) -> None:
        """After rewards came in. A prompt counts once a step, if any answer to it was judged by a graph."""
        of_prompts: dict[str, bool] = {}
        for output, reward in answers:
            if reward is not None and reward.policy in OF_THE_GRAPH:
                of_prompts[output.prompt_id] = is_without_facts(reward) and of_prompts.get(output.prompt_id, True)
        self._latest.extend(of_prompts.values())
        count, total = sum(self._latest), len(self._latest)
        if total < ENOUGH or count < TOLD * total:
            self.remark = None
            return
        example = next(iter(_names(of_prompts)), None)
        self.remark = told(count, total)
        if not self._told:
            self._told = True
            logger.warning("%s%s", self.remark, f" (prompt {example} is one)" if example else "")

    def why(self) -> str | None:
        """Why rewards teach nothing, where the facts hold nothing of any prompt."""
        return told(len(self._latest), len(self._latest)) if self._latest and all(self._latest) else None


def told(count: int, total: int) -> str:
    """A share, and what to do."""
    return (
        f"of {count} of the last {total} prompts ({count / total:.0%}) the facts hold nothing: no answer to them can be judged true or"
        " false. Send facts about what they name, by the names that they use (`pelton facts FILE`), or take such prompts away;"
        " `pelton reward --facts FILE --question QUESTION ANSWER` shows what is found of one"
    )


def _names(of_prompts: dict[str, bool]) -> Iterable[str]:
    return (name for name, is_without in of_prompts.items() if is_without)
