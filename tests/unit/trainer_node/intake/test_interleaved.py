"""All objectives on one stream: who has the next step, what a kill leaves, and what comes after all passes were done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.training_sample import BANDS, Objective
from tests.unit.trainer_node.intake.test_feed import BAND_TOPICS, Bench, encoded, flat, spread
from trainer_node.commit.ledger import Outcome
from trainer_node.config import TrainConfig, weights_of
from trainer_node.data.batch import StepBatch
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.standing import Standing
from trainer_node.intake.turns import next_turn

SFT, PREFERENCE, PROMPT = Objective.SFT, Objective.PREFERENCE, Objective.PROMPT


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    made: list[Bench] = []

    def make(log: dict[str, list[bytes]], **settings: Any) -> Bench:
        made.append(Bench(tmp_path, log, **({"interleaved": True} | settings)))
        return made[-1]

    yield make
    for each in made:
        each.journal.close()


def mixed(samples: int, pairs: int) -> dict[str, list[bytes]]:
    """So many of each, over the bands."""
    log = spread(samples)
    for number in range(pairs):
        log[f"preference.{number % BANDS}"].append(encoded(f"d{number}", PREFERENCE))
    return log


def told(batch: StepBatch) -> tuple[int, Objective, list[str]]:
    return batch.step, batch.objective, [item.sample.sample_id for item in batch.items]


def objectives(made: Bench, steps: int = 1000) -> list[Objective]:
    """What each of the next steps trains."""
    found = []
    while len(found) < steps and (batch := made.next()) is not None:
        made.feed.trained(batch)
        found.append(batch.objective)
    return found


def test_what_comes_of_either_is_trained_as_it_comes_each_in_batches_of_its_own_and_once(bench):
    made = bench(mixed(40, 40))
    batches = []
    while (batch := made.next()) is not None:
        assert {item.sample.objective for item in batch.items} == {batch.objective}
        made.feed.trained(batch)
        batches.append(batch)
    turns = [batch.objective for batch in batches]
    assert Counter(turns) == {SFT: 10, PREFERENCE: 10}
    assert turns != sorted(turns), "in turns"
    trained = Counter(made.outcomes(Outcome.TRAINED))
    assert trained == {f"s{n}": 1 for n in range(40)} | {f"d{n}": 1 for n in range(40)}


def test_where_nothing_of_another_comes_the_batches_are_as_if_there_were_none(bench, tmp_path):
    assert bench(spread(43)).train() == bench(spread(43), interleaved=False).train()


def test_steps_are_shared_by_what_waits_or_by_weights(bench):
    assert Counter(objectives(bench(mixed(160, 40)), 20))[PREFERENCE] in range(2, 6)
    by_weights = bench(mixed(160, 160), checkpoint="another", shares={SFT: 1.0, PREFERENCE: 3.0})
    assert Counter(objectives(by_weights, 20)) == {SFT: 5, PREFERENCE: 15}


def test_what_is_not_used_of_a_share_while_there_is_nothing_is_not_saved_up():
    standings = {objective: Standing(Pacing()) for objective in (SFT, PREFERENCE)}
    even = {SFT: 1.0, PREFERENCE: 1.0}
    assert [next_turn([SFT], even, standings) for _ in range(100)] == [SFT] * 100
    turns = [next_turn([SFT, PREFERENCE], even, standings) for _ in range(10)]
    assert Counter(turns) == {SFT: 5, PREFERENCE: 5}


def test_what_is_put_aside_waits_on_the_log_and_is_trained_once_it_is_taken_up(bench):
    made = bench(mixed(20, 20))
    made.feed.put_aside(PREFERENCE)
    assert set(objectives(made)) == {SFT}
    assert {(topic, 0) for topic in BAND_TOPICS[PREFERENCE]} <= made.reader.paused
    made.feed.take_up(PREFERENCE)
    assert set(objectives(made)) == {PREFERENCE}


def test_after_a_kill_the_journal_s_steps_are_trained_in_their_order_each_of_its_objective(bench):
    log = mixed(60, 40)
    before = bench(log)
    before.feed.trained(before.next())
    state, segments = before.feed.snapshot(), before.ledger.seal()
    before.journal.roll("c")
    lost = [before.next() for _ in range(9)]
    for batch in lost:
        before.feed.trained(batch)
    assert {batch.objective for batch in lost} == {SFT, PREFERENCE}
    after = bench(log, state=state, epoch=2, checkpoint="c", segments=segments)
    again = [after.next() for _ in range(9)]
    ids = [
        [(batch.step, batch.objective, [item.sample.sample_id for item in batch.items]) for batch in batches] for batches in (lost, again)
    ]
    assert ids[0] == ids[1]
    for batch in again:
        after.feed.trained(batch)
    objectives(after)
    everything = Counter(before.outcomes(Outcome.TRAINED)[:4]) + Counter(after.outcomes(Outcome.TRAINED)[4:])
    assert everything == {f"s{n}": 1 for n in range(60)} | {f"d{n}": 1 for n in range(40)}


def test_a_checkpoint_in_the_middle_of_a_replay_leaves_what_is_still_to_be_trained_again_in_the_journal(bench):
    log = mixed(40, 0)
    before = bench(log)
    before.journal.roll("c")
    lost = [[item.sample.sample_id for item in before.next().items] for _ in range(4)]
    state = bench({topic: [] for topic in log}, checkpoint="none", epoch=9).feed.snapshot()
    second = bench(log, state=state, epoch=2, checkpoint="c")
    second.feed.trained(second.next())
    state, segments = second.feed.snapshot(), second.ledger.seal()
    second.journal.roll("d")
    third = bench(log, state=state, epoch=3, checkpoint="d", segments=segments)
    assert flat(third.train(3)) == flat(lost[1:])


def test_what_comes_after_all_passes_were_done_gets_passes_of_its_own_and_nothing_old_is_trained_again(bench):
    made = bench(spread(20), interleaved=False)
    made.train()
    made.feed.rewind()
    made.train()
    made.feed.cursor.current.finished = True
    made.reader.log["sft.1"] += [encoded("s3"), encoded("new 1")]
    made.reader.log["sft.0"] += [encoded("new 2")]
    assert sorted(flat(made.train())) == ["new 1", "new 2"]
    assert made.feed.cursor.current.pass_number == 3
    state, segments = made.feed.snapshot(), made.ledger.seal()
    made.journal.roll("c")
    again = bench(made.reader.log, state=state, epoch=2, checkpoint="c", segments=segments, interleaved=False)
    again.feed.rewind()
    assert sorted(flat(again.train())) == ["new 1", "new 2"], "the second pass of the round"
    assert (again.feed.cursor.current.pass_number, again.feed.cursor.current.pass_of_round) == (4, 2)


def test_whether_an_objective_has_anything_left_is_asked_of_the_log(bench):
    made = bench(mixed(8, 3), interleaved=False)
    made.train()
    assert (made.feed.undone(SFT), made.feed.undone(PREFERENCE)) == (False, True)


@pytest.mark.parametrize("said", ["", "sft", "sft=x", "sft=-1", "sft=0", "dpo=1", "sft=1,sft=2", "sft=inf"])
def test_shares_that_say_nothing_are_refused_with_what_they_may_be(said):
    with pytest.raises(ValueError, match="neither `backlog` nor weights"):
        TrainConfig(shares=said)


def test_shares_are_weights_or_what_waits():
    assert weights_of("backlog") == {}
    assert weights_of("sft=3, preference=0.5") == {SFT: 3.0, PREFERENCE: 0.5}
