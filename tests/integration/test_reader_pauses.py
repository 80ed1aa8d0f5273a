"""A band that was closed in the middle of a fetch is read on when it opens, also when nothing else is going on."""

from __future__ import annotations

import time

from streams.kafka.producer import Producer
from trainer_node.reader import MAX_POLL_RECORDS, Reader


class Taken:
    """Offsets delivered, by topic."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.offsets: dict[str, list[int]] = {}

    def take(self, topic: str, count: int) -> None:
        """Until this many of the topic have come; deliveries may be of either."""
        deadline = time.monotonic() + 30
        while len(self.offsets.get(topic, [])) < count and time.monotonic() < deadline:
            if self.reader.deliveries.empty():
                time.sleep(0.05)
                continue
            delivery = self.reader.deliveries.get()
            self.offsets.setdefault(delivery.partition[0], []).extend(record.offset for record in delivery.records)


def test_a_band_paused_with_fetched_records_is_read_to_its_end_when_it_is_resumed(settings):
    closed, other = settings.topics.band("sft", 0).name, settings.topics.band("sft", 1).name
    records = 3 * MAX_POLL_RECORDS
    reader = Reader(settings, settings.topic_prefix + "reader")
    taken = Taken(reader)
    with Producer(settings) as producer:
        for number in range(records):
            producer.send_bytes(closed, str(number).encode(), b"{}")
        producer.flush()
        try:
            reader.start({(closed, 0): 0, (other, 0): 0})
            while reader.deliveries.empty():
                time.sleep(0.001)
            reader.set_paused({(closed, 0)})
            producer.send_bytes(other, b"1", b"{}")
            producer.flush()
            taken.take(other, 1)  # the last thing that happened before the band opens is another band's record
            assert 0 < len(taken.offsets[closed]) < records, "it was paused in the middle"
            reader.set_paused(set())
            taken.take(closed, records)
        finally:
            reader.close()
    assert taken.offsets[closed] == list(range(records))
