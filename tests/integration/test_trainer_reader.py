"""The thread that reads the bands: a bounded piece of the backlog in memory, and positions past what is never delivered."""

from __future__ import annotations

import contextlib
import queue
import time

import pytest

from schemas.errors import DataLossError
from streams.kafka.producer import Producer
from trainer_node.intake import consumer_thread as reading
from trainer_node.intake import flow_control
from trainer_node.intake.consumer_thread import MAX_POLL_RECORDS, ConsumerThread
from trainer_node.intake.flow_control import QUEUED_RECORDS

PATIENCE = 60.0


def nothing_more(records):
    """What the records hold is not looked at."""
    return []


@pytest.fixture
def reader(settings):
    made = ConsumerThread(settings, nothing_more)
    yield made
    made.close()


@pytest.fixture
def topic(settings):
    return settings.topics.band("sft", 0).name


def send(settings, topic, count, transactional=False):
    with Producer(settings, transactional_id=topic if transactional else None) as producer:
        for number in range(count):
            if transactional:
                with producer.transaction():
                    producer.send_bytes(topic, b"k", b"%d" % number)
            else:
                producer.send_bytes(topic, b"k", b"%d" % number)


def take_until(reader, position):
    """Take deliveries until they have come to a position; their records' values."""
    values, deadline = [], time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            delivery = reader.next_delivery(wait_s=0.5)
        except queue.Empty:
            reader.raise_failure()
            continue
        values += [int(record.value) for record in delivery.records]
        if delivery.position >= position:
            return values
    raise AssertionError(f"position {position} was not reached")


def test_a_backlog_waits_in_kafka_while_nobody_takes_and_then_comes_whole(settings, topic, reader):
    send(settings, topic, 5000)
    reader.start({(topic, 0): 0})
    held, before, deadline = 0, -1, time.monotonic() + PATIENCE
    while time.monotonic() < deadline and (held < QUEUED_RECORDS or held != before):
        time.sleep(1.0)
        before, held = held, reader.deliveries.held((topic, 0))
    assert QUEUED_RECORDS <= held < QUEUED_RECORDS + MAX_POLL_RECORDS
    assert take_until(reader, 5000) == list(range(5000))


def test_positions_pass_transaction_markers_and_the_end_is_known(settings, topic, reader):
    send(settings, topic, 3, transactional=True)
    reader.start({(topic, 0): 0})
    assert take_until(reader, 6) == [0, 1, 2]
    assert reader.end_offsets()[topic, 0] == 6


def test_a_bound_ends_a_partition_and_a_rewind_begins_it_again_with_a_new_generation(settings, topic, reader):
    send(settings, topic, 20)
    reader.start({(topic, 0): 5}, bounds={(topic, 0): 12})
    assert take_until(reader, 12) == list(range(5, 12))
    assert reader.end_offsets()[topic, 0] == 12
    generation = reader.rewind({(topic, 0): 10})
    delivery = reader.next_delivery(wait_s=PATIENCE)
    assert delivery.generation == generation
    assert [int(record.value) for record in delivery.records] == [10, 11]


def test_a_paused_partition_is_not_fetched(settings, topic, reader):
    send(settings, topic, 5)
    other = settings.topics.band("sft", 1).name
    send(settings, other, 5)
    reader.set_paused({(topic, 0)})
    reader.start({(topic, 0): 0, (other, 0): 0})
    assert take_until(reader, 5) == list(range(5))
    assert reader.deliveries.held((topic, 0)) == 0
    reader.set_paused(set())
    assert take_until(reader, 5) == list(range(5))


def test_a_reader_that_rests_is_woken_by_whoever_wants_something(settings, topic, reader, monkeypatch):
    """Nobody waits as long as the rest is here: each look that did not wake the reader would fail."""
    monkeypatch.setattr(reading, "REST_S", 10 * PATIENCE)
    rests = []
    wait = reader.wanted.wait
    reader.wanted.wait = lambda timeout: (rests.append(timeout), wait(timeout))

    def asleep(more_than=0):
        deadline, before = time.monotonic() + PATIENCE, -1
        while time.monotonic() < deadline and (len(rests) <= more_than or before != len(rests)):
            before = len(rests)
            time.sleep(0.5)
        return before

    reader.start({(topic, 0): 0})
    before = asleep()
    assert reader.end_offsets()[topic, 0] == 0, "a call wakes it"
    assert asleep(more_than=before) > before
    send(settings, topic, 5)
    assert take_until(reader, 5) == list(range(5)), "waiting for a delivery wakes it"
    reader.set_paused({(topic, 0)})
    send(settings, topic, 5)
    before = asleep()
    reader.set_paused({(topic, 0)})
    assert asleep() == before, "being told the same again does not wake it"
    reader.set_paused(set())
    deadline = time.monotonic() + PATIENCE
    while not reader.deliveries.held((topic, 0)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert reader.deliveries.held((topic, 0)), "an opened partition wakes it"
    assert take_until(reader, 10) == list(range(5))


def test_nothing_is_read_while_the_training_thread_needs_the_interpreter(settings, topic, monkeypatch):
    monkeypatch.setattr(flow_control, "GIL_WAIT_S", 10 * PATIENCE)
    decoded = []
    with contextlib.closing(ConsumerThread(settings, lambda found: decoded.extend(found) or [])) as reader:
        reader.start({(topic, 0): 0})
        with reader.gil_window():
            pass
        send(settings, topic, 5)
        time.sleep(1.5)
        assert not decoded
        with reader.gil_window():
            deadline = time.monotonic() + PATIENCE
            while not decoded and time.monotonic() < deadline:
                time.sleep(0.05)
        assert decoded, "it reads while the device works"
        time.sleep(0.5)
        send(settings, topic, 5)
        assert take_until(reader, 10)[-5:] == list(range(5)), "and when somebody waits for it"


def test_a_position_beyond_the_log_s_end_is_another_broker_s_log(settings, topic, reader):
    with pytest.raises(DataLossError, match="another broker's log"):
        reader.start({(topic, 0): 7})
