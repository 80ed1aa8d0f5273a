"""Batches from the band topics: each sample once, in an order that the log decides, and never waiting for ever."""

from __future__ import annotations

import contextlib
import itertools
import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from schemas.errors import BadRecord, DeadLetterReason, TooManyDeadLetters
from schemas.sample import Split, Task
from schemas.training_sample import BANDS, Objective, TrainingSample
from streams.kafka.consumer import Record
from streams.kafka.dead_letters import Breaker
from trainer_node.commit.journal import Journal
from trainer_node.commit.ledger import Ledger, Outcome
from trainer_node.commit.positions import Partition
from trainer_node.commit.state import PartitionState
from trainer_node.competence import Form, Horizon
from trainer_node.data.batch import StepBatch
from trainer_node.data.decoding import decoded, with_example
from trainer_node.data.examples import Example
from trainer_node.intake import feed as feed_module
from trainer_node.intake.backlog import WAITING_LIMIT
from trainer_node.intake.deduplication import Deduplicator
from trainer_node.intake.feed import Feed
from trainer_node.intake.feed_settings import FeedSettings
from trainer_node.intake.flow_control import Delivery
from trainer_node.intake.lost_records import Gap
from trainer_node.intake.pacing_plan import PacingPlan
from trainer_node.intake.start_point import StartPoint

BAND_TOPICS = {objective: [f"{objective.value}.{band}" for band in range(BANDS)] for objective in (Objective.SFT, Objective.PREFERENCE)}
POISON = b"{not json"
PACING = PacingPlan(Form.STEP, Horizon(3 * BANDS, "steps"))
"""A band opens after three steps."""


def encoded(sample_id: str, objective: Objective = Objective.SFT, **more: Any) -> bytes:
    answer = {"completion": "a"} if objective is Objective.SFT else {"chosen": "a", "rejected": "b"}
    return TrainingSample(sample_id=sample_id, objective=objective, task=Task.QA, band=0, **(answer | more)).encode()


@dataclass
class LogReader:
    """The reader's part, over lists in memory: partition 0 of topic t is `log[t]`; delivered in pieces, when the test says so."""

    log: dict[str, list[bytes]]
    begins: dict[str, int] = field(default_factory=dict)
    sizes: Callable[[], int] = lambda: 3
    known_end: bool = True
    prepare: Callable[[TrainingSample], Any] = attrgetter("sample_id")

    def __post_init__(self) -> None:
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        self.gaps: queue.Queue[Gap] = queue.Queue()
        self.paused: set[Partition] = set()
        self.positions: dict[Partition, int] = {}
        self.bounds: dict[Partition, int] = {}
        self.topic_ids: dict[str, str] = {}
        self.generation = 0

    def start(self, positions, bounds=None, timestamp_ms=None, topic_ids=None):
        self.topic_ids = dict(topic_ids or {})
        self.bounds = dict(bounds or {})
        self.positions = {tp: max(offset, self.begins.get(tp[0], 0)) for tp, offset in positions.items()}
        for tp, offset in positions.items():
            if 0 <= offset < self.positions[tp]:
                self.gaps.put(Gap(tp, offset, self.positions[tp]))
        return dict(self.positions)

    def next_delivery(self, wait_s=0.0):
        return self.deliveries.get_nowait()

    def set_paused(self, partitions):
        self.paused = set(partitions)

    def rewind(self, positions):
        self.positions |= positions
        self.generation += 1
        return self.generation

    @property
    def ends(self):
        return self.end_offsets()

    def end_offsets(self):
        return {tp: self._end(tp) for tp in self.positions}

    def raise_failure(self):
        pass

    def _end(self, tp):
        return min(len(self.log.get(tp[0], [])), self.bounds.get(tp, 1 << 60))

    def deliver(self) -> None:
        """The next piece of each partition that is not paused."""
        for tp, position in list(self.positions.items()):
            last = min(position + self.sizes(), self._end(tp))
            if tp in self.paused:
                continue
            records = [Record(tp[0], tp[1], n, None, self.log[tp[0]][n], (), 0) for n in range(position, last)]
            self.positions[tp] = max(position, last)
            content = [with_example(decoded(record), self.prepare) for record in records]
            self.deliveries.put(Delivery(tp, records, content, self.positions[tp], self._end(tp), self.generation))


class Letters:
    """Keeps what was dead-lettered."""

    def __init__(self) -> None:
        self.stage = "trainer"
        self.breaker = Breaker(window=20, minimum=10)
        self.sent: list[tuple[str, int, DeadLetterReason]] = []

    def put_before_flush(self, record: Record, bad: BadRecord, sample_id: str | None = None) -> None:
        self.sent.append((record.topic, record.offset, bad.reason))
        self.breaker.record(ok=False)


class Bench:
    """A feed over a log in memory."""

    def __init__(self, folder, log, state=None, epoch=1, start=None, checkpoint="start", already_sent=(), segments=None, **settings: Any):
        reader_settings = {name: settings.pop(name) for name in ("begins", "sizes") if name in settings}
        self.reader = LogReader(log, **reader_settings)
        self.letters = Letters()
        self.journal = Journal(folder / "journal", epoch)
        self.ledger = Ledger(folder / "ledger", segments or ())
        objectives = tuple(objective for objective in BAND_TOPICS if objective is not Objective.PROMPT) or (Objective.PROMPT,)
        usual = {"run_id": "r", "batch_size": 4, "linger_s": 0.0, "repeat_horizon": 1000, "pacing": PACING, "objectives": objectives}
        self.feed = Feed(FeedSettings(**(usual | settings)), self.reader, BAND_TOPICS, self.letters, self.journal, self.ledger)
        self.feed.admission.already_sent = set(already_sent)
        self.feed.begin(state, self.journal.take_over(checkpoint), start)

    def next(self) -> StepBatch | None:
        return self.feed.next_batch(lambda: self.feed.drained(), self.reader.deliver)

    def train(self, batches: int = 1000) -> list[list[str]]:
        """Take and train so many batches, or all of the pass."""
        trained = []
        while len(trained) < batches and (batch := self.next()):
            self.feed.trained(batch)
            trained.append([item.sample.sample_id for item in batch.items])
        return trained

    def outcomes(self, outcome: Outcome) -> list[str]:
        return [row.sample_id for row in self.ledger.rows() if row.outcome is outcome]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Makes benches; the patience for a slow broker is cut short, so that a mistake fails and does not wait."""
    with contextlib.ExitStack() as stack:

        def make(log, **settings):
            made = Bench(settings.pop("folder", tmp_path), log, **settings)
            stack.callback(made.journal.close)
            return made

        yield make


def spread(count: int, objective: Objective = Objective.SFT) -> dict[str, list[bytes]]:
    """So many samples over the bands of an objective."""
    log: dict[str, list[bytes]] = {topic: [] for topics in BAND_TOPICS.values() for topic in topics}
    for number in range(count):
        log[f"{objective.value}.{number * 7 % BANDS}"].append(encoded(f"s{number}", objective))
    return log


def flat(batches: list[list[str]]) -> list[str]:
    return [sample_id for batch in batches for sample_id in batch]


def test_every_sample_of_every_band_is_trained_once_in_a_pass(bench):
    trained = flat(bench(spread(103)).train())
    assert sorted(trained) == sorted(f"s{n}" for n in range(103))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 60), seed=st.integers(0, 1000))
def test_on_topics_that_nobody_writes_to_the_batches_do_not_depend_on_when_records_arrive(bench, tmp_path_factory, count, seed):
    log, rng = spread(count), Random(seed)
    at_once = bench(log, folder=tmp_path_factory.mktemp("a"), sizes=lambda: 1000).train()
    in_pieces = bench(log, folder=tmp_path_factory.mktemp("b"), sizes=lambda: rng.randrange(4)).train()
    assert in_pieces == at_once


def test_a_pass_after_a_rewind_trains_everything_once_more_and_stale_deliveries_are_dropped(bench):
    made = bench(spread(40))
    first = made.train()
    made.reader.paused.clear()
    made.reader.positions[("sft.0", 0)] = 0
    made.reader.deliver()  # fetched before the rewind, taken in after it
    made.feed.rewind()
    assert made.train() == first
    assert made.feed.cursor.current.pass_number == 2


def test_a_repeat_at_another_offset_or_in_another_band_trains_once(bench):
    log = spread(20)
    log["sft.4"] += [encoded("s0"), encoded("s1")]
    log["sft.0"] += [encoded("s0")]
    made = bench(log)
    assert sorted(flat(made.train())) == sorted(f"s{n}" for n in range(20))
    assert sorted(made.outcomes(Outcome.DUPLICATE)) == ["s0", "s0", "s1"]


def test_the_same_id_as_answer_and_as_preference_is_two_samples(bench):
    log = spread(4) | {"preference.0": [encoded("s0", Objective.PREFERENCE)]}
    made = bench(log)
    made.train()
    made.feed.switch(Objective.PREFERENCE)
    assert flat(made.train()) == ["s0"]


@pytest.mark.parametrize(("between", "times"), [(9, 1), (10, 2)])
def test_the_memory_of_ids_reaches_exactly_as_far_as_its_horizon(bench, between, times):
    others = [encoded(f"o{n}") for n in range(between)]
    log = spread(0) | {"sft.0": [encoded("twice"), *others, encoded("twice")]}
    made = bench(log, repeat_horizon=10, batch_size=1, sizes=lambda: 1)
    assert flat(made.train()).count("twice") == times


@pytest.mark.parametrize(("between", "times"), [(9, 1), (10, 2)])
def test_the_horizon_is_the_same_after_a_restart(bench, between, times):
    log = spread(0) | {"sft.0": [encoded("twice"), *(encoded(f"o{n}") for n in range(between))]}
    before = bench(log, repeat_horizon=10, batch_size=1)
    before.train()
    state, segments = before.feed.snapshot(), before.ledger.seal()
    log["sft.0"].append(encoded("twice"))
    after = bench(log, state=state, epoch=2, checkpoint="c", segments=segments, repeat_horizon=10, batch_size=1)
    assert flat(after.train()).count("twice") == times - 1


def test_memory_is_bounded_by_the_horizon():
    repeats = Deduplicator(10)
    for number in range(1000):
        repeats.wait(Objective.SFT, str(number))
        repeats.take(Objective.SFT, str(number))
    assert len(repeats) == 10


@pytest.mark.parametrize("crash_after", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("easiest", [12, 5])
def test_after_a_crash_the_journalled_batches_come_again_in_their_order(bench, crash_after, easiest):
    log = spread(60)
    log["sft.0"] = log["sft.0"][:easiest]  # with 5, the next band opens because the first is dry
    unbroken = bench(log, epoch=1).train()
    broken = bench(log, epoch=2, checkpoint="c")
    state = broken.feed.snapshot()
    broken.journal.roll("c")
    chosen = broken.train(crash_after)
    again = bench(log, state=state, epoch=3, checkpoint="c", sizes=lambda: 2)
    assert again.train() == unbroken
    assert chosen == unbroken[:crash_after]


def test_of_a_sample_sent_twice_the_record_that_the_journal_names_is_trained(bench):
    log = spread(0) | {"sft.0": [encoded("a"), encoded("b")], "sft.1": [encoded("b"), encoded("a")]}
    broken = bench(log, batch_size=2)
    places = [item.position for item in broken.next().items]
    log["sft.1"].insert(0, log["sft.1"].pop())
    again = bench(log, epoch=2, batch_size=2, sizes=lambda: 1)
    assert [item.position for item in again.next().items] == places


def test_a_journalled_record_that_is_gone_holds_nothing_up(bench):
    log = spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(8)]}
    broken = bench(log)
    state = broken.feed.snapshot()
    broken.journal.roll("c")
    broken.train(2)
    log["sft.0"][1] = POISON
    again = bench(log, state=state, epoch=2, checkpoint="c", begins={"sft.0": 0})
    assert again.train() == [["s0", "s2", "s3"], ["s4", "s5", "s6", "s7"]]


def test_a_full_band_is_fetched_again_only_when_half_of_it_is_trained(bench):
    """Each time a band is resumed, what was fetched of it and not delivered is fetched again."""
    made = bench(spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(1500)]}, batch_size=64, sizes=lambda: 128)
    told: list[bool] = []
    set_paused = made.reader.set_paused
    made.reader.set_paused = lambda partitions: (told.append(("sft.0", 0) in partitions), set_paused(partitions))
    assert len(flat(made.train())) == 1500
    resumed = sum(before and not after for before, after in itertools.pairwise(told))
    assert 1 <= resumed <= 1500 // (WAITING_LIMIT // 2)


def test_what_was_delivered_before_a_gap_is_trained_when_both_come_between_two_looks(bench):
    made = bench(spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(6)]}, sizes=lambda: 2)
    reader, take = made.reader, made.reader.next_delivery

    def next_delivery(wait_s=0.0):
        """Just after the feed has found nothing, offsets 0 and 1 are delivered, and 2 and 3 are found to be gone."""
        try:
            return take(wait_s)
        except queue.Empty:
            reader.next_delivery = take
            reader.deliver()
            reader.gaps.put(Gap(("sft.0", 0), 2, 4))
            reader.positions["sft.0", 0] = 4
            raise

    reader.next_delivery = next_delivery
    made.feed.intake()
    assert sorted(flat(made.train())) == ["s0", "s1", "s4", "s5"]


def test_like_lengths_stand_together_in_a_batch_and_a_replay_keeps_their_order(bench):
    """So that micro-batches, and processes, have little padding."""
    names = ["aaaa", "b", "ccc", "d", "ee", "ffff", "g", "hhh"]
    log = spread(0) | {"sft.0": [encoded(name) for name in names]}
    broken = bench(log, batch_size=8)
    chosen = [["b", "d", "g", "ee", "ccc", "hhh", "aaaa", "ffff"]]
    assert broken.train() == chosen
    assert bench(log, epoch=2, batch_size=8).train() == chosen


def test_journalled_batches_larger_than_a_step_may_now_be_are_chosen_anew(bench):
    """Else a step that took too much memory would come again, whatever the settings."""
    log = spread(30)
    broken = bench(log, batch_size=8)
    state = broken.feed.snapshot()
    broken.journal.roll("c")
    broken.train(2)
    smaller = bench(log, state=state, epoch=2, checkpoint="c", batch_size=2)
    smaller.journal.roll("c")
    killed_again = smaller.train(3)
    again = bench(log, state=state, epoch=3, checkpoint="c", batch_size=2).train()
    assert again[:3] == killed_again
    assert max(map(len, again)) == 2
    assert sorted(flat(again)) == sorted(f"s{n}" for n in range(30)), "each once"


def test_a_bad_held_out_sample_is_dead_lettered_like_any_other(bench):
    made = bench(spread(0) | {"sft.0": [encoded("bad", split=Split.VALIDATION), encoded("v", split=Split.VALIDATION), encoded("a")]})

    def prepare(sample):
        if sample.sample_id == "bad":
            raise BadRecord(DeadLetterReason.UNTRAINABLE, "the completion is empty")
        return sample.sample_id

    made.reader.prepare = prepare
    assert flat(made.train()) == ["a"]
    assert list(made.feed.held_out.validation) == ["v"]
    assert made.letters.sent == [("sft.0", 0, DeadLetterReason.UNTRAINABLE)]


def test_a_held_out_prompt_that_cannot_be_asked_is_dead_lettered_and_one_too_long_to_train_on_is_asked(bench, monkeypatch):
    monkeypatch.setitem(BAND_TOPICS, Objective.PROMPT, [f"prompt.{band}" for band in range(BANDS)])
    prompts = [encoded(name, Objective.PROMPT, chosen=None, rejected=None) for name in ("refused", "long", "p")]
    made = bench(spread(0) | {"prompt.0": prompts, "sft.0": [encoded("a")]})
    reasons = {"refused": DeadLetterReason.UNTRAINABLE, "long": DeadLetterReason.TOO_LONG}

    def prepare(sample):
        if reason := reasons.get(sample.sample_id):
            raise BadRecord(reason, "no")
        return sample.sample_id

    made.reader.prepare = prepare
    assert flat(made.train()) == ["a"]
    assert list(made.feed.held_out.prompts) == ["long", "p"]
    assert made.letters.sent == [("prompt.0", 0, DeadLetterReason.UNTRAINABLE)]


def test_bad_records_are_dead_lettered_and_the_next_is_trained(bench):
    log = spread(0) | {"sft.0": [POISON, encoded("a"), b"", b"\xff\xfe", encoded("b", schema_version="9.0"), encoded("c")]}
    made = bench(log)
    assert flat(made.train()) == ["a", "c"]
    assert [(offset, reason.value) for _, offset, reason in made.letters.sent] == [
        (0, "bad_json"),
        (2, "empty"),
        (3, "bad_encoding"),
        (4, "unknown_version"),
    ]
    assert len(made.outcomes(Outcome.DEAD_LETTER)) == 4
    made.feed.rewind()
    assert flat(made.train()) == ["a", "c"]
    assert len(made.letters.sent) == 4, "a second pass dead-letters nothing again"


def test_what_a_killed_incarnation_sent_is_not_sent_again_but_counted(bench):
    made = bench(spread(0) | {"sft.0": [POISON, encoded("a")]}, already_sent=[("sft.0", 0, 0)])
    assert flat(made.train()) == ["a"]
    assert made.letters.sent == []
    assert len(made.outcomes(Outcome.DEAD_LETTER)) == 1


def test_a_step_that_was_undone_dead_letters_its_samples_and_a_replay_of_them_trains_once(bench):
    log = spread(0) | {"sft.0": [encoded("a"), encoded("b")]}
    made = bench(log, batch_size=2)
    bad = BadRecord(DeadLetterReason.NAN_LOSS, "not a number")
    made.feed.trained(made.next(), {"a": bad, "b": bad})
    log["sft.0"] += [encoded("a"), encoded("a")]
    assert flat(made.train()) == ["a"]


def test_the_trainer_s_dead_letters_are_counted_by_reason_each_once(bench):
    def counted() -> float:
        return REGISTRY.get_sample_value("pelton_dead_letters_total", {"node": "trainer", "reason": "bad_json"}) or 0.0

    before = counted()
    made = bench(spread(0) | {"sft.0": [POISON, encoded("a"), POISON]}, already_sent=[("sft.0", 2, 0), ("sft.0", 0, 2)])
    made.train()
    assert [offset for _, offset, _ in made.letters.sent] == [0]
    assert counted() - before == 1


def test_truncated_samples_are_counted_once_a_pass_and_told_of_at_first_with_their_lengths(bench, caplog):
    def counted() -> float:
        return REGISTRY.get_sample_value("pelton_truncated_samples_total", {"run_id": "cutting"}) or 0.0

    def prepare(sample: TrainingSample) -> Example:
        return Example([0] * 8, [0] * 8, truncated_from=0 if sample.sample_id == "whole" else 20)

    held_out = encoded("v", split=Split.VALIDATION)
    made = bench(spread(0) | {"sft.0": [encoded("a"), encoded("whole"), encoded("b"), encoded("a"), held_out]}, run_id="cutting")
    made.reader.prepare = prepare
    for passes in (1, 2):
        assert sorted(flat(made.train())) == ["a", "b", "whole"]
        assert counted() == 3 * passes
        made.feed.rewind()
    told = [record.getMessage() for record in caplog.records if "was cut" in record.getMessage()]
    assert told == ["sample a was cut from 20 to 8 tokens, 1 samples so far; all are counted in pelton_truncated_samples"]


def test_bad_records_among_good_ones_never_stop_a_node_and_nothing_but_bad_ones_do(bench, tmp_path):
    mixed = [value for n in range(60) for value in (encoded(f"s{n}"), POISON, POISON)]
    made = bench(spread(0) | {"sft.0": mixed})
    assert len(flat(made.train())) == 60
    bad = bench(spread(0) | {"sft.0": [encoded("s"), *[POISON] * 20]}, folder=tmp_path / "bad")
    with pytest.raises(TooManyDeadLetters):
        bad.train()


def test_held_out_samples_are_kept_and_not_trained(bench):
    made = bench(spread(0) | {"sft.0": [encoded("v", split=Split.VALIDATION), encoded("a"), encoded("other", run_id="another")]})
    assert flat(made.train()) == ["a"]
    assert list(made.feed.held_out.validation) == ["v"]
    assert (made.outcomes(Outcome.VALIDATION), made.outcomes(Outcome.FOREIGN)) == (["v"], ["other"])


def test_what_retention_took_is_recorded_in_the_checkpoint_without_what_was_trained(bench):
    log = spread(0) | {"sft.0": [encoded(f"s{n}") for n in range(10)]}
    first = bench(log, batch_size=2)
    first.train(1)
    state = first.feed.snapshot()
    state.position.partitions["sft.0:0"] = PartitionState(watermark=2, done=((4, 4),))
    made = bench(log, state=state, epoch=2, checkpoint="c", begins={"sft.0": 6})
    assert flat(made.train()) == [f"s{n}" for n in range(6, 10)]
    lost = [(loss.first, loss.last) for loss in made.feed.snapshot().position.data_losses]
    assert lost == [(2, 3), (5, 5)]
    assert made.feed.snapshot().position.partitions["sft.0:0"] == PartitionState(watermark=10)


def test_a_range_trains_its_offsets_alone_also_after_a_restart_and_in_every_pass(bench):
    log = spread(50)
    span = [encoded(f"x{n}") for n in range(10)]
    start = StartPoint(ranges=(feed_range("sft.2", 3, 6),))
    made = bench(log | {"sft.2": span}, start=start)
    assert flat(made.train(1)) == ["x3", "x4", "x5", "x6"]
    made.feed.rewind()
    again = bench(log | {"sft.2": span}, state=made.feed.snapshot(), epoch=2, checkpoint="c")
    assert flat(again.train()) == ["x3", "x4", "x5", "x6"]


def feed_range(topic: str, first: int, last: int):
    from trainer_node.intake.start_point import LogRange

    return LogRange(topic, 0, first, last)


def test_a_partly_filled_batch_is_trained_once_each_band_has_lingered_and_not_before(bench, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(feed_module.time, "monotonic", lambda: now[0])
    made = bench(spread(0) | {"sft.0": [encoded("a")]}, linger_s=2.0)

    def look() -> None:
        now[0] += 0.25
        made.reader.deliver()

    batch = made.feed.next_batch(lambda: False, look)
    assert [item.sample.sample_id for item in batch.items] == ["a"]
    assert 2.0 * BANDS <= now[0] - 100.0 <= (2.0 + 2 * 0.25) * BANDS  # each band that opens gets the linger time


def test_stopping_ends_the_wait_for_a_partly_filled_batch_and_leaves_its_samples_on_the_log(bench):
    made = bench(spread(0) | {"sft.0": [encoded("a")]}, linger_s=60.0)

    def look() -> None:
        made.reader.deliver()
        if made.feed.admission.positions[("sft.0", 0)].pending:
            made.feed.stopping.set()

    assert made.feed.next_batch(lambda: False, look) is None
    assert made.feed.snapshot().position.partitions["sft.0:0"] == PartitionState(watermark=0)
