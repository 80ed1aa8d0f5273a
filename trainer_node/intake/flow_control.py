"""What may be fetched now, how much may lie fetched, and when the consumer's thread may use the interpreter.

The backlog belongs on the log: a step may last minutes, and what is fetched meanwhile is held in memory.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from trainer_node.commit.positions import Partition
from trainer_node.data.decoding import Decoded

QUEUED_RECORDS = 512
QUEUED_BYTES = 16_000_000
"""What may lie delivered and not yet taken, by partition, before it is paused."""
GIL_WAIT_S = 1.0
"""Longest wait of the consumer's thread for the training thread to leave the interpreter to it."""


@dataclass(frozen=True)
class Delivery:
    """What one poll brought for one partition."""

    partition: Partition
    records: list[Record]
    content: list[Decoded]
    """What each of them holds."""
    position: int
    """Next offset the consumer will fetch: past these records and past what is never delivered."""
    end: int
    """End of the partition as far as is known: a position that has reached it has nothing to wait for."""
    generation: int
    """Counts rewinds; a delivery of an earlier generation is stale."""


class DeliveryQueue:
    """Deliveries on their way from the consumer's thread to the training thread, counted by partition."""

    def __init__(self) -> None:
        self._deliveries: queue.Queue[Delivery] = queue.Queue()
        self._queued: dict[Partition, tuple[int, int]] = {}
        self._counting = threading.Lock()

    def put(self, delivery: Delivery) -> None:
        """Add one; never blocks: whoever fetches asks `is_full` first."""
        self._count(delivery, 1)
        self._deliveries.put(delivery)

    def take(self, wait_s: float = 0.0) -> Delivery:
        """The next one; its room is free again.

        Raises:
            queue.Empty: nothing has come, in `wait_s` seconds.
        """
        delivery = self._deliveries.get(timeout=wait_s) if wait_s else self._deliveries.get_nowait()
        self._count(delivery, -1)
        return delivery

    def held(self, partition: Partition) -> int:
        """Records of a partition that were delivered and not yet taken."""
        return self._queued.get(partition, (0, 0))[0]

    def is_full(self, partition: Partition) -> bool:
        """Whether no more of a partition should be fetched."""
        records, size = self._queued.get(partition, (0, 0))
        return records >= QUEUED_RECORDS or size >= QUEUED_BYTES

    def _count(self, delivery: Delivery, sign: int) -> None:
        added = sum(len(record.value or b"") for record in delivery.records)
        with self._counting:
            records, size = self._queued.get(delivery.partition, (0, 0))
            self._queued[delivery.partition] = (records + sign * len(delivery.records), size + sign * added)


class GilWindow:
    """Lets the consumer's thread run Python while the training thread waits for its device.

    Both share one interpreter: a thousand records come at once, and while they are decoded each kernel's launch waits its turn. Until it is
    used for the first time (training on a CPU never does), the window is open.
    """

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """The training thread waits for its device in here."""
        self._open.set()
        try:
            yield
        finally:
            self._open.clear()

    def open(self) -> None:
        """Somebody waits for the consumer's thread: it may run."""
        self._open.set()

    def wait(self) -> None:
        """The consumer's thread is about to use the interpreter."""
        self._open.wait(GIL_WAIT_S)


def paused_bands(
    bands: Mapping[Objective, list[str]],
    opened: Mapping[Objective, int],
    prompts_are_trained: bool,
    prompts_wanted: bool,
    is_full: Callable[[str], bool],
) -> set[Partition]:
    """Partitions that are not fetched: of closed bands, of objectives that are not trained now, and of bands with enough waiting.

    Where prompts are not trained on, they are held out and always fetched. Where they are, those held out stand among them: all bands
    are open while they are waited for.

    Args:
        bands: band topics by objective, easiest first.
        opened: the highest open band of each objective that is trained now.
        prompts_are_trained: by this run, now or later.
        prompts_wanted: held-out prompts are waited for, of whatever band.
        is_full: whether a topic has enough waiting.
    """
    paused = set()
    for objective, topics in bands.items():
        held_out = objective is Objective.PROMPT and (not prompts_are_trained or prompts_wanted)
        for band, topic in enumerate(topics):
            closed = not held_out and band > opened.get(objective, -1)
            if closed or is_full(topic):
                paused.add((topic, 0))
    return paused
