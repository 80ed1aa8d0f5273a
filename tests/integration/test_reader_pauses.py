"""A band that was closed in the middle of a fetch is read on when it opens, also when nothing else is going on."""

from __future__ import annotations

import queue
import time

from streams.kafka.producer import Producer
from tests.integration.test_trainer_reader import nothing_more
from trainer_node.commit.positions import Partition
from trainer_node.intake.consumer_thread import MAX_POLL_RECORDS, ConsumerThread
from trainer_node.intake.flow_control import QUEUED_RECORDS

PATIENCE = 60.0


class Taken:
    """Offsets delivered, by topic."""

    def __init__(self, reader: ConsumerThread) -> None:
        self.reader = reader
        self.offsets: dict[str, list[int]] = {}

    def take(self, topic: str, count: int) -> None:
        """Until this many of the topic have come; deliveries may be of either."""
        deadline = time.monotonic() + PATIENCE
        while len(self.offsets.get(topic, [])) < count and time.monotonic() < deadline:
            try:
                delivery = self.reader.next_delivery(wait_s=0.05)
            except queue.Empty:
                continue
            self.offsets.setdefault(delivery.partition[0], []).extend(record.offset for record in delivery.records)


def test_a_band_paused_with_fetched_records_is_read_to_its_end_when_it_is_resumed(settings):
    closed, other = settings.topics.band("sft", 0).name, settings.topics.band("sft", 1).name
    records = QUEUED_RECORDS + 3 * MAX_POLL_RECORDS  # one fetch brings all; the reader pauses by itself where its queue is full
    reader = ConsumerThread(settings, nothing_more)
    taken = Taken(reader)
    with Producer(settings) as producer:
        for number in range(records):
            producer.send_bytes(closed, str(number).encode(), b"{}")
        producer.flush()
        try:
            reader.start({(closed, 0): 0, (other, 0): 0})
            _wait_until_full(reader, (closed, 0))
            reader.set_paused({(closed, 0)})
            producer.send_bytes(other, b"1", b"{}")
            producer.flush()
            taken.take(other, 1)  # the last thing that happened before the band opens is another band's record
            assert len(taken.offsets[closed]) == QUEUED_RECORDS, "it was paused in the middle"
            reader.set_paused(set())
            taken.take(closed, records)
        finally:
            reader.close()
    assert taken.offsets[closed] == list(range(records))


def _wait_until_full(reader: ConsumerThread, partition: Partition) -> None:
    deadline = time.monotonic() + PATIENCE
    while reader.deliveries.held(partition) < QUEUED_RECORDS:
        assert time.monotonic() < deadline, "the reader did not read"
        time.sleep(0.01)
