"""What is remembered of ids: the latest ones, each once, never more than was asked for."""

from __future__ import annotations

from streams.recent_ids import RecentIds


def test_an_id_is_new_once():
    ids: RecentIds[str] = RecentIds(10)
    assert [ids.add(each) for each in "abab"] == [True, True, False, False]
    assert ("a" in ids, "c" in ids, len(ids)) == (True, False, 2)


def test_the_one_added_longest_ago_is_forgotten_first_and_is_new_again():
    ids: RecentIds[int] = RecentIds(3)
    for each in (1, 2, 3, 1, 4):  # the second 1 is a repeat: it stays the oldest
        ids.add(each)
    assert [each for each in range(1, 5) if each in ids] == [2, 3, 4]
    assert ids.add(1)
    assert [each for each in range(1, 5) if each in ids] == [1, 3, 4]


def test_what_was_discarded_or_cleared_is_new_again():
    ids: RecentIds[str] = RecentIds(2)
    ids.add("a")
    ids.discard("a")
    ids.discard("never there")
    assert "a" not in ids
    assert ids.add("a")
    ids.clear()
    assert len(ids) == 0
    assert ids.add("a")
