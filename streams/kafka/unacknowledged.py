"""What was sent and is not yet acknowledged: bounded in bytes, and looked through now and then, which costs less than a call a record."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kafka.errors import KafkaError

LOOK_EVERY = 1000
"""After how many records it is looked through for acknowledged ones: their futures take memory until then."""


class Unacknowledged:
    """Records in the order in which they were sent, each as kafka-python's future and its size. Safe to share between threads."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sent: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._failures: list[BaseException] = []

    @property
    def bytes(self) -> int:
        """Bytes sent and not yet acknowledged."""
        with self._lock:
            self._look()
            return self._bytes

    def take_room(self, size: int, wait_s: float, waiting: Callable[[], None]) -> None:
        """Count a record in before it is sent; waits while there are too many bytes. One larger than all room goes alone.

        Args:
            wait_s: after how many seconds of waiting `waiting` is called, and again after each further.
        """
        while (oldest := self._oldest_in_the_way(size)) is not None:
            with suppress(KafkaError):  # it is told of with the failures
                oldest.get(timeout=wait_s)
            if not oldest.is_done:
                waiting()

    def _oldest_in_the_way(self, size: int) -> Any | None:
        """The record to wait for; None: there is room, and it is taken."""
        with self._lock:
            if self._bytes + size > self._most_bytes:
                self._look()
                if self._sent and self._bytes + size > self._most_bytes:
                    return self._sent[0][0]
            self._bytes += size
            return None

    def give_room(self, size: int) -> None:
        """A record that room was taken for was not sent."""
        with self._lock:
            self._bytes -= size

    def add(self, future: Any, size: int) -> None:
        """A record was sent; room was taken for it."""
        with self._lock:
            self._sent.append((future, size))
            if len(self._sent) % LOOK_EVERY == 0:
                self._look()

    def take_failures(self) -> list[BaseException]:
        """Why records that were sent since the last call are known not to be acknowledged; the oldest first."""
        with self._lock:
            self._look()
            failures, self._failures = self._failures, []
        return failures

    def forget(self) -> None:
        """Nothing that was sent is waited for any more."""
        with self._lock:
            self._sent.clear()
            self._failures.clear()
            self._bytes = 0

    def _look(self) -> None:
        """Let go of the oldest records, up to the first that is not settled yet."""
        sent = self._sent
        while sent and sent[0][0].is_done:
            future, size = sent.popleft()
            self._bytes -= size
            if future.exception is not None:
                self._failures.append(future.exception)
