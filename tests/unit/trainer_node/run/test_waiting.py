"""What a run waits for is said once it has lasted, again now and then, and at readiness until it is over."""

from __future__ import annotations

import logging

import pytest

from trainer_node.run.waiting import SAY_AFTER_S, SAY_EVERY_S, Waiting


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_comes_in_time_is_not_worth_a_line(clock, caplog):
    waiting = Waiting(clock)
    waiting.note("samples", "nobody bands them", is_fault=True)
    clock.now += SAY_AFTER_S - 0.1
    waiting.note("samples", "nobody bands them", is_fault=True)
    waiting.note("samples", None)
    clock.now += SAY_AFTER_S
    waiting.note("samples", "nobody bands them", is_fault=True)
    assert (waiting.faults, waiting.remarks, caplog.messages) == ((), (), [])


def test_what_lasts_is_said_now_and_then_in_its_newest_words_until_it_is_over(clock, caplog):
    caplog.set_level(logging.WARNING)
    waiting = Waiting(clock)
    for after in (0, SAY_AFTER_S, 1, SAY_EVERY_S - 2, 1):
        clock.now += after
        waiting.note("rewards", f"since {clock.now:.0f}")
    assert caplog.messages == ["since 105", "since 405"]
    assert waiting.remarks == ("since 405",)
    waiting.note("rewards", None)
    assert waiting.remarks == ()


def test_what_somebody_must_mend_is_told_apart_from_what_ends_by_itself(clock):
    waiting = Waiting(clock)
    for after in (0, SAY_AFTER_S):
        clock.now += after
        waiting.note("samples", "no worker", is_fault=True)
        waiting.note("rewards", "8 answers")
    assert (waiting.faults, waiting.remarks) == (("no worker",), ("8 answers",))
