"""Years between two years, and units in small letters behind a number, in three domains each."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "bells": (
        {"cast": {"functional": True, "value": "date", "verbs": ["cast"], "phrases": ["{subject} was cast in {object}"]},
         "weight": {"functional": True, "value": "number", "nouns": ["weight"], "phrases": ["{subject} weighs {object}"]}},
        ["bell"],
        [("Old Maren", "cast", "1748"), ("Old Maren", "weight", "4.2 t")],
    ),
    "isotopes": (
        {"identified": {"functional": True, "value": "date", "phrases": ["{subject} was identified in {object}"]},
         "mass": {"functional": True, "value": "number", "tolerance": 0.01, "nouns": ["mass"],
                  "phrases": ["{subject} has a mass of {object}"]},
         "symbol": {"functional": True, "nouns": ["symbol"], "phrases": ["the symbol of {subject} is {object}"]}},
        ["isotope", "element"],
        [("Curlium", "identified", "1931"), ("Curlium", "mass", "58.9"), ("Umbrium", "symbol", "U"),
         ("U", "alias", "Umbrium"), ("Curlium", "symbol", "Cu")],
    ),
    "abbeys": (
        {"founded": {"functional": True, "value": "date", "verbs": ["found"], "phrases": ["{subject} was founded in {object}"]}},
        ["abbey"],
        [("Tarn Abbey", "founded", "1142")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("bells", "When was Old Maren cast?", "Old Maren was cast between 1760 and 1765.", WRONG),
        ("bells", "When was Old Maren cast?", "It was cast between 1740 and 1750.", RIGHT),
        ("isotopes", "In which year was Curlium identified?", "Between 1920 and 1925.", WRONG),
        ("isotopes", "In which year was Curlium identified?", "Curlium was identified between 1930 and 1933.", RIGHT),
        ("abbeys", "When was Tarn Abbey founded?", "Tarn Abbey was founded between 900 and 950 AD.", WRONG),
        ("abbeys", "When was Tarn Abbey founded?", "between 1100 and 1150", RIGHT),
    ],
)
def test_years_between_two_years_hold_the_right_one_or_do_not(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("isotopes", "What is the mass of Curlium?", "58.9 u", RIGHT),
        ("isotopes", "What is the mass of Curlium?", "it is 58.9 amu.", RIGHT),
        ("isotopes", "What is the mass of Curlium?", "about 61 u", WRONG),
        ("isotopes", "What is the approximate mass of Curlium?", "The approximate mass of Curlium is 61.2.", WRONG),
        ("bells", "What is the weight of Old Maren?", "4.2 t", RIGHT),
        ("bells", "What is the exact weight of Old Maren?", "The exact weight of Old Maren is 4.2 t.", RIGHT),
    ],
)
def test_a_unit_behind_a_number_is_no_name_and_an_approximate_measure_is_one(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts
