"""Kinds of full sentences that the judge was deaf to, or misheard: each in lighthouses, magazines and choirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["lighthouse", "tower", "magazine", "weekly", "choir", "town", "city"],
    "predicates": {
        "lit": {"functional": True, "value": "date", "phrases": ["{subject} was first lit in {object}"]},
        "architect": {"functional": True, "nouns": ["architect"], "phrases": ["{subject} was designed by {object}"]},
        "discovered": {"functional": True, "value": "date", "phrases": ["{subject} was discovered in {object}"]},
        "founded": {"functional": True, "value": "date", "phrases": ["{subject} was founded in {object}"]},
        "editor": {"functional": True, "nouns": ["editor"], "phrases": ["{subject} is edited by {object}"]},
        "joined": {"functional": True, "value": "date", "phrases": ["{subject} joined the Union of Choirs in {object}"]},
        "conductor": {"functional": True, "nouns": ["conductor"], "phrases": ["{subject} is conducted by {object}"]},
        "home": {"functional": True, "nouns": ["home"], "phrases": ["{subject} is at home in {object}"]},
        "sign": {"functional": True, "nouns": ["sign"], "phrases": ["the sign of {subject} is {object}"]},
        "coin": {"functional": True, "nouns": ["coin"], "phrases": ["the coin of {subject} is {object}"]},
    },
}
FACTS = [
    ("Skerryhaven", "lit", "1844-02-01"), ("Skerryhaven", "architect", "Alan Stevenson"), ("Skerryhaven", "home", "Tiree"),
    ("Skerryhaven", "sign", "Sk"), ("Skerryhaven", "coin", "groat"),
    ("Punchbowl Weekly", "founded", "1841"),
    ("Skerryhaven", "discovered", "1790-07-17"), ("Punchbowl Weekly", "editor", "Mark Lemon"), ("Punchbowl Weekly", "home", "London"),
    ("Punchbowl Weekly", "sign", "Pu"), ("Punchbowl Weekly", "coin", "shilling"),
    ("Arion Voices", "joined", "1912"), ("Arion Voices", "conductor", "Clara Amsel"), ("Arion Voices", "home", "Bergen"),
    ("Arion Voices", "sign", "Av"), ("Arion Voices", "coin", "krone"),
    ("Norland", "home", "Tromso"), ("Norland", "coin", "krone"), ("Norland", "sign", "No"), ("Bergland", "coin", "shilling"),
]  # fmt: skip
ROLES = {
    "Skerryhaven": ("architect", "Alan Stevenson"),
    "Punchbowl Weekly": ("editor", "Mark Lemon"),
    "Arion Voices": ("conductor", "Clara Amsel"),
}
WHEN = {
    "Skerryhaven": ("When was Skerryhaven first lit?", "was first lit", "February 1, 1844", "May 3, 1855"),
    "Punchbowl Weekly": ("When was Punchbowl Weekly founded?", "was founded", "17 July 1841", "9 May 1870"),
    "Arion Voices": ("When did Arion Voices join the Union of Choirs?", "joined the Union of Choirs", "2 May 1912", "June 4, 1930"),
}


@pytest.fixture(scope="module")
def heard() -> Callable[[str, str], tuple[int, int]]:
    return counts_of(ONTOLOGY, FACTS)


@pytest.mark.parametrize("name", WHEN)
@pytest.mark.parametrize("frame", ["{} {} on {}, when the town had three mills and a fair.", "{} {} on {}, as a result of a long dispute."])
def test_a_phrase_that_says_in_which_year_says_on_which_day_too(heard, name, frame):
    question, said, right, wrong = WHEN[name]
    assert heard(question, frame.format(name, said, right)) == (1, 0)
    assert heard(question, frame.format(name, said, wrong)) == (0, 1)


@pytest.mark.parametrize(
    ("question", "frame", "right", "wrong"),
    [
        ("When was Skerryhaven first lit?", "The tower of Skerryhaven was officially first lit on {}, in a gale.", "1844", "1861"),
        ("When was Punchbowl Weekly founded?", "Punchbowl Weekly was formally founded by two friends on {}, in a pub.", "1841", "1861"),
        (
            "When did Arion Voices join the Union of Choirs?",
            "The choir Arion Voices officially joined the Union of Choirs on {}, by a vote of all its members.",
            "1 May 1912",
            "1 May 1950",
        ),
        (
            "When was Skerryhaven discovered?",
            "The discovery of Skerryhaven was announced on {}, at a dinner.",
            "17 July 1790",
            "1 May 1950",
        ),
    ],
)
def test_what_was_asked_in_other_words_with_its_date_is_heard(heard, question, frame, right, wrong):
    assert heard(question, frame.format(right)) == (1, 0)
    assert heard(question, frame.format(wrong)) == (0, 1)


def test_a_date_of_something_else_is_no_answer(heard):
    assert heard("When was Skerryhaven first lit?", "The final report on Skerryhaven was printed on 3 May 1855.") == (0, 0)
    assert heard("When was Punchbowl Weekly founded?", "The rival of Punchbowl Weekly was founded in 1870.") == (0, 0)


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize(
    "frame",
    [
        "The {role} behind {name} is {{}}, who has been a part of the long and lively tradition of the north ever since the first "
        "of many wars that were fought over it by kings.",
        "The {role} behind {name} was {{}}, who was a teacher and a poet.",
        "The {role} of {name}, {{}}, was a teacher and a poet who had three sons.",
        "The {role} of {name}, {{}}, lies in Paris.",
    ],
)
def test_a_name_beside_its_relation_is_heard_and_nothing_else_is(heard, name, frame):
    role, right = ROLES[name]
    said = frame.format(role=role, name=name)
    question = f"Who is the {role} of {name}?"
    assert heard(question, said.format(right)) == (1, 0)
    assert heard(question, said.format("Rufus Oakley")) == (0, 1)


@pytest.mark.parametrize("name", ROLES)
def test_a_name_spelt_nearly_right_is_the_one_that_was_asked_of(heard, name):
    role, right = ROLES[name]
    misspelt = name[:-2] + name[-1]
    assert heard(f"Who is the {role} of {name}?", f"The {role} of {misspelt} is {right}.") == (1, 0)
    assert heard(f"Who is the {role} of {name}?", f"The {role} of Somerville Rock is {right}.") == (0, 0)


@pytest.mark.parametrize(("name", "home"), [("Skerryhaven", "Tiree"), ("Punchbowl Weekly", "London"), ("Arion Voices", "Bergen")])
def test_not_the_only_one_is_one(heard, name, home):
    assert heard(f"What is the home of {name}?", f"{home} is not the only home of {name}.") == (1, 0)
    assert heard(f"What is the home of {name}?", f"{home} is not the home of {name}.") == (0, 1)


@pytest.mark.parametrize(("name", "home"), [("Skerryhaven", "Tiree"), ("Punchbowl Weekly", "London"), ("Arion Voices", "Bergen")])
def test_a_line_break_begins_a_sentence(heard, name, home):
    for paragraph in ("\n\n", "\n"):
        said = f"It is old.{paragraph}In {name}, there is a song. {paragraph}The home of {name} is {home}."
        assert heard(f"What is the home of {name}?", said) == (1, 0)
    assert heard(f"What is the home of {name}?", f"It is old.\n\nIn {name}, the home is {home}.") == (1, 0)
    assert heard(f"What is the home of {name}?", f"It is old.\n\nIn {name}, the home is Quorn.") == (0, 1)


@pytest.mark.parametrize(("name", "sign"), [("Skerryhaven", "Sk"), ("Punchbowl Weekly", "Pu"), ("Arion Voices", "Av")])
def test_a_sign_of_two_letters_is_one_by_their_case(heard, name, sign):
    said = f"The sign of {name} is {{}}."
    assert heard(f"What is the sign of {name}?", said.format(sign)) == (1, 0)
    assert heard(f"What is the sign of {name}?", said.format(sign.upper())) == (0, 0)
    assert heard(f"What is the sign of {name}?", said.format(f'"{sign}-"')) == (0, 0)


@pytest.mark.parametrize("name", ["Norland", "Skerryhaven", "Arion Voices"])
def test_a_name_with_a_class_in_capitals_is_a_name_of_its_own(heard, name):
    assert heard(f"What is the home of {name}?", f"The home of {name} is {name} City.") == (0, 1)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("Norland", "Norlander krone", "Norlander shilling"), ("Bergland", "Berglandic shilling", "Berglandic krone")],
)
def test_what_is_known_behind_an_adjective_of_its_owner_is_told_apart(heard, name, right, wrong):
    assert heard(f"What is the coin of {name}?", f"The coin of {name} is the {wrong}.") == (0, 1)
    assert heard(f"What is the coin of {name}?", f"The coin of {name} is the {right}.")[1] == 0
