"""Words in names that say of what kind they are: of theatres, vaccines and telescopes."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

ROWS = [
    ("Gorran", "stage play", "theatre", "Theatre of Northwold", "Kemmel Theatre", "designed"),
    ("Ilvax", "trial vaccine", "university", "University of Brenholm", "Oslund University", "developed"),
    ("Tessara", "mirror telescope", "observatory", "Observatory of Pell", "Harrow Observatory", "constructed"),
]
each = pytest.mark.parametrize(("name", "kind", "noun", "true", "other", "verb"), ROWS)


@pytest.fixture(scope="module")
def heard():
    judges = {}
    for name, kind, noun, true, other, verb in ROWS:
        ontology = {
            "classes": [kind],
            "predicates": {
                "maker": {
                    "functional": True,
                    "nouns": ["author"],
                    "phrases": [f"{{subject}} was {verb} by {{object}}", f"{{object}} {verb} {{subject}}"],
                },
                "beside": {"phrases": ["{subject} is overlooked by {object}"]},
                "place": {"functional": True, "listed_range": True, "nouns": [noun], "phrases": [f"{{subject}} was {verb} at {{object}}"]},
            },
        }  # fmt: skip
        facts = [(name, "place", true), ("Quendel", "place", other), (name, "maker", "Ada Lund")]
        judges[name] = judge_of(ontology, facts)

    def said(name, question, answer):
        return {one.verdict.value for one in judges[name](question, answer).triplets} - {"unknown"}

    return said


@each
def test_a_class_of_several_words_behind_a_name_leaves_it_what_it_is(heard, name, kind, noun, true, other, verb):
    question = f"Name the author of the {name} {kind}."
    assert heard(name, question, f"The author of the {name} {kind} is Elmo Hask.") == {"contradicted"}
    assert heard(name, question, f"The author of the {name} {kind} is Ada Lund.") == {"verified"}


@each
def test_which_noun_asks_for_what_goes_by_that_noun_alone(heard, name, kind, noun, true, other, verb):
    question = f"At which company or {noun} was {name} {verb}?"
    assert heard(name, question, f"{name} was {verb} at the {true}.") == {"verified"}
    assert heard(name, question, f"{name} was {verb} at the {noun.title()} of Quorlund at Westby.") == {"contradicted"}
    assert heard(name, question, f"{name} was {verb} by a team of people at the {noun.title()} of Quorlund.") == {"contradicted"}


@each
def test_two_names_with_one_noun_are_two_and_a_longer_one_of_the_same_may_be_it(heard, name, kind, noun, true, other, verb):
    assert heard(name, f"Tell me about {name}.", f"{name} was {verb} at the {noun.title()} of Quorlund.") == {"contradicted"}
    assert heard(name, f"Tell me about {name}.", f"{name} was {verb} at the Royal {true}.") <= {"verified"}


@each
def test_the_noun_is_the_relation_s_own_behind_which_words_ever_its_thing_stands(heard, name, kind, noun, true, other, verb):
    question = f"Which {noun} is behind {name}?"
    assert heard(name, question, f"The {noun} behind {name} is the Hall of Weights and Measures.") == {"contradicted"}
    assert heard(name, question, f"The {noun} behind {name} is the {true}.") == {"verified"}


@each
def test_a_name_that_another_relation_says_is_no_answer(heard, name, kind, noun, true, other, verb):
    question = f"At which {noun} was the {kind} {name} {verb}?"
    assert heard(name, question, f"The {kind} {name} is overlooked by the Westing {noun.title()}.") == set()
