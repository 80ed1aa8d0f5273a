"""How many records wait on each band, looked at now and then beside the training, for the history and for whoever watches."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from schemas.errors import PeltonError
from schemas.training_sample import BANDS, Objective
from trainer_node.run.progress import BandLag
from trainer_node.stopping import Stopped

if TYPE_CHECKING:
    from trainer_node.run.context import RunContext

LOOK_S = 10.0
"""Seconds between two looks."""
ANSWER_S = 10.0
"""How long the broker may take; what it does not say in time is looked for again the next time."""


@contextlib.contextmanager
def watching_lag(run: RunContext) -> Iterator[None]:
    """In this block a thread looks."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_S):
            with contextlib.suppress(Stopped):
                look_at_lag(run)

    thread = threading.Thread(target=look, name="band-lag", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(ANSWER_S)


def look_at_lag(run: RunContext) -> None:
    """Look once; what the broker does not say leaves what was seen before."""
    with contextlib.suppress(PeltonError):
        run.progress.lagged(band_lags(run))


def band_lags(run: RunContext) -> list[BandLag]:
    """Of each band of what is trained: offsets not delivered yet, and delivered ones that are not done.

    Raises:
        BrokerError: the broker does not say how far the log goes.
    """
    ends, found = run.consumer.end_offsets(ANSWER_S), []
    topics, positions = run.settings.topics, run.feed.admission.positions
    for objective in run.kinds:
        opened = run.feed.choice.open_bands(objective) if objective in run.feed.active else frozenset()
        for band in range(BANDS):
            topic = topics.band(objective, band).name
            if (topic, 0) in ends and (topic, 0) in positions.partitions:
                progress = positions[(topic, 0)]
                waiting = max(0, ends[(topic, 0)] - progress.next_offset) + progress.pending
                found.append(BandLag(short_name(objective, band), waiting, topic in opened))
    return found


def short_name(objective: Objective, band: int) -> str:
    """`sft.0`."""
    return f"{objective.value}.{band}"
