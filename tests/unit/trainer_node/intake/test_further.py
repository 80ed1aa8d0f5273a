"""A step under way that is given more samples: journalled as its own, given again after a crash, and each accounted for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.trainer_node.intake.test_feed import Bench, bench, encoded, flat, spread  # noqa: F401 - a fixture
from trainer_node.commit.ledger import Outcome

WANTED = 2


def reads_at_once(made: Bench) -> Bench:
    """As the reader's thread does: what is on the log is delivered whether or not a batch is waited for."""
    take = made.reader.next_delivery

    def next_delivery(wait_s: float = 0.0) -> Any:
        if wait_s and made.reader.deliveries.empty():
            made.reader.deliver()
        return take(wait_s)

    made.reader.next_delivery = next_delivery
    return made


def train(made: Bench, steps: int = 1000, asks: int = WANTED, unfinished: int = 0) -> list[list[str]]:
    """Batches with what was added to every other one, of which the first sample is left out for it; the last ones are not finished."""
    trained: list[list[str]] = []
    while len(trained) < steps + unfinished and (batch := made.next()):
        if batch.step % 2 and asks:
            made.feed.further(batch, asks)
        if len(trained) < steps:
            made.feed.trained(batch, unlearnt={batch.items[0].sample.sample_id: Outcome.NO_SPREAD} if batch.step % 2 else {})
        trained.append([item.sample.sample_id for item in batch.items])
    return trained


@pytest.mark.parametrize(("finished", "unfinished"), [(0, 1), (1, 0), (1, 1), (2, 1), (4, 0)])
def test_after_a_crash_each_step_is_given_what_it_was_given(bench, finished, unfinished):  # noqa: F811
    unbroken = train(reads_at_once(bench(spread(40))))
    assert sorted(flat(unbroken)) == sorted(f"s{n}" for n in range(40))
    assert [len(batch) for batch in unbroken[:4]] == [6, 4, 6, 4]
    broken = reads_at_once(bench(spread(40), epoch=2, checkpoint="c"))
    state = broken.feed.snapshot()
    broken.journal.roll("c")
    assert train(broken, finished, unfinished=unfinished) == unbroken[: finished + unfinished]
    again = reads_at_once(bench(spread(40), state=state, epoch=3, checkpoint="c", sizes=lambda: 2))
    trained = train(again, asks=1)
    journalled = finished + unfinished
    assert trained[:journalled] == unbroken[:journalled], "whatever it wants now"
    assert {len(batch) for batch in trained[journalled:-1]} <= {4, 5}
    assert {row.sample_id for row in again.ledger.rows()} == {f"s{n}" for n in range(40)}
    assert not any(again.feed.undone(objective) for objective in again.feed.active)


def test_a_step_that_asks_for_no_more_this_time_loses_nothing(bench, caplog):  # noqa: F811
    broken = reads_at_once(bench(spread(40), epoch=2, checkpoint="c"))
    state = broken.feed.snapshot()
    broken.journal.roll("c")
    train(broken, 3)
    again = reads_at_once(bench(spread(40), state=state, epoch=3, checkpoint="c"))
    trained = train(again, asks=0)
    assert sorted(flat(trained)) == sorted(f"s{n}" for n in range(40)), "each once"
    assert [len(batch) for batch in trained[:3]] == [4, 4, 4]
    assert "its step did not ask for it this time; they are chosen anew" in caplog.text


def test_no_more_is_given_than_there_is_and_what_was_left_out_may_come_again(bench):  # noqa: F811
    log = spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(5)]}
    made = reads_at_once(bench(log))
    batch = made.next()
    assert [item.sample.sample_id for item in made.feed.further(batch, 9)] == ["s4"]
    assert made.feed.further(batch, 9) == []
    made.feed.trained(batch, unlearnt={"s0": Outcome.NO_SPREAD})
    assert made.outcomes(Outcome.NO_SPREAD) == ["s0"]
    log["sft.0"] += [encoded("s0"), encoded("s1")]
    assert flat(made.train()) == ["s0"], "s1 was trained, and is a repeat"
