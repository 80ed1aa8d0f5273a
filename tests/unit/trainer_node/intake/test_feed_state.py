"""What the feed goes on from, what it waits for and how long, and what it says of a batch that cannot be trained."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from schemas.errors import BadRecord, BrokerError, DeadLetterReason
from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from tests.unit.trainer_node.intake import test_feed
from tests.unit.trainer_node.intake.test_feed import Bench, encoded, flat, spread
from trainer_node.commit.journal import JournalEntry, read_entries
from trainer_node.commit.ledger import LedgerRow, Outcome
from trainer_node.commit.state import (
    DataLoss,
    EarlyStoppingState,
    FeedState,
    HeldOutState,
    ObjectiveState,
    PacingState,
    PartitionState,
    RepeatState,
    StreamPosition,
)
from trainer_node.intake import feed as feed_module
from trainer_node.intake.flow_control import Delivery
from trainer_node.intake.lost_records import Gap
from trainer_node.intake.start_point import LogRange, StartPoint

SFT, PREFERENCE, PROMPT = Objective.SFT, Objective.PREFERENCE, Objective.PROMPT


@pytest.fixture
def bench(tmp_path):
    made: list[Bench] = []

    def make(log: dict[str, list[bytes]], **settings: Any) -> Bench:
        made.append(Bench(settings.pop("folder", tmp_path), log, **settings))
        return made[-1]

    yield make
    for each in made:
        each.journal.close()


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time, which the test moves."""
    now = [100.0]
    monkeypatch.setattr(feed_module.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def with_prompts(monkeypatch) -> dict[Objective, list[str]]:
    """Prompts on the log, and SFT trained: the bands in the order in which they are trained."""
    bands = {objective: [f"{objective.value}.{band}" for band in range(BANDS)] for objective in (SFT, PROMPT)}
    monkeypatch.setattr(test_feed, "BAND_TOPICS", bands)
    return bands


def held_out(sample_id: str, objective: Objective = SFT) -> TrainingSample:
    return TrainingSample(sample_id=sample_id, objective=objective, task=Task.QA, band=0, completion="a", split=Split.VALIDATION)


# --- going on ------------------------------------------------------------------------------------------------------------------


def all_positions(**given: PartitionState) -> dict[str, PartitionState]:
    """Of every partition; `sft_0=` names that of band 0."""
    names = {f"{topic}:0" for topics in test_feed.BAND_TOPICS.values() for topic in topics}
    return dict.fromkeys(sorted(names), PartitionState(watermark=0)) | {
        f"{name.replace('_', '.')}:0": state for name, state in given.items()
    }


def test_a_restored_feed_says_of_itself_what_the_checkpoint_said(bench):
    state = FeedState(
        objective=PREFERENCE,
        step=17,
        samples_trained=60,
        position=StreamPosition(
            partitions=all_positions(sft_0=PartitionState(watermark=2, done=((4, 5),)), preference_3=PartitionState(watermark=1)),
            pass_start={f"{topic}:0": number for topics in test_feed.BAND_TOPICS.values() for number, topic in enumerate(sorted(topics))},
            bounds={"sft.0:0": 90, "sft.1:0": 0},
            data_losses=(DataLoss(topic="sft.0", partition=0, first=1, last=1, pass_number=1),),
        ),
        objectives={
            SFT: ObjectiveState(
                pass_number=2, finished=True, begun=True, steps=9, pacing=PacingState(highest=4, steps=9, taken=(6, 3, 0, 0, 0))
            ),
            PREFERENCE: ObjectiveState(
                pass_number=3,
                first_pass=2,
                begun=True,
                steps=8,
                credit=0.25,
                pacing=PacingState(highest=2, steps=7, tokens=90, taken=(4, 3, 2, 1, 0), reached=(4, 9, 2, 1, -1)),
                early_stopping=EarlyStoppingState(measure="val_loss", best=1.5, since_best=2, last=1.75),
            ),
            PROMPT: ObjectiveState(steps=3),
        },
        repeats=RepeatState(dead_lettered={"sft.0:0": ((3, 3), (7, 8))}),
        held_out=HeldOutState(validation=(held_out("v"),), prompts=(held_out("p", PROMPT), held_out("q", PROMPT))),
    )
    log = spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(9)], "preference.3": [encoded("d", PREFERENCE)]}
    made = bench(log, state=state)
    assert made.feed.snapshot() == state, "that of an objective that is not trained now, too"
    assert made.feed.objective is PREFERENCE
    assert made.reader.positions[("sft.0", 0)] == 2
    assert made.reader.bounds == {("sft.0", 0): 90, ("sft.1", 0): 0}


def test_a_new_feed_begins_at_the_log_s_beginning_and_each_pass_begins_there_again(bench):
    made = bench(spread(0) | {"sft.1": [encoded(f"s{n}") for n in range(5)]}, begins={"sft.1": 2})
    state = made.feed.snapshot()
    assert state == FeedState(
        objective=SFT,
        objectives={SFT: ObjectiveState(), PREFERENCE: ObjectiveState()},
        position=StreamPosition(
            partitions=all_positions(sft_1=PartitionState(watermark=2)), pass_start=dict.fromkeys(all_positions(), 0) | {"sft.1:0": 2}
        ),
    )
    first = made.train()
    made.feed.rewind()
    assert (made.train(), flat(first)) == (first, ["s2", "s3", "s4"])
    assert made.feed.snapshot().pass_number == 2


def test_ids_trained_in_this_pass_over_this_objective_are_remembered_from_the_ledger(bench):
    log = spread(0) | {"sft.0": [encoded(name) for name in "abc"]}
    before = bench(log, batch_size=1)
    before.train(1)
    for name, topic, pass_number in (("b", "sft.0", 0), ("c", "preference.0", 1)):
        before.ledger.add(LedgerRow(topic, 0, 50, name, Outcome.TRAINED, pass_number, 1))
    state, segments = before.feed.snapshot(), before.ledger.seal()
    log["sft.0"].insert(1, encoded("a"))
    after = bench(log, state=state, epoch=2, checkpoint="c", segments=segments, batch_size=1)
    assert flat(after.train()) == ["b", "c"]
    after.feed.remember(["x"])
    log["sft.0"] += [encoded("x"), encoded("y")]
    assert flat(after.train()) == ["y"]


def test_an_upgrade_trains_nothing_twice_and_drops_no_sample_of_other_gold(bench):
    log = spread(0) | {"sft.0": [encoded("old 1"), encoded("new 2", former_id="old 2"), encoded("new 3", former_id="old 3")]}
    before = bench(log, batch_size=1)
    assert flat(before.train()) == ["old 1", "new 2", "new 3"]
    state, segments = before.feed.snapshot(), before.ledger.seal()
    log["sft.0"] += [encoded("new 1", former_id="old 1"), encoded("old 2"), encoded("new 3b", former_id="old 3"), encoded("new 4")]
    after = bench(log, state=state, epoch=2, checkpoint="c", segments=segments, batch_size=1)
    assert flat(after.train()) == ["new 3b", "new 4"]


def test_a_run_from_a_date_tells_the_consumer_and_one_that_goes_on_does_not(bench, tmp_path, monkeypatch):
    told: list[Any] = []
    start = test_feed.LogReader.start

    def watched(reader, positions, bounds=None, timestamp_ms=None, topic_ids=None):
        told.append((dict(positions), dict(bounds or {}), timestamp_ms))
        return start(reader, positions, bounds, timestamp_ms)

    monkeypatch.setattr(test_feed.LogReader, "start", watched)
    began = bench(spread(3), start=StartPoint(timestamp_ms=1234))
    bench(spread(3), state=began.feed.snapshot(), start=StartPoint(timestamp_ms=1234), epoch=2, folder=tmp_path / "again")
    assert [timestamp for *_, timestamp in told] == [1234, None]
    assert all(offset < 0 for offset in told[0][0].values()), "wherever the log begins"
    assert set(told[1][0].values()) == {0}


def test_ranges_bound_the_bands_that_are_trained_and_leave_held_out_prompts_whole(bench, with_prompts):
    start = StartPoint(ranges=(LogRange("sft.2", 0, 3, 6),))
    made = bench({topic: [] for topics in with_prompts.values() for topic in topics}, start=start)
    assert made.reader.positions[("sft.2", 0)] == 3
    assert made.reader.bounds == {(topic, 0): 0 for topic in with_prompts[SFT]} | {("sft.2", 0): 7}


def test_ranges_of_prompts_bound_the_prompts_where_nothing_else_is_trained(bench, monkeypatch):
    topics = [f"prompt.{band}" for band in range(BANDS)]
    monkeypatch.setattr(test_feed, "BAND_TOPICS", {PROMPT: topics})
    made = bench({topic: [] for topic in topics}, start=StartPoint(ranges=(LogRange("prompt.1", 0, 0, 1),)))
    assert made.reader.bounds == {(topic, 0): 0 for topic in topics} | {("prompt.1", 0): 2}


# --- waiting -------------------------------------------------------------------------------------------------------------------


def test_looks_for_what_has_come_are_frequent_and_only_a_wait_for_a_batch_blocks(bench):
    made = bench(spread(4))
    waits: list[float] = []
    take = made.reader.next_delivery

    def next_delivery(wait_s: float = 0.0) -> Delivery:
        waits.append(wait_s)
        return take(wait_s)

    made.reader.next_delivery = next_delivery
    made.feed.intake()
    assert waits == [0.0], "in mid-step nothing waits"
    made.train()
    assert {wait for wait in waits if wait} == {feed_module.LOOK_S}
    assert 0 < feed_module.LOOK_S <= 0.1


def test_what_the_log_is_known_to_have_is_waited_for_five_seconds_and_then_the_batch_is_made_of_what_is_here(bench, clock):
    made = bench(spread(60), batch_size=4, sizes=lambda: 2)
    made.feed.cursor.current.pacing.open_to(1)
    made.reader.paused = {tp for tp in made.reader.positions if tp[0] not in ("sft.0", "sft.1")}
    made.reader.deliver()  # two of each, and no more

    def look() -> None:
        clock[0] += 0.25

    batch = made.feed.next_batch(lambda: False, look)
    assert sorted(item.record.topic for item in batch.items) == ["sft.0", "sft.0", "sft.1", "sft.1"]
    assert 5.0 <= clock[0] - 100.0 <= 5.0 + 2 * 0.25


def test_the_linger_time_of_a_batch_begins_with_the_first_sample_that_waits_for_it(bench, clock):
    made = bench(spread(0) | {"sft.0": [encoded("a")]}, linger_s=2.0)
    made.feed.cursor.current.pacing.open_to(BANDS - 1)

    def look() -> None:
        clock[0] += 0.25
        if clock[0] >= 110.0:
            made.reader.deliver()

    assert [item.sample.sample_id for item in made.feed.next_batch(lambda: False, look).items] == ["a"]
    assert 112.0 <= clock[0] <= 113.0


def test_the_seconds_spent_waiting_for_batches_add_up(bench, clock):
    made = bench(spread(20))

    def look() -> None:
        clock[0] += 0.25
        made.reader.deliver()

    for _ in range(3):
        made.feed.next_batch(lambda: False, look)
    assert made.feed.wait_s == clock[0] - 100.0 > 0.5


@pytest.mark.parametrize("where", ["guard", "consumer"])
def test_what_stops_the_run_stops_a_wait_for_a_batch(bench, where):
    made = bench(spread(0))

    def fail() -> None:
        raise BrokerError("gone")

    if where == "consumer":
        made.reader.raise_failure = fail
    with pytest.raises(BrokerError, match="gone"):
        made.feed.next_batch(lambda: False, fail if where == "guard" else lambda: None)


def test_whether_all_is_consumed_is_not_known_while_the_broker_is_away(bench, caplog):
    made = bench(spread(3))
    made.train()
    assert made.feed.drained()

    def away() -> Any:
        raise BrokerError("no answer")

    made.reader.end_offsets = away
    assert not made.feed.drained()
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("trainer_node.intake.feed", "whether all is consumed is not known: no answer")
    ]


def test_a_pass_is_consumed_once_its_own_bands_and_the_prompts_are(bench, with_prompts):
    log: dict[str, list[bytes]] = {topic: [] for topics in with_prompts.values() for topic in topics}
    made = bench(log | {"sft.0": [encoded("a")], "prompt.4": [encoded("p", PROMPT, chosen=None, rejected=None)]})
    assert not made.feed.drained()
    assert flat(made.train()) == ["a"]
    assert made.feed.drained()
    made.reader.log["prompt.4"].append(encoded("q", PROMPT, chosen=None, rejected=None))
    assert not made.feed.drained()


def test_preferences_that_wait_for_their_turn_do_not_hold_a_pass_over_answers_up(bench):
    made = bench(spread(3) | {"preference.0": [encoded("d", PREFERENCE)]})
    assert len(flat(made.train())) == 3
    assert made.feed.drained()
    made.feed.switch(PREFERENCE)
    assert not made.feed.drained()


# --- bands and passes ------------------------------------------------------------------------------------------------------------


def test_closed_bands_and_other_objectives_are_paused_from_the_start_and_open_one_after_another(bench):
    made = bench(spread(100), batch_size=2)

    def fetched() -> set[str]:
        return {topic for topic, _ in made.reader.positions.keys() - made.reader.paused}

    assert fetched() == {"sft.0"}
    made.train(3)
    assert fetched() == {"sft.0", "sft.1"}
    made.train(3)
    assert fetched() == {"sft.0", "sft.1", "sft.2"}
    made.train()
    made.feed.rewind()
    assert fetched() == {"sft.0"}
    made.feed.switch(PREFERENCE)
    assert fetched() == {"preference.0"}


def test_prompts_that_are_held_out_are_fetched_of_every_band_while_they_are_waited_for(bench, monkeypatch):
    topics = [f"prompt.{band}" for band in range(BANDS)]
    monkeypatch.setattr(test_feed, "BAND_TOPICS", {PROMPT: topics})
    made = bench({topic: [] for topic in topics})
    assert {topic for topic, _ in made.reader.paused} == set(topics[1:])
    made.feed.want_prompts(True)
    assert made.reader.paused == set()
    made.feed.want_prompts(False)
    assert {topic for topic, _ in made.reader.paused} == set(topics[1:])


def test_another_objective_begins_with_its_own_pass_and_the_easiest_band_and_each_remembers_its_ids(bench):
    made = bench(spread(40))
    made.train()
    made.feed.rewind()
    made.train()
    made.feed.switch(PREFERENCE)
    state = made.feed.snapshot()
    assert (state.objective, state.pass_number, state.of(PREFERENCE).pacing) == (PREFERENCE, 1, PacingState())
    made.feed.switch(SFT)
    made.reader.log["sft.0"] += [encoded("s0"), encoded("new")]
    assert flat(made.train()) == ["new"], "the other was trained in this pass"


def test_a_rewind_gives_up_what_waited_and_comes_to_it_again(bench):
    made = bench(spread(30), batch_size=2)
    made.train(2)
    made.feed.rewind()
    assert sorted(flat(made.train())) == sorted(f"s{n}" for n in range(30))


# --- after a step ----------------------------------------------------------------------------------------------------------------


def test_what_a_step_did_with_each_sample_is_in_the_ledger_and_only_trained_ones_are_counted(bench):
    made = bench(spread(0) | {"sft.0": [encoded(name) for name in "abc"]}, batch_size=3)
    batch = made.next()
    bad = BadRecord(DeadLetterReason.NAN_LOSS, "not a number")
    made.feed.trained(batch, {"a": bad}, unlearnt={"b": Outcome.UNREWARDED})
    rows = {row.sample_id: (row.outcome, row.step, row.pass_number, row.offset) for row in made.ledger.rows()}
    assert rows == {
        "a": (Outcome.DEAD_LETTER, 1, 1, 0),
        "b": (Outcome.UNREWARDED, 1, 1, 1),
        "c": (Outcome.TRAINED, 1, 1, 2),
    }
    assert made.feed.cursor.samples_trained == 1
    assert made.letters.sent == [("sft.0", 0, DeadLetterReason.NAN_LOSS)]
    made.reader.log["sft.0"] += [encoded(name) for name in "abc"]
    assert sorted(flat(made.train())) == ["a", "b"], "what was not learnt may come again"


def test_a_batch_says_its_step_its_pass_and_its_objective_and_is_journalled_with_the_bands_that_were_open(bench):
    made = bench(spread(30), batch_size=2)
    made.train(4)
    batch = made.next()
    assert (batch.step, batch.pass_number, batch.objective) == (5, 1, SFT)
    entries = read_entries(made.journal.path("start"))
    assert [(entry.step, entry.highest_band) for entry in entries] == [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1)]
    assert entries[-1].samples == [(*item.position, item.sample.sample_id) for item in batch.items]
    assert (entries[-1].objective, entries[-1].pass_number) == ("sft", 1)


# --- what cannot be trained --------------------------------------------------------------------------------------------------------


def replayed(bench: Any, log: dict[str, list[bytes]], entries: list[JournalEntry], **settings: Any) -> Bench:
    """A feed that finds these entries in its journal."""
    before = bench(log, epoch=1, **settings)
    for entry in entries:
        before.journal.append(entry)
    return bench(log, epoch=2, **settings)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (JournalEntry(4, 2, "sft", 0, [("sft.0", 0, 0, "a")]), "it is of pass 2 over sft"),
        (JournalEntry(4, 1, "preference", 0, [("sft.0", 0, 0, "a")]), "it is of pass 1 over preference"),
        (
            JournalEntry(4, 1, "sft", 0, [("sft.0", 0, n, name) for n, name in enumerate("abc")]),
            "its 3 samples are more than a step has now; they are chosen anew",
        ),
        (JournalEntry(4, 1, "sft", 0, [("sft.0", 0, 1, "b")]), "none of its records can be used any more"),
    ],
)
def test_a_journalled_batch_that_is_not_trained_is_told_with_its_reason_and_its_samples_may_come_again(bench, caplog, entry, why):
    caplog.set_level(logging.WARNING)
    log = spread(0) | {"sft.0": [encoded("a"), test_feed.POISON, encoded("c")], "sft.1": [encoded("b")]}
    made = replayed(bench, log, [entry], batch_size=2)
    assert sorted(flat(made.train())) == ["a", "b", "c"]
    told = [(record.name, record.getMessage()) for record in caplog.records]
    assert ("trainer_node.intake.replay", f"the journalled batch of step 4 is not trained: {why}") in told


def test_a_journalled_record_that_is_gone_is_named(bench, caplog):
    log = spread(0) | {"sft.0": [encoded("a"), test_feed.POISON]}
    entry = JournalEntry(1, 1, "sft", 0, [("sft.0", 0, 0, "a"), ("sft.0", 0, 1, "b")])
    made = replayed(bench, log, [entry], batch_size=2)
    assert flat(made.train()) == ["a"]
    assert "sft.0:0:1 (b) was journalled and is gone since" in [record.getMessage() for record in caplog.records]


def test_a_journalled_batch_opens_the_bands_that_it_was_chosen_from(bench):
    log = spread(0) | {"sft.3": [encoded("a"), encoded("b")]}
    made = replayed(bench, log, [JournalEntry(1, 1, "sft", 3, [("sft.3", 0, 0, "a")])], batch_size=1)
    assert [item.sample.sample_id for item in made.next().items] == ["a"]
    assert made.feed.snapshot().of(SFT).pacing.highest == 3


def test_a_gap_that_retention_left_is_passed_and_recorded_with_its_pass(bench):
    made = bench(spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(6)]})
    made.feed.cursor.current.pass_number = 2
    made.reader.gaps.put(Gap(("sft.0", 0), 1, 4))
    made.feed.intake()
    assert made.feed.snapshot().position.data_losses == (DataLoss(topic="sft.0", partition=0, first=1, last=3, pass_number=2),)
    assert made.feed.admission.positions[("sft.0", 0)].next_offset == 4


def test_a_delivery_whose_records_have_no_content_each_is_refused(bench):
    made = bench(spread(1))
    made.reader.deliver()
    (delivery,) = [each for each in list(made.reader.deliveries.queue) if each.records]
    made.reader.deliveries.queue.clear()
    made.reader.deliveries.put(Delivery(delivery.partition, delivery.records, [], 1, 1, 0))
    with pytest.raises(ValueError, match="zip"):
        made.feed.intake()
