"""What folding a name promises."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.knowledge.names import fold, words


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The Beatles", "beatles"),
        ("CAFÉ", "cafe"),
        ("Rosa’s", "Rosa"),
        ("Rosa 's", "Rosa"),
        ("Washington, D.C.", "Washington DC"),
        ("Washington D.C", "Washington, D. C."),
        ("U.S.A.", "USA"),
        ("J. R. R. Tolkien", "J.R.R. Tolkien"),
        ("Saint Helena", "St. Helena"),
        ("Port-au-Prince", "port au prince"),
        ("Simon & Garfunkel", "Simon and Garfunkel"),
        ("Łódź", "Lodz"),
        ("Straße", "Strasse"),
        ("N'Djamena", "Ndjamena"),
        ("Republic of the Congo", "Republic of Congo"),
        ("1,234,567", "1234567"),
    ],
)
def test_ways_of_writing_one_name_fold_to_the_same(left, right):
    assert fold(left) == fold(right)


@pytest.mark.parametrize(
    ("left", "right"), [("C", "C++"), ("C", "C#"), ("New York", "York"), ("Niger", "Nigeria"), ("1.5", "15"), ("東京", "京都")]
)
def test_different_names_stay_different(left, right):
    assert fold(left) != fold(right)


def test_a_name_made_of_the_alone_keeps_it():
    assert fold("The The") == "the"


def test_what_has_no_word_folds_to_nothing():
    assert fold(" -- !? ") == ""


@given(st.text(max_size=40))
@example("ŉ")
@example("İ")
@example("ﬀ's")
@example("A.B. C")
def test_folding_twice_changes_nothing(name):
    assert fold(fold(name)) == fold(name)


@given(st.text(alphabet="abcÉß'’.&, 12thes-", max_size=40))
def test_words_are_the_folded_name_and_know_where_they_stood(text):
    found = list(words(text))
    assert [word.text for word in found if word.text != "the"] == [part for part in fold(text).split() if part != "the"]
    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert all(left.end <= right.start for left, right in itertools.pairwise(found))


@given(st.lists(st.sampled_from([*"abZ St.;:-()\"!?/_19,'&+#\n", "saint", "mount", "the"]), max_size=20).map("".join))
def test_the_quick_way_for_plain_texts_gives_the_same_words(text):
    assert list(words(text)) == list(words(f"{text} …")), "what is not ASCII takes the other way, and this is no word"
