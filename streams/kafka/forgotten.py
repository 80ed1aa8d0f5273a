"""Samples that are to be left out, as the `forgotten` topic says: read to its end, and looked at again now and then."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.errors import BadRecord, BrokerError
from schemas.forgotten import Forgotten
from streams.kafka.reader import TopicReader
from streams.kafka.signatures import Signatures

if TYPE_CHECKING:
    from streams.kafka.consumer import Record
    from streams.kafka.settings import KafkaSettings

LOOK_S = 30.0
"""How often the topic is looked at for more, in seconds."""

logger = logging.getLogger(__name__)


class ForgottenIds:
    """The ids; any thread may ask, one at a time looks."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._signatures = Signatures(settings)
        self._ids: set[str] = set()
        self._next = 0
        self._look_at = 0.0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many there are; it only grows."""
        return len(self._ids)

    def holds(self, *ids: str | None) -> bool:
        """Whether any of these is to be left out: a sample's own, or the one that it was made of."""
        return bool(self._ids) and any(name in self._ids for name in ids if name)

    def look(self) -> None:
        """Read what has come, unless that was done a moment ago. A broker that is away, or has no such topic, leaves what is known."""
        if time.monotonic() < self._look_at or not self._lock.acquire(blocking=False):
            return
        try:
            self._read()
        except BrokerError as error:
            logger.debug("which samples are to be left out was not told: %s", error)
        finally:
            self._look_at = time.monotonic() + LOOK_S
            self._lock.release()

    def looking(self, check: Callable[[Record], object]) -> Callable[[Record], None]:
        """`check`, with a look before it: for a thread that may wait for the broker."""

        def both(record: Record) -> None:
            self.look()
            check(record)

        return both

    def _read(self) -> None:
        name = self._settings.topics.forgotten.name
        with TopicReader(self._settings) as log:
            if not log.has(name):
                return
            for record in log.onwards({(name, 0): self._next}):
                self._next = record.offset + 1
                try:
                    self._signatures.check(record)
                    self._ids.add(Forgotten.decode(record.value).sample_id)
                except BadRecord as bad:
                    logger.warning("%s:0:%d says of no sample that it is to be left out: %s", name, record.offset, bad)
