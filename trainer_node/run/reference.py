"""When the reference that DPO and the KL terms compare with is renewed, in a run without end.

There the model as it was when an objective began would hold the policy back for ever. The reference is the last stable checkpoint: the
policy as a commit finds it, once enough steps have been taken since the last renewal and no objective's newest evaluation was worse than
its best.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext
    from trainer_node.run.trainers import Trainers

logger = logging.getLogger(__name__)


class ReferenceRenewal:
    """Asked by each commit, before weights are written: so a checkpoint holds the reference that the steps after it compare with."""

    def __init__(self, run: RunContext, trainers: Trainers) -> None:
        self._run = run
        self._trainers = trainers
        self._told = False

    def look(self) -> None:
        """Renew the reference where it is time."""
        run, since = self._run, self._trainers.reference_step
        if since is None or not run.feed.settings.interleaved or run.feed.cursor.step - since < run.config.reference_steps:
            return
        if worse := [objective.value for objective, standing in run.feed.cursor.standings.items() if standing.early_stopping.since_best]:
            if not self._told:
                logger.warning(
                    "the reference stays that of step %d: the newest evaluation of %s is not its best", since, " and ".join(worse)
                )
            self._told = True
            return
        self._told = False
        self._trainers.renew_reference()
        logger.warning("the reference is the model of step %d from here on; it was that of step %d", run.feed.cursor.step, since)
