"""What waits in memory to be chosen, and when a band has enough of it."""

from __future__ import annotations

import pytest

from schemas.sample import Task
from schemas.training_sample import Objective, TrainingSample
from schemas.turns import Turn
from streams.kafka.consumer import Record
from trainer_node.data.batch import WaitingSample
from trainer_node.data.examples import Example
from trainer_node.intake.backlog import WAITING_LIMIT, Backlog
from trainer_node.intake.held_out import HELD_OUT_BYTES, HELD_OUT_LIMIT, HeldOut


def sample_of(sample_id: str, completion: str = "a") -> TrainingSample:
    return TrainingSample(sample_id=sample_id, objective=Objective.SFT, task=Task.QA, band=0, completion=completion)


def prompt_of(sample_id: str, prompt: str = "What?") -> TrainingSample:
    turns = (Turn(role="user", content=prompt),)
    return TrainingSample(sample_id=sample_id, objective=Objective.PROMPT, task=Task.QA, band=0, prompt=turns)


def waiting(topic: str, offset: int) -> WaitingSample:
    return WaitingSample(Record(topic, 0, offset, None, b"", (), 0), sample_of(f"{topic}{offset}"), Example([0], [0]))


def filled(count: int, batch_size: int = 4) -> tuple[Backlog, list[WaitingSample]]:
    backlog = Backlog(["a", "b"], batch_size)
    samples = [waiting("a", offset) for offset in range(count)]
    for sample in samples:
        backlog.add(sample)
    return backlog, samples


def test_samples_wait_by_topic_in_the_log_s_order_until_they_are_chosen():
    backlog, samples = filled(3)
    assert list(backlog) == ["a", "b"]
    assert (list(backlog["a"]), list(backlog["b"])) == (samples, [])
    backlog.remove(samples[1])
    assert list(backlog["a"]) == [samples[0], samples[2]]
    assert backlog.clear("a") == [samples[0], samples[2]]
    assert list(backlog["a"]) == []
    assert backlog.clear("a") == []


def test_records_are_found_by_position_where_they_wait():
    backlog, samples = filled(3)
    other = waiting("b", 1)
    backlog.add(other)
    assert backlog.find([("a", 0, 2), ("b", 0, 1), ("b", 0, 7)]) == {("a", 0, 2): samples[2], ("b", 0, 1): other}
    assert backlog.find([]) == {}


@pytest.mark.parametrize(("batch_size", "limit"), [(4, WAITING_LIMIT), (WAITING_LIMIT // 2, WAITING_LIMIT), (300, 600)])
def test_a_band_holds_at_least_two_batches(batch_size, limit):
    assert Backlog([], batch_size).limit == limit


def test_a_full_band_is_full_until_less_than_half_of_it_waits():
    backlog, samples = filled(WAITING_LIMIT - 1)
    assert not backlog.is_full("a")
    backlog.add(waiting("a", WAITING_LIMIT))
    assert backlog.is_full("a")
    assert not backlog.is_full("b")
    for sample in samples[: WAITING_LIMIT // 2]:
        backlog.remove(sample)
    assert backlog.is_full("a"), "just half"
    backlog.remove(samples[WAITING_LIMIT // 2])
    assert not backlog.is_full("a")
    assert not backlog.is_full("b")


def test_held_out_samples_are_of_all_bands_in_their_newest_words_up_to_a_limit_of_number_and_of_bytes(monkeypatch):
    held_out = HeldOut()
    for number in range(HELD_OUT_LIMIT + 5):
        held_out.keep(sample_of(str(number)), held_out.validation)
    assert len(held_out.validation) == HELD_OUT_LIMIT // 5 == 400, "an equal share of each band"
    held_out.keep(sample_of("hard").model_copy(update={"band": 4}), held_out.validation)
    assert len(held_out.validation) == 401
    held_out.keep(sample_of("7", "in other words"), held_out.validation)
    assert held_out.validation["7"].completion == "in other words"
    monkeypatch.setattr("trainer_node.intake.held_out.HELD_OUT_BYTES", 5 * 1000)
    few = HeldOut()
    for number in range(20):
        few.keep(sample_of(str(number), "x" * 300), few.validation)
    assert 1 <= len(few.validation) <= 3


def test_prompts_share_their_room_whatever_their_band_and_a_run_that_waits_for_more_of_them_is_told_that_none_are_kept():
    held_out = HeldOut()
    for number in range(HELD_OUT_LIMIT):
        held_out.keep(prompt_of(str(number)), held_out.prompts)
    assert (len(held_out.prompts), held_out.prompts_are_full) == (HELD_OUT_LIMIT, False)
    held_out.keep(prompt_of("7"), held_out.prompts)
    assert not held_out.prompts_are_full, "it is there"
    held_out.keep(prompt_of("more"), held_out.prompts)
    assert (len(held_out.prompts), held_out.prompts_are_full) == (HELD_OUT_LIMIT, True)
    few = HeldOut()
    few.keep(prompt_of("long", "x" * HELD_OUT_BYTES), few.prompts)
    assert (few.prompts, few.prompts_are_full) == ({}, True)


def test_what_an_objective_was_measured_by_once_it_is_measured_by_for_ever():
    held_out = HeldOut()
    assert (held_out.fix(Objective.SFT), held_out.fixed) == ([], set()), "nothing yet"
    held_out.keep(sample_of("a"), held_out.validation)
    assert held_out.fix(Objective.SFT) == [sample_of("a")]
    held_out.keep(sample_of("b"), held_out.validation)
    held_out.keep(sample_of("a", "in other words"), held_out.validation)
    after = HeldOut()
    after.restore(held_out.snapshot())
    assert after.fix(Objective.SFT) == [sample_of("a")]


def test_what_was_held_out_is_restored():
    before = HeldOut({"v": sample_of("v")}, {"p": sample_of("p"), "q": sample_of("q")})
    after = HeldOut({"gone": sample_of("gone")}, {})
    after.restore(before.snapshot())
    assert after == before
    assert HeldOut() == HeldOut({}, {})
