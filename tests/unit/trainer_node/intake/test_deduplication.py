"""A sample that comes twice trains once, whatever its offset; after a crash the record that the journal names is the one."""

from __future__ import annotations

import pytest

from schemas.training_sample import Objective
from trainer_node.commit.journal import JournalEntry
from trainer_node.intake.deduplication import Deduplicator, key_of

SFT, PREFERENCE = Objective.SFT, Objective.PREFERENCE
HERE, THERE = ("sft.0", 0, 7), ("sft.1", 0, 3)


@pytest.fixture
def known() -> Deduplicator:
    return Deduplicator(3)


def test_what_waits_or_was_taken_comes_no_second_time_from_anywhere(known):
    assert not known.is_duplicate(SFT, "a", HERE)
    known.wait(SFT, "a")
    assert known.is_duplicate(SFT, "a", THERE)
    known.take(SFT, "a")
    assert known.is_duplicate(SFT, "a", HERE)
    assert known.is_duplicate(SFT, "a", THERE)
    assert not known.is_duplicate(SFT, "b", HERE)
    assert len(known) == 1


def test_an_answer_and_a_preference_of_one_id_are_two_samples(known):
    known.take(SFT, "a")
    assert not known.is_duplicate(PREFERENCE, "a", HERE)
    known.untake(PREFERENCE, "a")
    assert known.is_duplicate(SFT, "a", HERE)


def test_what_waits_no_longer_and_what_was_not_trained_on_may_come_again(known):
    known.wait(SFT, "a")
    known.unwait(SFT, "a")
    assert not known.is_duplicate(SFT, "a", HERE)
    known.take(SFT, "b")
    known.untake(SFT, "b")
    assert not known.is_duplicate(SFT, "b", HERE)
    known.unwait(SFT, "never waited")
    known.untake(SFT, "never taken")


def test_what_was_taken_waits_no_longer(known):
    known.wait(SFT, "a")
    known.take(SFT, "a")
    known.untake(SFT, "a")
    assert not known.is_duplicate(SFT, "a", HERE)


def test_the_memory_holds_the_newest_up_to_its_horizon(known):
    for sample in "abcd":
        known.take(SFT, sample)
    assert len(known) == known.horizon == 3
    assert [known.is_duplicate(SFT, sample, HERE) for sample in "abcd"] == [False, True, True, True]


def test_a_new_pass_takes_every_sample_once_again(known):
    known.take(SFT, "a")
    known.new_pass(SFT)
    assert not known.is_duplicate(SFT, "a", HERE)


def journalled(known: Deduplicator) -> None:
    known.expect([JournalEntry(1, 1, "sft", 0, [(*HERE, "a")]), JournalEntry(2, 1, "preference", 0, [(*THERE, "a")])])


def test_after_a_crash_only_the_record_that_the_journal_names_is_taken(known):
    journalled(known)
    assert known.is_duplicate(SFT, "a", THERE)
    assert not known.is_duplicate(SFT, "a", HERE)
    assert not known.is_duplicate(PREFERENCE, "a", THERE)
    known.take(SFT, "a")
    assert known.is_duplicate(SFT, "a", HERE), "taken, it is a duplicate also at its own position"


def test_a_journalled_sample_that_will_not_come_may_be_taken_from_elsewhere(known):
    journalled(known)
    known.give_up("sft", "a")
    assert not known.is_duplicate(SFT, "a", THERE)
    assert known.is_duplicate(PREFERENCE, "a", HERE)
    known.give_up("sft", "never journalled")
    known.take(SFT, "never journalled")


def test_after_a_crash_a_record_under_the_former_id_of_a_journalled_sample_is_its_duplicate(known):
    known.expect([JournalEntry(1, 1, "sft", 0, [(*HERE, "new")], {"old": "new"})])
    assert known.is_duplicate(SFT, "old", THERE), "it comes first, and is trained under its new id"
    assert not known.is_duplicate(SFT, "new", HERE, "old")
    known.take(SFT, "new", "old")
    assert known.is_duplicate(SFT, "old", THERE)


def test_where_the_journalled_sample_will_not_come_its_former_id_is_free(known):
    known.expect([JournalEntry(1, 1, "sft", 0, [(*HERE, "new")], {"old": "new"})])
    known.give_up("sft", "new")
    assert not known.is_duplicate(SFT, "old", THERE)


def test_keys_are_64_bits_of_objective_and_id():
    assert len({key_of(objective, sample) for objective in ("sft", "preference") for sample in ("a", "b")}) == 4
    keys = [key_of("sft", str(number)) for number in range(100)]
    assert 2**60 < max(keys) < 2**64
    assert key_of("sft", "\ud800") != key_of("sft", "?"), "half of a surrogate pair, which JSON lets through"


def test_a_record_under_the_id_that_a_sample_had_before_is_its_duplicate_in_either_order(known):
    known.take(SFT, "old")
    assert known.is_duplicate(SFT, "new", HERE, "old")
    known.new_pass(SFT)
    known.wait(SFT, "new", "old")
    assert known.is_duplicate(SFT, "old", THERE)
    known.take(SFT, "new", "old")
    assert known.is_duplicate(SFT, "old", THERE)
    known.untake(SFT, "new", "old")
    assert not known.is_duplicate(SFT, "old", THERE)
    known.take_former(SFT, "old")
    assert known.is_duplicate(SFT, "old", THERE)
    known.new_pass(SFT)
    assert not known.is_duplicate(SFT, "old", THERE)


def test_samples_that_had_one_id_before_and_have_two_now_are_two(known):
    known.wait(SFT, "gold a", "old")
    assert not known.is_duplicate(SFT, "gold b", HERE, "old")
    known.take(SFT, "gold a", "old")
    assert not known.is_duplicate(SFT, "gold b", HERE, "old")
    known.wait(SFT, "gold b", "old")
    known.unwait(SFT, "gold b", "old")
    known.wait(SFT, "gold c", "old")
    known.wait(SFT, "gold d", "old")
    known.unwait(SFT, "gold c", "old")
    known.new_pass(SFT)
    assert known.is_duplicate(SFT, "old", HERE), "one of them still waits"


def test_a_journalled_record_of_the_id_before_is_trained_and_its_successor_is_not(known):
    journalled(known)
    assert known.is_duplicate(SFT, "new", THERE, "a")
    assert not known.is_duplicate(SFT, "a", HERE)
