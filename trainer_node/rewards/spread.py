"""Whether rewards teach anything: a policy gradient follows the differences between them, and there is none where all are the same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

logger = logging.getLogger(__name__)

WARN_AFTER = 10
"""Steps in a row without a difference between two rewards after which it is said."""


class Spread:
    """Told of the rewards of each step, in the order of the answers; those to one prompt stand together."""

    def __init__(self, answers_a_prompt: int | None, known_why: Callable[[], str | None] = lambda: None) -> None:
        """Nothing was seen.

        Args:
            answers_a_prompt: which answers are compared with each other; None where all of a step are.
            known_why: why rewards teach nothing, where that is known otherwise.
        """
        self._group = answers_a_prompt
        self._known_why = known_why
        self._in_a_row = 0
        self._step: int | None = None
        self.steps = 0
        """Steps seen."""
        self.taught = 0
        """Of these, steps in which two rewards that are compared differed."""
        self._newest: set[float] = set()

    def saw(self, step: int, rewards: Sequence[float | None]) -> None:
        """After a step's rewards came in, all or more of them; one that is late or failed is None, and is compared with nothing."""
        size = self._group or len(rewards) or 1
        groups = [{one for one in rewards[at : at + size] if one is not None} for at in range(0, len(rewards), size)]
        has_taught = any(len(group) > 1 for group in groups)
        is_more, had_taught = step == self._step, self._in_a_row == 0
        self._step = step
        if is_more and (had_taught or not has_taught):
            return
        self.steps += not is_more
        self.taught += has_taught
        self._in_a_row = 0 if has_taught else self._in_a_row + 1
        self._newest = set() if has_taught else self._newest.union(*groups)
        if self._in_a_row == WARN_AFTER:
            logger.warning("the rewards of the last %d steps taught nothing: %s", WARN_AFTER, self._why())

    def why_nothing(self, is_whole: bool) -> str | None:
        """Why no step taught anything, or None where one did, or there were too few to say.

        Args:
            is_whole: whether all steps of the run were seen; else as many as for a warning are wanted.
        """
        if self.taught or not self.steps or (not is_whole and self.steps < WARN_AFTER):
            return None
        return f"the rewards of {self.steps} steps taught nothing: {self._why()}"

    def _why(self) -> str:
        if (known := self._known_why()) is not None:
            return known
        if not self._newest:
            return "none came in time, or none could be given; see `pelton lag` for the feedback worker, and docs/rewards.md"
        if self._newest == {0.0}:
            return "all were 0. Do the facts say what the prompts ask for? `pelton reward` shows what becomes of an answer, claim by claim"
        if len(self._newest) == 1:
            return f"all were {next(iter(self._newest))}: there is nothing left to learn from these prompts"
        return "all answers to a prompt earned the same: ask what the model sometimes gets right, or raise --num-generations"
