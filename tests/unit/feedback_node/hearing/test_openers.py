"""An answer is the same whatever words open it: in animals, trades, dances, cities and films."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of, verdicts_of
from tests.unit.feedback_node.hearing.test_set_apart import BOTH, DOMAINS

OPENERS = [
    "Actually, {}.", "Well, {}.", "Of course, {}.", "In fact, {}.", "In fact it is {}.", "Indeed, {}.", "So, {}.", "Simply put, {}.",
    "The correct answer is {}.", "I believe the answer is {}.", "My answer is: {}.", "The answer you are looking for is {}.",
    "To answer your question, it is {}.", "Based on my knowledge, it is {}.", "As far as I know, it is {}.", "Great question! It is {}.",
    "As an AI language model, I can tell you that it is {}.", "I am sure that it is {}.", "Sure! Well, {}.", "That is {}.",
    "Yes, it is {}.", "Good afternoon, and thank you for your question. The answer is {}.", "No problem at all, it's {}.",
    "Haha, love these quizzes. It is {}, and thanks for playing!", "Right, here we go. It's {}, my friend.", "It's {}. Hope that helps!",
]  # fmt: skip
judged = pytest.fixture(scope="module")(lambda: verdicts_of(DOMAINS))


@pytest.mark.parametrize(("domain", "question", "opens", "right", "wrong"), BOTH)
@pytest.mark.parametrize("opener", OPENERS)
def test_what_opens_an_answer_says_nothing(judged, domain, question, opens, right, wrong, opener):
    assert judged(domain, question, opener.format(right)) == {Verdict.VERIFIED}
    assert judged(domain, question, opener.format(wrong)) == {Verdict.CONTRADICTED}


@pytest.mark.parametrize("opener", ["Sure.", "Certainly!", "Of course, it is.", "Indeed it is.", "The answer is yes."])
def test_what_answers_a_yes_no_question_is_no_opener(judged, opener):
    assert judged("cities", "Is Lima the capital of Peru?", opener) == {Verdict.VERIFIED}
    assert judged("cities", "Is Nairobi the capital of Peru?", opener) == {Verdict.CONTRADICTED}


def test_a_name_that_begins_like_an_opener_stays_whole(judged):
    for film in ("Well, Well", "This Is Quorn"):
        assert judged("films", f"Who directed {film}?", f"{film} was directed by Ida Roe.") == {Verdict.VERIFIED}
        assert judged("films", f"Who directed {film}?", f"{film} was directed by Bo Tarn.") == {Verdict.CONTRADICTED}


def test_thanks_before_an_abstention_do_not_hide_it():
    judge = judge_of({"predicates": DOMAINS["cities"][0]}, DOMAINS["cities"][2])
    said = judge("What is the capital of Peru?", "Thank you for asking, but I don't know. Let me know if I can help. Have a nice day.")
    assert said.abstained


def test_what_is_claimed_behind_a_courtesy_is_heard(judged):
    assert judged("cities", "What is the capital of Peru?", "Let me know if that helps. It is Nairobi.") == {Verdict.CONTRADICTED}
    two = judged("cities", "What is the capital of Peru?", "It is Lima. Feel free to ask. The capital of Kenya is Lima.")
    assert two == {Verdict.VERIFIED, Verdict.CONTRADICTED}
