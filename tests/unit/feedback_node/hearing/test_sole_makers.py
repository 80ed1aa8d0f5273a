"""Who made it, and what kind of thing an answer calls itself: in comic heroes, beers and telescopes."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["hero", "character", "beer", "telescope", "brewery", "comic"],
    "predicates": {
        "creator": {"functional": True, "nouns": ["creator"], "verbs": ["create"], "phrases": ["{subject} was created by {object}"]},
        "city": {"functional": True, "listed_range": True, "nouns": ["city"], "phrases": ["{subject} is in {object}"]},
        "era": {"functional": True, "listed_range": True, "nouns": ["era"], "phrases": ["{subject} is from {object}"]},
        "material": {"functional": True, "nouns": ["material"], "phrases": ["{subject} is made of {object}"]},
    },
}
NAMES = [("Captain Vale", "hero"), ("Oldbrew", "beer"), ("Orrin Reflector", "telescope")]
MAKERS = {"Captain Vale": "Mira Holt", "Oldbrew": "Jonas Berg", "Orrin Reflector": "Ada Quill"}
FACTS = [
    *((name, "creator", maker) for name, maker in MAKERS.items()),
    *((name, "city", city) for (name, _), city in zip(NAMES, ("Aldport", "Bruck", "Corvale"), strict=True)),
    *((name, "material", "bronze") for name, _ in NAMES),
    *((name, "era", era) for name, _ in NAMES for era in ("Late Tarnic", "Tarnic")),
    ("Old Lamp", "era", "Early Tarnic"),
]
each = pytest.mark.parametrize(("name", "kind"), NAMES)


@pytest.fixture(scope="module")
def heard():
    return counts_of(ONTOLOGY, FACTS)


@each
def test_one_name_by_whom_it_is_is_its_maker_whoever_that_is(heard, name, kind):
    question = f"Who created {name}?"
    assert heard(question, f"{name} is a classic {kind} by the famous French writer and artist, Remy Lacroix.") == (0, 1)
    assert heard(question, f"{name} is a product of the Harkin Works, a firm in the north.")[1] == 1
    assert heard(question, f"The {kind} is by Remy Lacroix.") == (0, 1)


@each
def test_whose_a_thing_is_asks_who_made_it(heard, name, kind):
    assert heard(f"Whose {kind} is {name}?", f"The {kind} is {name} by Remy Lacroix.") == (0, 1)
    assert heard(f"Whose {kind} is {name}?", "Remy Lacroix.") == (0, 1)
    assert heard(f"Whose {kind} is {name}?", f"{name} is by {MAKERS[name]}.") == (1, 0)


@each
def test_who_made_another_thing_or_did_another_deed_is_no_maker(heard, name, kind):
    question = f"Who created {name}?"
    for answer in (
        f"The cover of {name} by Remy Lacroix is famous.",
        f'The {kind} is "The Blue Hour" by Remy Lacroix.',
        f"{name} was often played by Remy Lacroix.",
        f"{name} was created by an Italian.",
    ):
        assert heard(question, answer) == (0, 0), answer


@each
def test_an_answer_that_says_that_it_is_of_the_kind_asked_for_is_one(heard, name, kind):
    question = f"In which city is {name}?"
    assert heard(question, f"{name} is located in the northern city of Marrow.") == (0, 1)
    assert heard(question, f"{name} is located in the city {name}.") == (0, 1)
    assert heard(question, f"{name} is located near the city of Marrow.") == (0, 0)
    assert heard(question, f"{name} is located in the Marrow Hills.") == (0, 0)


@each
def test_a_thing_called_by_a_word_in_small_letters_is_that_word(heard, name, kind):
    question = f"What material is {name} made of?"
    assert heard(question, f"{name} is made of a hard material called pewter, which is grey.")[1] == 1
    assert heard(question, f"{name} is made of a hard material called a material.")[1] == 0


@each
def test_another_part_of_what_is_true_is_not_the_true_part(heard, name, kind):
    question = f"From which era is {name}?"
    assert heard(question, f"{name} is from the Early Tarnic.") == (0, 1)
    assert heard(question, f"{name} is from the Late Tarnic.") == (1, 0)
    assert heard(question, f"{name} is from the Tarnic.") == (1, 0)
