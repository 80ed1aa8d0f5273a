"""Lists of things in small letters are read item by item, in three domains: what is true, and what is not."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of, verdicts_of

FIELDS = {
    "drinks": (
        {"ingredient": {"closed": True, "nouns": ["ingredient"], "verbs": ["contain"], "phrases": ["{subject} is made of {object}"]}},
        ["drink"],
        [("Bellario", "ingredient", "gin"), ("Bellario", "ingredient", "Campari"), ("Bellario", "ingredient", "sweet vermouth"),
         ("Sol Rojo", "ingredient", "rum"), ("Sol Rojo", "ingredient", "lime"), ("Sol Rojo", "ingredient", "tequila")],
    ),
    "remedies": (
        {"side_effect": {"closed": True, "nouns": ["side effect"], "verbs": ["cause"], "phrases": ["{subject} can cause {object}"]}},
        ["drug"],
        [("Morvalin", "side_effect", "nausea"), ("Morvalin", "side_effect", "dizziness"), ("Morvalin", "side_effect", "heartburn"),
         ("Tessadol", "side_effect", "hair loss")],
    ),
    "animals": (
        {"food": {"nouns": ["food", "diet"], "verbs": ["eat"], "phrases": ["{subject} feeds on {object}"]}},
        ["animal"],
        [("Grey Tamber", "food", "berries"), ("Grey Tamber", "food", "roots"), ("Marsh Orlet", "food", "snails")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("drinks", "What are the ingredients of a Bellario?", "gin, Campari and sweet vermouth", RIGHT),
        ("drinks", "What are the ingredients of a Bellario?", "It's made of 30 ml gin, 30 ml Campari, and 30 ml sweet vermouth.", RIGHT),
        ("drinks", "What are the ingredients of a Bellario?", "A Bellario contains equal parts of gin, Campari and sweet vermouth.", RIGHT),
        ("drinks", "What are the ingredients of a Bellario?", "The ingredients are gin, Campari and tequila.", {*RIGHT, *WRONG}),
        ("drinks", "What are the ingredients of a Bellario?", "gin and soda", {*RIGHT, *WRONG}),
        ("drinks", "Name an ingredient of the Sol Rojo.", "2 oz white rum", RIGHT),
        ("drinks", "Name an ingredient of the Sol Rojo.", "Fresh lime", RIGHT),
        ("remedies", "What are the side effects of morvalin?", "The side effects include nausea and dizziness.", RIGHT),
        ("remedies", "What are the side effects of morvalin?", "Side effects: nausea, heartburn.", RIGHT),
        ("remedies", "What are the side effects of morvalin?", "nausea and hair loss", {*RIGHT, *WRONG}),
        ("animals", "What does the Grey Tamber eat?", "berries, roots and sometimes fresh roots", RIGHT),
        ("animals", "What is the food of the Grey Tamber?", "The food of the Grey Tamber is berries and roots.", RIGHT),
        ("animals", "What is the food of the Grey Tamber?", "berries and snails", RIGHT),
    ],
)
def test_each_item_of_a_list_is_judged(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("drinks", "What are the ingredients of a Bellario?", "not gin, and no vermouth"),
        ("drinks", "Name an ingredient of the Sol Rojo.", "alcohol-free rum"),
        ("drinks", "Name an ingredient of the Sol Rojo.", "imitation rum"),
        ("remedies", "What are the side effects of morvalin?", "There may be side effects, such as tiredness."),
        ("animals", "What is the food of the Grey Tamber?", "It lives in forests and swamps."),
    ],
)
def test_what_is_no_list_of_what_was_asked_is_no_right_answer(domain, question, answer):
    predicates, classes, facts = FIELDS[domain]
    judged = judge_of({"predicates": predicates, "classes": classes}, facts)(question, answer)
    assert not any(one.verdict is Verdict.VERIFIED and not one.triplet.negated for one in judged.triplets)
