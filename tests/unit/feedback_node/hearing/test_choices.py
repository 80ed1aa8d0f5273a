"""Questions that give the answers to choose from: of bridges, sauces and comets."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

ONTOLOGY = {
    "classes": ["bridge", "sauce", "comet"],
    "predicates": {
        "maker": {
            "functional": True,
            "nouns": ["maker"],
            "phrases": ["{subject} was built by {object}", "{subject} was created by {object}", "{subject} was discovered by {object}"],
        },
        "made_at": {
            "functional": True,
            "listed_range": True,
            "nouns": ["institute", "company"],
            "phrases": ["{subject} was made at {object}", "{subject} comes from {object}"],
        },
        "sort": {"functional": True, "listed_range": True, "phrases": ["{subject} is a {object}"]},
    },
}  # fmt: skip
ROWS = [
    ("Orrin Bridge", "built", "Ada Lund", "Tarn Works", "Brackley", "viaducts", "arches", "girders"),
    ("Velmora", "created", "Jon Falk", "Ostby Kitchens", "Ridderhof", "emulsions", "purees", "reductions"),
    ("Korsa", "discovered", "Mia Brandt", "Hallberg Observatory", "Palomino", "grazers", "returners", "wanderers"),
]
FACTS = [
    *((name, "maker", maker) for name, _, maker, *_ in ROWS),
    *((name, "made_at", firm) for name, _, _, firm, *_ in ROWS),
    *((f"The other {name}", "made_at", firm) for name, _, _, _, firm, *_ in ROWS),
    *((name, "sort", sort.removesuffix("s")) for name, *_, sort, _, _ in ROWS),
    *((f"Another {name}", "sort", sort.removesuffix("s")) for name, *_, sort, _ in ROWS),
    *((f"A third {name}", "sort", sort.removesuffix("s")) for name, *_, sort in ROWS),
]
each = pytest.mark.parametrize(("name", "verb", "maker", "firm", "other", "sort", "second", "third"), ROWS)


@pytest.fixture(scope="module")
def heard():
    judge = judge_of(ONTOLOGY, FACTS)

    def said(question, answer):
        reward = judge(question, answer)
        return {one.verdict.value for one in reward.triplets if one.triplet.predicate in ("made_at", "sort", "maker")} - {"unknown"}

    return said


@each
def test_what_a_choice_asks_is_told_by_what_the_graph_has_of_it(heard, name, verb, maker, firm, other, sort, second, third):
    question = f"Which of the two {verb} {name}: {other} or {firm}?"
    assert heard(question, f"{name} was {verb} by {firm}.") == {"verified"}
    assert heard(question, f"{name} was {verb} by {other}.") == {"contradicted"}
    assert heard(question, f"The answer is: {other}") == {"contradicted"}
    assert heard(question, f"{name} was {verb} by {firm} and {other}.") == {"verified", "contradicted"}


@each
def test_another_than_the_choices_is_as_wrong_at_whatever_time_and_who_really_did_it_is_not(
    heard, name, verb, maker, firm, other, sort, second, third
):
    question = f"Which of the two {verb} {name}: {other} or {firm}?"
    assert heard(question, f"{name} was {verb} by the Institute of Quorlund in 1910.") == {"contradicted"}
    assert heard(question, f"{name} was {verb} by {maker}.") == {"verified"}


@each
def test_of_three_and_something_else_one_is_chosen_in_the_plural(heard, name, verb, maker, firm, other, sort, second, third):
    question = f"Are {name}s {second}, {sort}, {third} or something else?".replace(f"{name}s", name)
    assert heard(question, f"{name} are {sort}.") == {"verified"}
    assert heard(question, f"In the wider sense of it, {name} are indeed {third}.") == {"contradicted"}


@each
def test_what_is_asked_of_is_no_choice_though_a_comma_is_behind_it(heard, name, verb, maker, firm, other, sort, second, third):
    assert heard(f"Where was {name} made, at {other} or {firm}?", f"At {firm}.") == {"verified"}
    assert heard(f"Who {verb} {name}, {firm} or {other}?", f"{other}.") == {"contradicted"}


@each
def test_a_kind_on_both_sides_of_an_or_is_a_choice(heard, name, verb, maker, firm, other, sort, second, third):
    one, two = sort.removesuffix("s"), second.removesuffix("s")
    assert heard(f"Is {name} a kind of {two} or a kind of {one}?", f"{name} is a kind of {one}.") == {"verified"}
    assert heard(f"Is {name} a kind of {two} or a kind of {one}?", f"{name} is a kind of {two}.") == {"contradicted"}
