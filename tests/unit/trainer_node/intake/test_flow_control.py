"""What is fetched: the bands that may be chosen from, and no more than has room."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from schemas.training_sample import Objective
from streams.kafka.consumer import Record
from trainer_node.intake import flow_control
from trainer_node.intake.flow_control import QUEUED_BYTES, QUEUED_RECORDS, Delivery, DeliveryQueue, GilWindow, paused_bands

SFT, PREFERENCE, PROMPT = Objective.SFT, Objective.PREFERENCE, Objective.PROMPT
BANDS = {SFT: ["s0", "s1", "s2"], PREFERENCE: ["d0", "d1", "d2"], PROMPT: ["p0", "p1", "p2"]}


def paused(trained: Objective, highest: int, wanted: bool = False, full: str = "") -> set[str]:
    found = paused_bands(BANDS, {trained: highest}, trained is PROMPT, wanted, lambda topic: topic == full)
    assert {number for _, number in found} <= {0}
    return {topic for topic, _ in found}


@pytest.mark.parametrize(
    ("trained", "highest", "wanted", "full", "closed"),
    [
        (SFT, 0, False, "", {"s1", "s2", "d0", "d1", "d2"}),
        (SFT, 1, False, "", {"s2", "d0", "d1", "d2"}),
        (SFT, 2, False, "", {"d0", "d1", "d2"}),
        (PREFERENCE, 2, False, "", {"s0", "s1", "s2"}),
        (SFT, 2, False, "s1", {"s1", "d0", "d1", "d2"}),
        (SFT, 2, False, "p1", {"p1", "d0", "d1", "d2"}),
        (SFT, 2, True, "", {"d0", "d1", "d2"}),
        (PROMPT, 0, False, "", {"p1", "p2", "s0", "s1", "s2", "d0", "d1", "d2"}),
        (PROMPT, 0, True, "", {"s0", "s1", "s2", "d0", "d1", "d2"}),
        (PROMPT, 0, True, "p2", {"p2", "s0", "s1", "s2", "d0", "d1", "d2"}),
    ],
)
def test_closed_and_full_bands_and_other_objectives_are_paused_and_held_out_prompts_are_not(trained, highest, wanted, full, closed):
    assert paused(trained, highest, wanted, full) == closed


def delivery(topic: str, values: list[bytes | None]) -> Delivery:
    records = [Record(topic, 0, offset, None, value, (), 0) for offset, value in enumerate(values)]
    return Delivery((topic, 0), records, [], len(values), len(values), 0)


def test_deliveries_come_in_their_order_and_free_their_room():
    waiting = DeliveryQueue()
    first, second, other = delivery("a", [b"x", None]), delivery("a", [b"y"]), delivery("b", [])
    for each in (first, second, other):
        waiting.put(each)
    assert (waiting.held(("a", 0)), waiting.held(("b", 0)), waiting.held(("c", 0))) == (3, 0, 0)
    assert waiting.take() is first
    assert waiting.held(("a", 0)) == 1
    assert waiting.take(wait_s=1.0) is second
    assert waiting.held(("a", 0)) == 0
    assert waiting.take() is other
    with pytest.raises(queue.Empty):
        waiting.take()
    with pytest.raises(queue.Empty):
        waiting.take(wait_s=0.001)


@pytest.mark.parametrize(
    ("values", "full"),
    [
        ([b""] * (QUEUED_RECORDS - 1), False),
        ([b""] * QUEUED_RECORDS, True),
        ([b"x" * (QUEUED_BYTES - 1)], False),
        ([b"x" * QUEUED_BYTES], True),
        ([b"x" * (QUEUED_BYTES // 2)] * 2, True),
        ([None] * 3, False),
    ],
)
def test_a_partition_is_full_by_its_records_or_their_bytes_until_they_are_taken(values, full):
    waiting = DeliveryQueue()
    assert not waiting.is_full(("a", 0))
    waiting.put(delivery("a", values))
    assert waiting.is_full(("a", 0)) is full
    assert not waiting.is_full(("b", 0))
    waiting.take()
    assert not waiting.is_full(("a", 0))


def waits(window: GilWindow) -> bool:
    """Whether the consumer's thread is held up, for as long as it may be."""
    started = time.monotonic()
    window.wait()
    return time.monotonic() - started >= flow_control.GIL_WAIT_S


def test_the_window_is_open_until_it_is_first_used_then_while_the_device_works_or_someone_asks(monkeypatch):
    monkeypatch.setattr(flow_control, "GIL_WAIT_S", 0.05)
    window = GilWindow()
    assert not waits(window)
    with window():
        assert not waits(window)
    assert waits(window)
    window.open()
    assert not waits(window)
    with pytest.raises(ValueError, match="in the block"), window():
        raise ValueError("in the block")
    assert waits(window), "closed after an error too"


def test_whoever_waits_for_the_window_goes_on_when_it_opens(monkeypatch):
    monkeypatch.setattr(flow_control, "GIL_WAIT_S", 60.0)
    window = GilWindow()
    with window():
        pass
    thread = threading.Thread(target=window.wait)
    thread.start()
    assert thread.is_alive()
    window.open()
    thread.join(30)
    assert not thread.is_alive()
