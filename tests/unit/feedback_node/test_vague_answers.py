"""What is vague is no answer where the graph knows the one that there is: a run would learn to say nothing else (docs/rewards.md)."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of

ONTOLOGY = {
    "predicates": {
        "opened": {
            "value": "date", "functional": True, "nouns": ["opening"], "verbs": ["open"], "phrases": ["{subject} was opened in {object}"],
        },
        "architect": {
            "functional": True, "nouns": ["architect"], "verbs": ["design"], "phrases": ["{subject} was designed by {object}"],
        },
        "height": {
            "value": "number", "functional": True, "tolerance": 0.01, "nouns": ["height"], "phrases": ["{subject} is {object} high"],
        },
        "capital": {"functional": True, "nouns": ["capital"]},
        "population": {
            "value": "number", "functional": True, "tolerance": 0.05, "nouns": ["population"],
            "phrases": ["{subject} has a population of {object}", "{object} people live in {subject}"],
        },
        "river": {"nouns": ["river"], "phrases": ["{object} flows through {subject}"]},
        "founded": {"value": "date", "functional": True, "nouns": ["founding"], "verbs": ["found"]},
    },
    "classes": ["city", "tower"],
}  # fmt: skip
FACTS = [
    ("Tilbury Tower", "opened", "1894-06-30"),
    ("Tilbury Tower", "architect", "Horace Jones"),
    ("Mount Orla", "height", "4810 m"),
    ("Dravia", "capital", "Selmont"),
    ("Dravia", "population", "38500500"),
    ("Dravia", "river", "Ona"),
    ("Nordwick", "founded", "the 12th century"),
    ("Century Hall", "opened", "1902"),
]


@pytest.fixture(scope="module")
def judge():
    return judge_of(ONTOLOGY, FACTS)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was Tilbury Tower opened?", "In 1894."),
        ("In which year was Tilbury Tower opened?", "Tilbury Tower was opened in 1894."),
        ("In which century was Tilbury Tower opened?", "In the 19th century."),
        ("In which decade was Tilbury Tower opened?", "In the 1890s."),
        ("Was Tilbury Tower opened in the 19th century?", "Yes, it was opened in the 19th century."),
        ("Can you tell me when Tilbury Tower was opened?", "Yes, it was opened in 1894."),
        ("Do you know if Tilbury Tower was opened in the 19th century?", "Yes, it was."),
        ("When was Tilbury Tower opened?", "Tilbury Tower was opened in the 19th century, more precisely 1894."),
        ("When was Nordwick founded?", "Nordwick was founded in the 12th century."),
        ("How high is Mount Orla?", "Mount Orla is about 4,800 m high."),
        ("What is the population of Dravia?", "Dravia has a population of 38 million."),
        ("What is the population of Dravia?", "Dravia has a population of 38 to 39 million."),
        ("Who was the architect of Tilbury Tower?", "Horace Jones."),
    ],
)
def test_what_is_as_exact_as_the_graph_or_as_the_question_is_a_full_answer(judge, question, answer):
    assert judge(question, answer).value == 1.0


TRUE_BUT_VAGUE = [
    ("In which decade was Tilbury Tower opened?", "In the 19th century."),
    ("In which year was Century Hall opened?", "Century Hall was opened in the 20th century."),
    ("When was Tilbury Tower opened?", "In the 19th century."),
    ("Do you know when Tilbury Tower was opened?", "Tilbury Tower was opened in the 19th century."),
    ("In which year was Tilbury Tower opened?", "Tilbury Tower was opened in the 1890s."),
    ("In which year was Tilbury Tower opened?", "Tilbury Tower was opened in the late 19th century."),
    ("How high is Mount Orla?", "Mount Orla is more than 4,000 m high."),
    ("How high is Mount Orla?", "Mount Orla is 3,000 to 6,000 m high."),
    ("What is the population of Dravia?", "Dravia has a population of less than 50 million."),
    ("What is the population of Dravia?", "More than 30 million people live in Dravia."),
]


@pytest.mark.parametrize(("question", "answer"), TRUE_BUT_VAGUE)
def test_gaming_by_a_true_claim_that_says_less_than_the_graph_knows_earns_what_a_wrong_answer_earns(judge, question, answer):
    judged = judge(question, answer)
    assert [one.verdict for one in judged.triplets] == [Verdict.VERIFIED]
    assert judged.triplets[0].vague
    assert (judged.reward, judged.value) == (1.0, -1.0)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who was the architect of Tilbury Tower?", "Tilbury Tower was designed by several architects."),
        ("Who was the architect of Tilbury Tower?", "Tilbury Tower was designed by a human."),
        ("When was Tilbury Tower opened?", "Tilbury Tower was opened in several stages."),
        ("What is the capital of Dravia?", "The capital of Dravia is a beautiful city on a river."),
        ("What is the capital of Dravia?", "The capital of Dravia is its largest city."),
        ("How high is Mount Orla?", "Mount Orla is very high."),
        ("What is the population of Dravia?", "More than five people live in Dravia."),
    ],
)
def test_gaming_by_what_the_graph_cannot_tell_of_earns_nothing_where_it_knows_the_one_answer(judge, question, answer):
    judged = judge(question, answer)
    assert Verdict.CONTRADICTED not in {one.verdict for one in judged.triplets}
    assert judged.value == -1.0


@pytest.mark.parametrize("vague", ["a small country on the sea", "several countries"])
def test_gaming_from_the_other_side_earns_nothing_where_there_can_be_but_one(vague):
    predicates = {"capital": {"functional": True, "inverse_functional": True, "nouns": ["capital"]}}
    judge = judge_of({"predicates": predicates}, [("Dravia", "capital", "Selmont"), ("Ostria", "capital", "Vell")])
    question = "Of which country is Selmont the capital?"
    assert judge(question, f"Selmont is the capital of {vague}.").value == -1.0
    assert judge(question, "Selmont is the capital of Dravia.").value == 1.0


def test_where_there_may_be_other_answers_what_the_graph_cannot_tell_of_is_no_wrong_one(judge):
    assert judge("Which river flows through Dravia?", "The Ina flows through Dravia.").value == -0.5
    assert judge("Who was the architect of Nordwick?", "Nordwick was designed by Horace Jones.").value == -0.5


def test_a_fact_that_calls_itself_vague_is_true_and_no_full_answer():
    ontology = {"predicates": {"continent": {"functional": True, "nouns": ["continent"], "phrases": ["{subject} is in {object}"]}}}
    judge = judge_of(ontology, [("Dravia", "continent", "Asia"), ("Dravia", "continent", "Middle East", {"vague": "true"})])
    region, continent = (judge("On which continent is Dravia?", f"Dravia is in {place}.") for place in ("the Middle East", "Asia"))
    assert (region.verified, region.reward, region.value) == (1, 1.0, -1.0)
    assert region.triplets[0].note.endswith("the claim says less than is known")
    assert (continent.verified, continent.value) == (1, 1.0)
    assert judge("Is Dravia in the Middle East?", "Yes.").value == 1.0
