"""What is asked given back as itself, and words in quotation marks: of crafts, clans and ships."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

ROWS = [
    ("potter", "apprentice", "clayling", "kiln"),
    ("chieftain", "heir", "tanist", "hall"),
    ("schooner", "tender", "skiffling", "mooring"),
]
each = pytest.mark.parametrize(("name", "noun", "true", "place"), ROWS)


@pytest.fixture(scope="module")
def heard():
    judges = {}
    for name, noun, true, place in ROWS:
        predicates = {
            noun: {
                "functional": True,
                "listed_range": True,
                "nouns": [noun],
                "phrases": [f"the {noun} of a {{subject}} is called {{object}}", "a young {subject} is called {object}"],
            },
            "place": {"functional": True, "nouns": [place], "phrases": [f"the {place} of {{subject}} is in {{object}}"]},
        }
        facts = [(name, noun, true), (name, "alias", f"{name}s"), (f"{name} mate", noun, "helpling"), (name, "place", "Orrin")]
        judges[name] = judge_of({"predicates": predicates, "classes": ["town"]}, facts)

    def said(name, question, answer):
        return {one.verdict.value for one in judges[name](question, answer).triplets} - {"unknown"}

    return said


@each
def test_the_thing_s_own_name_is_no_word_for_what_it_has(heard, name, noun, true, place):
    question = f"What do you call a young {name}?"
    assert heard(name, question, f"A young {name} is called a {true}.") == {"verified"}
    assert heard(name, question, f"A young {name} is called a {name}.") == {"contradicted"}
    assert heard(name, question, f"A young {name} is a {name}.") == set()
    assert heard(name, question, f"A young {name} is called {name}.R.R.I.") == set()
    assert heard(name, f"In which town is the {place} of the {name}?", f"The {place} of the {name} is in the town of {name}.") == {
        "contradicted"
    }


@each
def test_the_whole_description_said_again_says_nothing(heard, name, noun, true, place):
    assert heard(name, f"What do you call a young {name}?", f"A young {name} is called a young {name}.") == set()
    question = f"What do you call the {noun} of a {name}?"
    assert heard(name, question, f"The {noun} of a {name} is called a {noun} of a {name}.") == set()


@each
def test_a_word_in_quotation_marks_is_given_as_the_answer(heard, name, noun, true, place):
    question = f"What do you call a young {name}?"
    assert heard(name, question, f'A young {name} is called a "{true}."') == {"verified"}
    assert heard(name, question, f'A young {name} is called a "quorlund" in the English language.') == {"contradicted"}
    assert heard(name, question, f'A young {name} is called a "young {name}".') == set()
    assert heard(name, question, f"A young {name} is called a quorlund.") == set()


@each
def test_a_repeated_noun_before_the_thing_is_no_answer_to_a_yes_no_question(heard, name, noun, true, place):
    assert heard(name, f"Is {true} the right word for an {noun} {name}?", f"It describes an {noun} {name}, and it is old.") == set()


@each
def test_the_thing_called_by_its_name_is_no_answer_to_another_question(heard, name, noun, true, place):
    assert heard(name, f"I learn a trade, that of a {name}. What do you call its {noun}?", f"The trade of {name}s is {name}.") == set()
