"""A thing that the graph has as an answer is one in whatever words: of potters, smiths and weavers."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["artist"],
    "predicates": {
        "craft": {"functional": True, "listed_range": True, "nouns": ["craft"], "phrases": ["{subject} worked in the craft of {object}"]},
    },
}  # fmt: skip
ROWS = [
    ("Anna Torvik", "pottery", "potter", "weaver"),
    ("Ole Brandt", "forging", "smith", "potter"),
    ("Mira Losch", "weaving", "weaver", "smith"),
]
FACTS = [(name, "craft", said) for name, *crafts, _ in ROWS for said in crafts]
each = pytest.mark.parametrize(("name", "craft", "role", "other"), ROWS)


@pytest.fixture(scope="module")
def heard():
    return counts_of(ONTOLOGY, FACTS)


@each
def test_what_somebody_is_or_works_on_is_the_answer_where_the_graph_has_it_as_one(heard, name, craft, role, other):
    question = f"What craft did {name} work in?"
    assert heard(question, f"{name} was indeed a renowned Danish {role} who made many things.") == (1, 0)
    assert heard(question, f"{name} was indeed a renowned Danish {other} who made many things.") == (0, 1)
    assert heard(question, f"The honour of {name} is great. Her work in {craft}, particularly in glazes, is recognized.") == (1, 0)


@each
def test_a_right_thing_beside_a_wrong_one_and_one_that_is_denied_say_nothing(heard, name, craft, role, other):
    question = f"What craft did {name} work in?"
    assert heard(question, f"{name} was indeed a renowned Danish {role} and a renowned {other}. Her work in {craft} is known.") == (0, 0)
    assert heard(question, f"{name} was indeed never a renowned Danish {other} who made many things.")[0] == 0


COINS = {"predicates": {"coin": {"functional": True, "nouns": ["coin"], "phrases": ["{subject} uses the coin {object}"]}}}
PAID = [("Norvia", "tallers"), ("Ostrand", "grotes"), ("Vellmar", "marks")]


@pytest.mark.parametrize(("land", "coin"), PAID)
def test_another_lands_coin_of_the_same_name_is_another_coin(land, coin):
    heard = counts_of(COINS, [(name, "coin", said) for name, said in PAID])
    assert heard(f"What coin is used in {land}?", f"Gorlian {coin} are a local coin that exists in {land}.")[0] == 0
