"""Samples not trained as they came: cut, or with turns changed for the template. Each is counted, and some are named in the log."""

from __future__ import annotations

import logging
from collections import Counter

from schemas.errors import BadRecord
from streams.metrics import ADAPTED_SAMPLES, TRUNCATED_SAMPLES
from trainer_node.data.examples import AnyExample, Example, PairExample, PromptExample

logger = logging.getLogger(__name__)

LOG_EVERY = 1000
"""Of so many truncated samples, the first is named in the log."""


class Truncations:
    """The truncated samples of one incarnation of a run, and those whose turns were changed."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._adapted: Counter[str] = Counter()
        self._counter = TRUNCATED_SAMPLES.labels(run_id)
        self._count = 0

    def note(self, sample_id: str, example: AnyExample | BadRecord) -> None:
        """Count an example that is about to be trained or measured by, if it was cut, or its turns changed."""
        for rule in example.rules if isinstance(example, (Example, PairExample, PromptExample)) else ():
            self._note_rule(sample_id, rule)
        if not (isinstance(example, (Example, PairExample)) and example.truncated):
            return
        self._counter.inc()
        if self._count % LOG_EVERY == 0:
            logger.warning(
                "sample %s was cut from %d to %d tokens, %d samples so far; all are counted in pelton_truncated_samples",
                sample_id, example.truncated_from, len(example), self._count + 1,
            )  # fmt: skip
        self._count += 1

    def _note_rule(self, sample_id: str, rule: str) -> None:
        ADAPTED_SAMPLES.labels(self._run_id, rule).inc()
        if self._adapted[rule] % LOG_EVERY == 0:
            logger.warning(
                "sample %s was changed for the model's chat template (%s), %d samples so far; all are counted in pelton_adapted_samples",
                sample_id, rule, self._adapted[rule] + 1,
            )  # fmt: skip
        self._adapted[rule] += 1
