"""Whether prompts are trained now, beside other objectives: not while nobody is there who judges answers.

Prompts wait on the log meanwhile; what else comes is trained.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from schemas.errors import BrokerError
from schemas.training_sample import Objective
from streams.node import group_name
from trainer_node.reward_parts import asks_graph

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext

logger = logging.getLogger(__name__)

LOOK_S = 10.0
"""Seconds between two looks for a feedback worker."""
FIRST_REST_S, LONGEST_REST_S = 30.0, 600.0
"""Seconds of the first and of the longest pause after steps without any reward; each pause is twice as long as the one before."""


class PromptsAside:
    """Puts prompts aside and takes them up again, where other objectives go on without them."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._wants_judge = run.config.rl == "auto" and asks_graph(run.config.reward_fn)
        self._applies = Objective.PROMPT in run.kinds and run.feed.settings.interleaved and len(run.kinds) > 1
        self._next_look = 0.0
        self._rest, self._resting_until = 0.0, 0.0
        self._why: str | None = None
        self._are_there = False

    @property
    def waiting_for(self) -> str | None:
        """What prompts that are there wait for; None where they are trained, or there are none."""
        return self._why if self._are_there else None

    def look(self) -> None:
        """Called between two steps and while the run waits; looks at the broker every LOOK_S seconds."""
        now = time.monotonic()
        if not self._applies or now < self._next_look:
            return
        self._next_look = now + LOOK_S
        if self._run.rewards.is_silent:
            self._rest = min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(self._run.rewards.silences, 5))
            self._resting_until = now + self._rest
            self._run.rewards.forget_silence()
        why, feed = self._why_not(now), self._run.feed
        if why is None and self._why is not None:
            feed.take_up(Objective.PROMPT)
            if self._are_there:
                logger.warning("prompts are trained from here on")
        elif why is not None and self._why is None:
            feed.put_aside(Objective.PROMPT)
        self._why, self._are_there = why, why is not None and feed.undone(Objective.PROMPT)
        self._run.waiting.note("prompts", self.waiting_for, is_fault=True)

    def _why_not(self, now: float) -> str | None:
        if now < self._resting_until:
            return f"no reward came for some steps: prompts are tried again after {self._rest:.0f} s"
        if self._wants_judge and not self._judge_is_there():
            return "prompts wait for `pelton worker feedback`, which judges answers"
        return None

    def _judge_is_there(self) -> bool:
        run = self._run
        try:
            return run.lag.has_members(group_name(run.settings, "feedback", run.options.workers_run_id))
        except BrokerError:
            return self._why is None  # as it was
