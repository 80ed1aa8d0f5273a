"""A question may give a value and ask whose it is; what is offered then is held against that value, in four domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of, verdicts_of

FIELDS = {
    "towers": (
        {"height": {"functional": True, "value": "number", "nouns": ["height"], "phrases": ["{subject} is {object} tall"]},
         "built": {"functional": True, "value": "date", "verbs": ["build"], "phrases": ["{subject} was built in {object}"]},
         "architect": {"functional": True, "nouns": ["architect"], "phrases": ["{subject} was designed by {object}"]}},
        ["tower", "building"],
        [("Ostrava Spire", "height", "310 metres"), ("Ostrava Spire", "built", "1974"), ("Ostrava Spire", "architect", "Jana Hruba"),
         ("Delmar Mast", "height", "285 metres"), ("Delmar Mast", "built", "1931"), ("Delmar Mast", "architect", "Leo Prust")],
    ),
    "particles": (
        {"charge_number": {"functional": True, "value": "number", "nouns": ["charge number"],
                           "phrases": ["{subject} has the charge number {object}"]},
         "found": {"functional": True, "value": "date", "phrases": ["{subject} was found in {object}"]}},
        ["particle"],
        [("Tauron", "charge_number", "14"), ("Tauron", "found", "1988-04-12"), ("Velon", "charge_number", "7"), ("Velon", "found", "1951")],
    ),
    "saints": (
        {"born": {"functional": True, "value": "date", "nouns": ["birth"], "phrases": ["{subject} was born on {object}"]}},
        ["saint", "bishop"],
        [("Aldric of Mern", "born", "1190-03-02"), ("Ysolde Farr", "born", "1402-11-30")],
    ),
    "islands": (
        {"population": {"functional": True, "value": "number", "tolerance": 0.05, "nouns": ["population"],
                        "phrases": ["{subject} has {object} inhabitants"]}},
        ["island"],
        [("Korsa", "population", "33 million"), ("Little Venn", "population", "12400")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("towers", "Which tower is 310 metres tall?", "The Ostrava Spire.", RIGHT),
        ("towers", "Which tower is 310 metres tall?", "It is the Delmar Mast.", WRONG),
        ("towers", "Which building has a height of 285 m?", "That is the Delmar Mast, designed by Leo Prust.", RIGHT),
        ("towers", "Which tower was built in 1931?", "It was the Ostrava Spire by Jana Hruba.", WRONG),
        ("towers", "Which tower was built in 1931?", "The tower built in 1931 is the Delmar Mast.", RIGHT),
        ("towers", "Which tower was built in 1931?", "The Ostrava Spire was built in 1931.", WRONG),
        ("particles", "Which particle has the charge number 14?", "Tauron", RIGHT),
        ("particles", "Which particle has the charge number 14?", "The particle with the charge number 14 is the Velon.", WRONG),
        ("particles", "What particle was found in 1988?", "The Tauron was found in 1988.", RIGHT),
        ("particles", "What particle was found in 1988?", "Not the Velon but the Tauron.", RIGHT),
        ("particles", "What particle was found in 1988?", "**Velon**", WRONG),
        ("saints", "Who was born on 2 March 1190?", "Aldric of Mern.", RIGHT),
        ("saints", "Which bishop was born in 1402?", "Aldric of Mern was.", WRONG),
        ("saints", "Which saint was born in 1402?", "Ysolde Farr", RIGHT),
        ("islands", "Which island has a population of 33 million?", "It is Korsa.", RIGHT),
        ("islands", "Which island has 12,400 inhabitants?", "Korsa", WRONG),
        ("islands", "Name the island with a population of about 33,000,000.", "Little Venn", WRONG),
    ],
)
def test_what_is_offered_is_held_against_the_value_of_the_question(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("towers", "Name 2 towers with a great height.", "The Ostrava Spire and the Delmar Mast."),
        ("islands", "Name the 2 islands with the largest population.", "Korsa and Little Venn."),
        ("islands", "Which two islands have a population?", "Korsa and Little Venn."),
        ("saints", "In 1402, how many saints were born?", "Ysolde Farr was one."),
        ("particles", "Was the Tauron found in 1951?", "The Velon was."),
    ],
)
def test_a_number_that_counts_what_is_asked_for_is_no_value_of_it(judged, domain, question, answer):
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)


@pytest.mark.parametrize(("value", "known"), [("14", True), ("99", False)])
def test_to_abstain_costs_where_the_graph_knows_whose_the_value_is(value, known):
    predicates, classes, facts = FIELDS["particles"]
    judge = judge_of({"predicates": predicates, "classes": classes}, facts)
    reward = judge(f"Which particle has the charge number {value}?", "I do not know.")
    assert reward.abstained
    assert reward.value == (-1.0 if known else 0.0)


def test_whose_value_it_is_is_known_in_other_words_units_and_forms_too():
    ontology = {
        "predicates": {
            "height": {"functional": True, "value": "number", "nouns": ["height"], "phrases": ["{subject} is {object} tall"]},
            "opened": {
                "functional": True,
                "value": "date",
                "verbs": ["open"],
                "phrases": ["{subject} opened in {object}"],
            },
        },
        "classes": ["bridge"],
    }
    facts = [("Lorn Bridge", "height", "82", {"unit": "m"}), ("Lorn Bridge", "opened", "1931-05-04")]
    judge = judge_of(ontology, facts)
    for question in ("Which bridge is 8200 cm tall?", "Which bridge opened in May 1931?"):
        assert judge(question, "I do not know.").value == -1.0, question
    assert judge("Which bridge is 99 m tall?", "I do not know.").value == 0.0


def test_the_right_owner_earns_everything_and_says_that_it_answers():
    predicates, classes, facts = FIELDS["towers"]
    judge = judge_of({"predicates": predicates, "classes": classes}, facts)
    right = judge("Which tower was built in 1931?", "The Delmar Mast, designed by Leo Prust.")
    other = judge("Which tower was built in 1931?", "The Ostrava Spire was built in 1974.")
    assert (right.value, right.answers_question) == (1.0, True)
    assert (other.value, other.answers_question) == (-1.0, False)
