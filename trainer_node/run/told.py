"""What a monitor is told of a run for as long as it is open: where it stands, and whether its broker is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemas.training_sample import Objective
from streams import metrics

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext


@contextlib.contextmanager
def told_of(run: RunContext) -> Iterator[None]:
    """Metrics that are asked for at each look rather than counted; they are gone behind the block."""
    run_id, loaded, breaker = run.options.run_id, run.loaded, run.feed.admission.breaker
    trained_by = " ".join(sorted({kind.value for kind in run.kinds.values()}))
    metrics.RUN_INFO.labels(run_id, run.config.model, trained_by, loaded.backend, loaded.device, str(loaded.bits)).set(1)
    for result in ("ok", "failed"):  # an increase is seen from a first value only
        metrics.CHECKPOINTS.labels(run_id, result)
    metrics.begin_dead_letters("trainer")
    metrics.STEPS_UNDONE.labels(run_id)
    metrics.REWARDS_LATE.labels(run_id)
    if run.claim.resumed is not None:
        run.monitor.begin_from(run.claim.resumed.manifest)
    of_the_node = metrics.of_the_disk(run.options.run_dir) | {metrics.BROKER_UP: lambda: float(run.consumer.connected)}
    if breaker is not None:
        of_the_node[metrics.BREAKER_OPEN] = lambda: float(breaker.is_open)
        of_the_node[metrics.BREAKER_BAD_RECORDS] = lambda: float(breaker.bad_in_a_row)
    with contextlib.ExitStack() as stack:
        stack.enter_context(metrics.computed(of_the_node, "trainer"))
        for objective in run.kinds:
            stack.enter_context(_of_an_objective(run, objective))
        yield


def _of_an_objective(run: RunContext, objective: Objective) -> contextlib.AbstractContextManager[None]:
    standing = run.feed.cursor.standings[objective]
    values = {metrics.PASS_NUMBER: lambda: float(standing.pass_number), metrics.OPEN_BANDS: lambda: float(standing.pacing.highest + 1)}
    return metrics.computed(values, run.options.run_id, objective.value)
