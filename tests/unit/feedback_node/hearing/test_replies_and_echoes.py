"""A yes that says what it answers, a last sentence that was cut off, a name behind its kind, and the month of May, in several domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

KIND = ["{subject} is a kind of {object}", "{subject} is a type of {object}", "{subject} is a variety of {object}"]
FIELDS = {
    "woods": (
        {"tree": {"functional": True, "nouns": ["tree"], "phrases": KIND}},
        ["wood", "tree"],
        [("burl walnut", "tree", "walnut"), ("tiger oak", "tree", "oak"), ("birdseye", "tree", "maple")],
    ),
    "breads": (
        {"grain": {"functional": True, "nouns": ["grain"], "phrases": [*KIND, "{subject} is made of {object}"]}},
        ["bread", "grain"],
        [("knackebrod", "grain", "rye"), ("chapati", "grain", "wheat"), ("bannock", "grain", "oats")],
    ),
    "knots": (
        {"family": {"functional": True, "nouns": ["family"], "phrases": KIND}},
        ["knot", "family"],
        [("sheepshank", "family", "hitch"), ("bowline", "family", "loop"), ("carrick", "family", "bend")],
    ),
    "feasts": (
        {"month": {"functional": True, "nouns": ["month"], "phrases": ["{subject} is the feast of {object}"]}},
        ["feast", "month"],
        [("Candlemas", "month", "February"), ("Epiphany", "month", "January")],
    ),
    "fairs": (
        {"month": {"functional": True, "nouns": ["month"], "phrases": ["{subject} is held in {object}", "{subject} opens in {object}"]}},
        ["fair"],
        [("Bartholomew Fair", "month", "August"), ("Goose Fair", "month", "October")],
    ),
    "flowers": (
        {"bloom": {"functional": True, "nouns": ["month"], "phrases": ["{subject} blooms in {object}", "{subject} flowers in {object}"]}},
        ["flower"],
        [("Snowdrop", "bloom", "February"), ("Aster", "bloom", "September")],
    ),
    "lands": (
        {"capital": {"functional": True, "nouns": ["capital"], "phrases": ["the capital of {subject} is {object}"]}},
        ["republic", "city"],
        [("Peru", "capital", "Lima"), ("Kenya", "capital", "Nairobi")],
    ),
    "forests": (
        {"seat": {"functional": True, "nouns": ["seat"], "phrases": ["the seat of {subject} is {object}"]}},
        ["forest", "town"],
        [("Dean", "seat", "Coleford"), ("Arden", "seat", "Henley")],
    ),
    "bays": (
        {"port": {"functional": True, "nouns": ["main port"], "phrases": ["the main port of {subject} is {object}"]}},
        ["bay", "town"],
        [("Biscay", "port", "Bilbao"), ("Fundy", "port", "Saint John")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "wanted"),
    [
        ("woods", "Is birdseye a kind of maple?", RIGHT),
        ("woods", "Is birdseye a kind of oak?", WRONG),
        ("breads", "Is chapati a kind of rye?", WRONG),
        ("knots", "Is the bowline a kind of loop?", RIGHT),
    ],
)
def test_a_yes_may_say_what_it_answers(judged, domain: str, question: str, wanted: set[Verdict]) -> None:
    assert judged(domain, question, "The answer to that question is yes.") == wanted


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("feasts", "Candlemas is the feast of which month?", "Candlemas is the feast of the month of May."),
        ("fairs", "In which month is Bartholomew Fair held?", "Bartholomew Fair is held in May."),
        ("flowers", "In which month does the Aster bloom?", "The Aster blooms in May."),
    ],
)
def test_may_is_a_month_like_the_others(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("woods", "Is birdseye a kind of oak?", "No, birdseye is not a kind of oak. It is hard. It is"),
        ("breads", "Is chapati a kind of rye?", "No, chapati is not a kind of rye. It is flat, and it is old. It is"),
        ("knots", "Is the bowline a kind of bend?", "No, the bowline is not a kind of bend. It was tied by sailors. It was"),
    ],
)
def test_a_last_sentence_that_was_cut_off_is_no_yes(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == RIGHT


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("lands", "What is the capital of Peru?", "It is in the capital of the Republic of Peru."),
        ("forests", "What is the seat of Dean?", "It is in the seat of the Forest of Dean."),
        ("bays", "What is the main port of Biscay?", "It is in the main port of the Bay of Biscay."),
    ],
)
def test_a_name_behind_its_kind_only_says_the_question_again(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == set()


ASKED = [
    ("lands", "What is the capital of Peru?", "the capital of Peru", "Lima", "Nairobi"),
    ("forests", "What is the seat of Dean?", "the seat of Dean", "Coleford", "Henley"),
    ("bays", "What is the main port of Biscay?", "the main port of Biscay", "Bilbao", "Saint John"),
]
MANNERS = {
    "a clause behind what is asked": "You would be in {of}, which is {name}.",
    "the same in a condition": "If you went to {of}, which is {name}, you would be far from here.",
    "advice": "You should go to {name}.",
    "what is meant": "The {noun} I'm referring to is {name}.",
    "what is thought of": "The {noun} you're thinking of is {name}.",
    "where you are": "You're in {name}.",
}


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize(("domain", "question", "of", "right", "wrong"), ASKED)
def test_an_answer_is_heard_in_the_manners_of_a_small_model(judged, manner, domain, question, of, right, wrong) -> None:
    noun = of.removeprefix("the ").partition(" of ")[0]
    given = {name: judged(domain, question, MANNERS[manner].format(of=of, noun=noun, name=name)) for name in (right, wrong)}
    assert given == {right: RIGHT, wrong: WRONG}


def test_what_might_be_so_is_still_no_answer(judged) -> None:
    assert judged("lands", "What is the capital of Peru?", "You might go to Lima.") == set()
