"""What a run waits for, said while it lasts: on the screen now and then, and at `/readyz`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

SAY_AFTER_S = 5.0
"""How long a run waits before it says so: what comes in time is not worth a line."""
SAY_EVERY_S = 300.0
"""Between two lines about the same."""


class Waiting:
    """Told by the training thread what is waited for, by the name of who waits; read by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self._next_line: dict[str, float] = {}
        self._told: dict[str, tuple[str, bool]] = {}

    def note(self, who: str, why: str | None, is_fault: bool = False) -> None:
        """Say what `who` waits for now, and whether somebody must do something for it to end; None ends it.

        A line is logged, and readiness says it, once it has lasted for SAY_AFTER_S; a line again every SAY_EVERY_S.
        """
        if why is None:
            for kept in (self._since, self._next_line, self._told):
                kept.pop(who, None)
            return
        now = self._clock()
        if now - self._since.setdefault(who, now) < SAY_AFTER_S:
            return
        self._told[who] = why, is_fault
        if now >= self._next_line.get(who, now):
            self._next_line[who] = now + SAY_EVERY_S
            logger.warning("%s", why)

    @property
    def faults(self) -> tuple[str, ...]:
        """What somebody must mend."""
        return tuple(why for why, is_fault in list(self._told.values()) if is_fault)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What ends by itself."""
        return tuple(why for why, is_fault in list(self._told.values()) if not is_fault)
