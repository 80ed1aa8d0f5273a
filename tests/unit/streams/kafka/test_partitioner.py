"""A key goes where every other client's default puts it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import default

from streams.kafka.partitioner import KeyPartitioner, murmur2


class Cluster:
    """What a partitioner asks of kafka-python's."""

    def __init__(self, count: int, available: set[int] | None = None) -> None:
        self.partitions = set(range(count))
        self.available = self.partitions if available is None else available

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return self.partitions

    def available_partitions_for_topic(self, topic: str) -> set[int]:
        return self.available


@given(key=st.binary(max_size=60), count=st.integers(1, 50))
def test_a_key_has_the_partition_that_kafka_s_own_clients_give_it(key: bytes, count: int) -> None:
    asked = ("t", key, key, None, None, Cluster(count))
    assert KeyPartitioner().partition(*asked) == default.DefaultPartitioner().partition(*asked)


@given(key=st.binary(max_size=60))
def test_the_hash_is_kafka_s_own(key: bytes) -> None:
    assert murmur2(key) == default.murmur2(key)


def test_a_record_without_a_key_goes_where_a_broker_is() -> None:
    cluster = Cluster(3, {1, 2})
    assert {KeyPartitioner().partition("t", None, None, None, None, cluster) for _ in range(100)} == {1, 2}
