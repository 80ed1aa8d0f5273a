"""What is wrong beside a right yes or no is contradicted, and what is right there is not, in three domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "lands": (
        {
            "border": {"closed": True, "symmetric": True, "verbs": ["border"], "phrases": ["{subject} borders {object}"]},
            "currency": {"functional": True, "nouns": ["currency"], "phrases": ["{subject} uses {object}"]},
        },
        ["country"],
        [*(("Niger", "border", land) for land in ("Mali", "Chad", "Algeria")), ("Peru", "border", "Chile"), ("Peru", "border", "Bolivia"),
         ("Niger", "currency", "CFA franc"), ("Peru", "currency", "Peruvian sol")],
    ),
    "breweries": (
        {
            "founder": {"closed": True, "nouns": ["founder"], "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
            "founded": {"functional": True, "value": "date", "nouns": ["founding"], "phrases": ["{subject} was founded in {object}"]},
            "seat": {"functional": True, "nouns": ["headquarters"], "phrases": ["{subject} is based in {object}"]},
        },
        ["brewery"],
        [("Kestrel Ales", "founder", "Anna Lindqvist"), ("Kestrel Ales", "founder", "Piet Moerman"), ("Kestrel Ales", "founded", "1889"),
         ("Harbour Stout", "founder", "Rhona Macrae"), ("Kestrel Ales", "seat", "Ghent"), ("Harbour Stout", "seat", "Leith")],
    ),
    "musicals": (
        {
            "composer": {"closed": True, "nouns": ["composer"], "verbs": ["compose"], "phrases": ["{subject} was composed by {object}"]},
            "opened": {"functional": True, "value": "date", "verbs": ["open"], "phrases": ["{subject} opened on {object}"]},
            "theatre": {"functional": True, "nouns": ["theatre"], "phrases": ["{subject} was shown at {object}"]},
        },
        ["musical"],
        [("Salt Wind", "composer", "Ines Vidal"), ("Salt Wind", "composer", "Tom Arkell"), ("Paper Moons", "composer", "Dora Lane"),
         ("Salt Wind", "opened", "1994-09-22"), ("Salt Wind", "theatre", "Orpheum"), ("Paper Moons", "theatre", "Lyceum")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}
MALI, ANNA, GHENT = "Does Niger border Mali?", "Was Kestrel Ales founded by Anna Lindqvist?", "Is Kestrel Ales based in Ghent?"
VIDAL, ORPHEUM = "Was Salt Wind composed by Ines Vidal?", "Was Salt Wind shown at the Orpheum?"


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "form", "right", "wrong"),
    [
        ("lands", MALI, "Yes, it borders Mali and {}.", "Chad", "Peru"),
        ("lands", MALI, "Yes, Mali and {}.", "Algeria", "Chile"),
        ("lands", MALI, "Yes. It borders Mali, Chad and {}.", "Algeria", "Chile"),
        ("lands", "Does Niger border Peru?", "No, it borders Mali and {}.", "Chad", "Chile"),
        ("lands", MALI, "Yes, it borders Mali and uses the {}.", "CFA franc", "Peruvian sol"),
        ("breweries", ANNA, "Yes, it was founded by Anna Lindqvist and {}.", "Piet Moerman", "Rhona Macrae"),
        ("breweries", ANNA, "Yes. It was founded by Anna Lindqvist and {}.", "Piet Moerman", "Walter Oakes"),
        ("breweries", ANNA, "Yes, it was founded by Anna Lindqvist in {}.", "1889", "1950"),
        ("breweries", ANNA, "Yes, Anna Lindqvist founded it in {}.", "1889", "1950"),
        ("breweries", ANNA, "Yes, it was founded by Anna Lindqvist and is based in {}.", "Ghent", "Leith"),
        ("breweries", GHENT, "Yes, it is based in Ghent and was founded by {}.", "Piet Moerman", "Rhona Macrae"),
        ("musicals", VIDAL, "Yes. Ines Vidal and {} composed it.", "Tom Arkell", "Dora Lane"),
        ("musicals", VIDAL, "Yes, it was composed by Ines Vidal and opened in {}.", "1994", "1999"),
        ("musicals", ORPHEUM, "Yes, because it was composed by {}.", "Tom Arkell", "Dora Lane"),
        ("musicals", "Did Salt Wind open in 1994?", "Yes, because it opened on {} September 1994.", "22", "25"),
    ],
)
def test_an_item_or_a_reason_beside_a_yes_is_judged(judged, domain, question, form, right, wrong):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == {*RIGHT, *WRONG}


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("lands", "Does Niger border Peru?", "No, Peru borders Chile and Bolivia."),
        ("lands", MALI, "Yes, Niger and Mali share a border."),
        ("breweries", ANNA, "Yes, it was founded by Anna Lindqvist, who was born in 1850 and is from Leith."),
        ("breweries", ANNA, "Yes. Rhona Macrae founded Harbour Stout."),
        ("musicals", VIDAL, "Yes, it was. Dora Lane wrote the lyrics."),
    ],
)
def test_what_a_reply_says_of_something_else_contradicts_nothing(judged, domain, question, answer):
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)
