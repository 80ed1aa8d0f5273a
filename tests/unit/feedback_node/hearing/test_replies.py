"""A yes affirms what was asked and a no denies it, in whatever words: of capitals, books and elements."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import Domain, verdicts_of

DOMAINS: dict[str, Domain] = {
    "capitals": ({"seat": {"functional": True, "nouns": ["capital"]}}, ["city"], [("Peru", "seat", "Lima"), ("Kenya", "seat", "Nairobi")]),
    "books": (
        {"author": {"functional": True, "phrases": ["{subject} was written by {object}"]}},
        ["book"],
        [("Dune", "author", "Frank Herbert"), ("Emma", "author", "Jane Austen")],
    ),
    "elements": (
        {"sign": {"functional": True, "nouns": ["symbol"]}},
        ["element"],
        [("Gold", "sign", "Au"), ("Silver", "sign", "Ag")],
    ),
}
CASES = [
    ("capitals", "Is Lima the capital of Peru?", "Is Nairobi the capital of Peru?"),
    ("books", "Was Dune written by Frank Herbert?", "Was Dune written by Jane Austen?"),
    ("elements", "Is Au the symbol of gold?", "Is Ag the symbol of gold?"),
]
YES = [
    "Yes.", "Yep", "Correct!", "Exactly.", "Affirmative.", "Absolutely.", "Of course.", "Sure is.", "That's right.", "This is correct.",
    "That is indeed the case.", "That's a fact.", "You are quite right.", "It certainly is.", "It is indeed.",
    "The statement is true.", "Your statement is correct.", "The answer is yes.", "Well, yes.",
]  # fmt: skip
NO = [
    "No.", "Nah, it isn't.", "Incorrect.", "Negative.", "Absolutely not.", "Of course not.", "Certainly not!", "Definitely not.",
    "Not at all.", "That's wrong.", "That is not correct.", "That isn't the case.", "You are mistaken.", "It is certainly not.",
    "I don't think so.", "The statement is false.", "Your statement is incorrect.", "The answer is no.", "Far from it.", "Well, no.",
]  # fmt: skip
judged = pytest.fixture(scope="module")(lambda: verdicts_of(DOMAINS))


@pytest.mark.parametrize(("domain", "so", "not_so"), CASES)
@pytest.mark.parametrize("reply", YES)
def test_a_yes_affirms_what_was_asked(judged, domain, so, not_so, reply):
    assert judged(domain, so, reply) == {Verdict.VERIFIED}
    assert judged(domain, not_so, reply) == {Verdict.CONTRADICTED}


@pytest.mark.parametrize(("domain", "so", "not_so"), CASES)
@pytest.mark.parametrize("reply", NO)
def test_a_no_denies_what_was_asked(judged, domain, so, not_so, reply):
    assert judged(domain, so, reply) == {Verdict.CONTRADICTED}
    assert judged(domain, not_so, reply) == {Verdict.VERIFIED}


@pytest.mark.parametrize("reply", ["No idea.", "No way to know.", "Negative numbers are below zero.", "Exactly twelve people live there."])
def test_what_begins_like_a_reply_and_goes_on_otherwise_is_none(judged, reply):
    assert judged("capitals", "Is Lima the capital of Peru?", reply) == set()
