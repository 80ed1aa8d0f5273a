"""`reward_fn`: what an answer is worth by a Python function, in place of the feedback node or weighed with it.

    graph                                  the feedback node alone (default)
    my.module:score                        a function alone
    graph:0.5,my.module:score:0.5          a weighted sum

The function is called once a step, on the training thread of rank 0: `score(prompts, completions, samples)`, three lists of one length, to
as many numbers. None says that it cannot tell; so does NaN or an infinity. What raises gives no reward in its step. None of these is a
zero: the answer is left out of the gradient, as one whose reward is late.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from schemas.errors import ConfigError, UserError
from schemas.training_sample import TrainingSample
from schemas.turns import question_of
from streams import metrics
from trainer_node.reward_parts import GRAPH, parts_of

logger = logging.getLogger(__name__)

RewardFunction = Callable[[list[str], list[str], list[TrainingSample]], Sequence[float | None]]


def load_function(name: str) -> RewardFunction:
    """The function of `module:function`, which is looked for in the working folder, too.

    Raises:
        ConfigError: there is no such module or function, or it cannot be imported; says why.
    """
    module_name, _, attribute = name.partition(":")
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), attribute, None)
    except Exception as error:  # what a user's module raises can be anything
        raise ConfigError(f"reward_fn: {module_name} cannot be imported: {_told(error)}") from error
    if not callable(found):
        raise ConfigError(f"reward_fn: {module_name} has no function {attribute}")
    return found  # type: ignore[no-any-return]


class Mixture:
    """The rewards of a step, of all parts of a `reward_fn`."""

    def __init__(self, text: str, run_id: str) -> None:
        """Raises ConfigError where a function cannot be loaded."""
        self._parts = parts_of(text)
        self._functions = {part.name: load_function(part.name) for part in self._parts if part.name != GRAPH}
        self._run_id = run_id
        self._told: set[str] = set()
        self.failed = False
        """Whether a function raised in the last step."""

    @property
    def asks_graph(self) -> bool:
        """Whether the feedback node is asked."""
        return len(self._functions) < len(self._parts)

    @property
    def names(self) -> list[str]:
        """Of the functions."""
        return list(self._functions)

    def of(self, graph: Sequence[float | None], prompts: Sequence[TrainingSample], completions: Sequence[str]) -> list[float | None]:
        """What each answer is worth: the weighted sum of all parts, None where one of them is.

        Args:
            graph: what the feedback node gives each answer; not looked at where it is no part.
            prompts: each answer's prompt.
            completions: the answers.

        Raises:
            UserError: a function has not given one number, or None, for each answer.
        """
        self.failed = False
        totals: list[float | None] = [0.0] * len(completions)
        for part in self._parts:
            given = graph if part.name == GRAPH else self._ask(part.name, prompts, completions)
            totals = [None if total is None or one is None else total + part.weight * one for total, one in zip(totals, given, strict=True)]
        return totals

    def _ask(self, name: str, prompts: Sequence[TrainingSample], completions: Sequence[str]) -> list[float | None]:
        questions = [question_of(prompt.prompt) for prompt in prompts]
        try:
            given = self._functions[name](questions, list(completions), list(prompts))
        except Exception as error:  # noqa: BLE001 - what a user's function raises can be anything
            self.failed = True
            metrics.REWARD_FUNCTION_FAILURES.labels(self._run_id, "raised").inc()
            logger.warning("reward_fn: %s raised, so that no answer of this step has a reward: %s", name, _told(error))
            return [None] * len(completions)
        return self._checked(name, given, len(completions))

    def _checked(self, name: str, given: Any, wanted: int) -> list[float | None]:
        try:
            values = list(given)
        except TypeError:
            raise UserError(f"reward_fn: {name} must return a list of {wanted} numbers or None, and returned {_kind(given)}") from None
        if len(values) != wanted:
            raise UserError(f"reward_fn: {name} returned {len(values)} rewards for {wanted} answers; it must return one for each, in order")
        return [self._number(name, value) for value in values]

    def _number(self, name: str, value: Any) -> float | None:
        if value is None:
            return None
        try:
            number = float(value) if not isinstance(value, str | bytes) else None
        except (TypeError, ValueError, RuntimeError):
            number = None
        if number is None:
            raise UserError(f"reward_fn: {name} must return numbers or None, and returned {_kind(value)}")
        if math.isfinite(number):
            return number
        metrics.REWARD_FUNCTION_FAILURES.labels(self._run_id, "not_finite").inc()
        if name not in self._told:
            self._told.add(name)
            logger.warning("reward_fn: %s returned %s, which counts as no reward, not as zero; further ones are counted", name, number)
        return None


def _told(error: Exception) -> str:
    """The error in a line, with the line of code that raised it."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})" if frame is not None else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"
