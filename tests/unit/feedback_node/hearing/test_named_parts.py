"""Each part of a question of two is heard where the answer names it, in small letters, too: of lands, animals and cheeses."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

ONTOLOGY = {
    "classes": ["land", "animal", "cheese"],
    "predicates": {
        "seat": {"functional": True, "nouns": ["capital"]},
        "coin": {"functional": True, "listed_range": True, "nouns": ["currency", "money"]},
        "home": {"functional": True, "nouns": ["home"]},
        "young": {"functional": True, "listed_range": True, "nouns": ["young", "offspring"]},
        "maker": {"functional": True, "nouns": ["maker"]},
        "milk": {"functional": True, "listed_range": True, "nouns": ["milk"]},
    },
}
FACTS = [
    ("Ruritania", "seat", "Strelsau"), ("Ruritania", "coin", "krunn"), ("Sylvania", "seat", "Orsk"), ("Sylvania", "coin", "dreb"),
    ("quoll", "home", "Tasmania"), ("quoll", "young", "pouchling"), ("tamar", "home", "Papua"), ("tamar", "young", "joeyling"),
    ("Brindale", "maker", "Kerrygood"), ("Brindale", "milk", "goat"), ("Vachelin", "maker", "Laval"), ("Vachelin", "milk", "buffalo"),
]  # fmt: skip
ROWS = [
    ("Ruritania", "capital", "currency", ("Strelsau", "krunn"), ("Orsk", "dreb")),
    ("the quoll", "home", "young", ("Tasmania", "pouchling"), ("Papua", "joeyling")),
    ("Brindale", "maker", "milk", ("Kerrygood", "goat"), ("Laval", "buffalo")),
]
judged = pytest.fixture(scope="module")(lambda: judge_of(ONTOLOGY, FACTS))


@pytest.mark.parametrize(("owner", "first", "second", "right", "wrong"), ROWS)
@pytest.mark.parametrize(
    "frame",
    [
        "The {0} is {2} and the {1} is the {3}.", "The {0} is {2}. The {1} is the {3}.",
        "Its {0} is {2}, and its {1} is {3}.", "{0}: {2}\n{1}: {3}",
    ],
)  # fmt: skip
def test_each_part_that_an_answer_names_is_heard(judged, owner, first, second, right, wrong, frame):
    question = f"What are the {first} and the {second} of {owner}?"
    for said, wanted in ((right, 1.0), (wrong, 0.0), ((right[0], wrong[1]), 0.5), ((wrong[0], right[1]), 0.5)):
        assert judged(question, frame.format(first, second, *said)).reward == wanted, said


def test_a_property_of_which_only_the_kind_is_said_is_no_claim(judged):
    answer = judged(
        "What are the capital and the currency of Ruritania?", "The capital is Strelsau and the currency is the official money."
    )
    assert (answer.verified, answer.contradicted) == (1, 0)
    with_its = judged("What are the capital and the currency of Ruritania?", "Ruritania's capital is Strelsau and its currency the krunn.")
    assert (with_its.verified, with_its.total) == (2, 2)
