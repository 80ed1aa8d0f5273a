"""Samples that were cut because they are too long: each is counted, and some are named in the log."""

from __future__ import annotations

import logging

from schemas.errors import BadRecord
from streams.metrics import TRUNCATED_SAMPLES
from trainer_node.data.tokenization import AnyExample, Example, PairExample

logger = logging.getLogger(__name__)

LOG_EVERY = 1000
"""Of so many truncated samples, the first is named in the log."""


class Truncations:
    """The truncated samples of one incarnation of a run."""

    def __init__(self, run_id: str) -> None:
        self._counter = TRUNCATED_SAMPLES.labels(run_id)
        self._count = 0

    def note(self, sample_id: str, example: AnyExample | BadRecord) -> None:
        """Count an example that is about to be trained or measured by, if it was cut."""
        if not (isinstance(example, (Example, PairExample)) and example.truncated):
            return
        self._counter.inc()
        if self._count % LOG_EVERY == 0:
            logger.warning(
                "sample %s was cut from %d to %d tokens, %d samples so far; all are counted in pelton_truncated_samples",
                sample_id, example.truncated_from, len(example), self._count + 1,
            )  # fmt: skip
        self._count += 1
