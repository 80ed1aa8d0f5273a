"""A group's state is told from a window of looks, in Burrow's words; a band that pacing keeps closed is none of them."""

from __future__ import annotations

import pytest

from streams.kafka.lag import commit_note, rows_of
from streams.kafka.lag_words import Look, Word, per_second, word_for


def window(*looks: tuple[int | None, int], every: float = 10.0) -> list[Look]:
    return [Look(number * every, committed, lag) for number, (committed, lag) in enumerate(looks)]


CASES = {
    "at the end": ([(10, 0), (10, 0)], Word.OK),
    "at the end once within the window": ([(10, 0), (10, 5), (10, 9)], Word.OK),
    "reads and catches up": ([(10, 50), (30, 40), (60, 20)], Word.OK),
    "reads and the lag stays": ([(10, 50), (30, 50), (60, 50)], Word.WARN),
    "reads and the lag grows": ([(10, 50), (30, 60), (60, 60)], Word.WARN),
    "commits nothing and the lag grows": ([(10, 50), (10, 60), (10, 70)], Word.STALL),
    "commits nothing and the lag stays": ([(10, 50), (10, 50)], Word.STALL),
    "has never committed": ([(None, 50), (None, 50)], Word.STALL),
    "went back": ([(30, 5), (10, 25), (20, 15)], Word.REWIND),
    "one look": ([(10, 50)], Word.OK),
}


@pytest.mark.parametrize("case", CASES)
def test_of_a_group_with_members(case: str):
    looks, word = CASES[case]
    assert word_for(window(*looks), has_members=True) is word


@pytest.mark.parametrize(("looks", "word"), [([(10, 50)], Word.STOP), ([(10, 50), (10, 50)], Word.STOP), ([(10, 0)], Word.OK)])
def test_a_group_without_members_has_stopped_where_something_waits(looks, word):
    assert word_for(window(*looks), has_members=False) is word


def test_a_closed_band_and_a_trainer_between_two_checkpoints_are_no_fault():
    behind = window((10, 50), (10, 60), (10, 70))
    assert word_for(behind, has_members=True, closed=True) is Word.CLOSED
    assert word_for(behind, has_members=True, every_s=300.0) is Word.OK
    assert word_for(behind, has_members=True, every_s=9.0) is Word.STALL
    assert word_for(window((30, 5), (10, 25)), has_members=True, rewinds=True) is Word.OK, "a pass begins with a rewind"


def test_the_trend_is_what_the_lag_grows_by_in_a_second():
    assert per_second(window((10, 50), (10, 70))) == 2.0
    assert per_second(window((10, 50))) is None


@pytest.mark.parametrize("note", ["every=abc", "every=1e400", "every=", "x every=-3", "every=inf", "\x00", "closedish"])
def test_what_others_commit_beside_their_offsets_says_nothing(note):
    row = parsed(note)
    assert (row.closed, row.every_s) == (False, 0.0)


def test_a_trainer_s_note_is_read_back():
    assert (parsed(commit_note(True, 300)).closed, parsed(commit_note(True, 300)).every_s) == (True, 300.0)
    assert (parsed(commit_note(False, 12.5)).closed, parsed(commit_note(False, 12.5)).every_s) == (False, 12.5)


def parsed(note: str):
    from kafka import OffsetAndMetadata, TopicPartition

    tp = TopicPartition("t", 0)
    return rows_of("g", {tp: OffsetAndMetadata(5, note, -1)}, {tp: 7}, {tp: 9})[0]


def test_what_retention_took_is_lost_and_no_lag():
    row = parsed("")
    assert (row.committed, row.lag, row.lost, row.first) == (5, 2, 2, 7)
