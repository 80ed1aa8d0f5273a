"""One phrase is one claim, whichever predicate's words it is in; what can be nothing else of a thing answers: in young, coins, houses."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of

ONTOLOGY = {
    "classes": ["animal", "land", "house", "palace", "town"],
    "predicates": {
        "kind": {"functional": True, "listed_range": True, "nouns": ["kind"],
                 "phrases": ["{subject} is a {object}", "{subject} is in {object}"]},
        "young": {"functional": True, "listed_range": True, "nouns": ["young"], "phrases": ["a baby {subject} is called {object}"]},
        "coin": {"functional": True, "listed_range": True, "nouns": ["coin", "money"], "phrases": ["the coin of {subject} is {object}"]},
        "town": {"functional": True, "nouns": ["town"], "phrases": ["{subject} is in {object}", "{subject} stands in {object}"]},
        "land": {"functional": True, "listed_range": True, "nouns": ["land"],
                 "phrases": ["{subject} is in {object}", "{subject} is a house in {object}"]},
        "built": {"functional": True, "value": "date", "nouns": ["year"], "phrases": ["{subject} was built in {object}"]},
    },
}  # fmt: skip
FACTS = [
    ("quoll", "kind", "hunter"), ("quoll", "young", "pouchling"), ("tamar", "kind", "grazer"), ("tamar", "young", "joeyling"),
    ("Ruritania", "coin", "krunn"), ("Sylvania", "coin", "dreb"),
    ("Harrow House", "town", "Melk"), ("Harrow House", "land", "Ruritania"), ("Harrow House", "built", "1712"),
    ("Vane House", "town", "Orsk"), ("Vane House", "land", "Sylvania"),
]  # fmt: skip
judged = pytest.fixture(scope="module")(lambda: judge_of(ONTOLOGY, FACTS))


def told(judged, question, answer):
    """Each claim that counts, by its predicate and verdict."""
    return {(one.triplet.predicate, one.verdict) for one in judged(question, answer).triplets}


@pytest.mark.parametrize(
    ("question", "answer", "predicate", "right", "wrong"),
    [
        ("What is a baby quoll called?", "It's a {}.", "young", "pouchling", "joeyling"),
        ("What is a baby quoll called?", "The young of a quoll is a {}.", "young", "pouchling", "joeyling"),
        ("What is a baby quoll called?", "A {} is a baby quoll.", "young", "pouchling", "joeyling"),
        ("What is the coin of Ruritania?", "The {} is used in Ruritania.", "coin", "krunn", "dreb"),
        ("In which town is Harrow House?", "It's a house in {}.", "town", "Melk", "Orsk"),
        ("In which town is Harrow House?", "It is a palace in {}.", "town", "Melk", "Orsk"),
        ("In which town is Harrow House?", "It was built in {}.", "town", "Melk", "Orsk"),
    ],
)
def test_a_phrase_that_answers_is_no_second_claim_by_another_predicate(judged, question, answer, predicate, right, wrong):
    assert told(judged, question, answer.format(right)) == {(predicate, Verdict.VERIFIED)}
    assert told(judged, question, answer.format(wrong)) == {(predicate, Verdict.CONTRADICTED)}


def test_where_something_is_is_true_of_what_it_is_true_of(judged):
    assert told(judged, "Where is Harrow House?", "It's a palace in Melk.") == {("town", Verdict.VERIFIED)}
    assert told(judged, "Where is Harrow House?", "It's a palace in Ruritania.") == {("land", Verdict.VERIFIED)}
    assert told(judged, "Where is Harrow House?", "It was built in Melk.") == {("town", Verdict.VERIFIED)}, "a place is no date"


def test_what_is_said_besides_stays_a_claim(judged):
    claims = judged("In which town is Harrow House?", "Harrow House is in Melk, and Ida Roe adores Melk.").triplets
    assert [one.verdict for one in claims].count(Verdict.UNKNOWN) == 1
