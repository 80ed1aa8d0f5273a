"""A sentence that only says when the thing before happened is of the same event; a date beside an answer is judged. In three domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "breweries": (
        {
            "founder": {"closed": True, "nouns": ["founder"], "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
            "founded": {"functional": True, "value": "date", "nouns": ["founding"], "phrases": ["{subject} was founded in {object}"]},
        },
        ["brewery"],
        [("Kestrel Ales", "founder", "Anna Lindqvist"), ("Kestrel Ales", "founded", "1889"), ("Harbour Stout", "founder", "Rhona Macrae")],
    ),
    "musicals": (
        {
            "composer": {"closed": True, "nouns": ["composer"], "verbs": ["compose"], "phrases": ["{subject} was composed by {object}"]},
            "opened": {"functional": True, "value": "date", "verbs": ["open"], "phrases": ["{subject} opened on {object}"]},
        },
        ["musical"],
        [("Salt Wind", "composer", "Ines Vidal"), ("Salt Wind", "opened", "1994-09-22"), ("Paper Moons", "composer", "Dora Lane")],
    ),
    "novels": (
        {
            "author": {"closed": True, "nouns": ["author"], "verbs": ["write"], "phrases": ["{subject} was written by {object}"]},
            "published": {"functional": True, "value": "date", "verbs": ["publish"], "phrases": ["{subject} was published in {object}"]},
        },
        ["novel"],
        [("Grey Harbour", "author", "Maud Ellery"), ("Grey Harbour", "published", "1912"), ("Long Fields", "author", "Ian Tarrow")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "form", "right", "wrong", "beside"),
    [
        ("breweries", "Who founded Kestrel Ales?", "Anna Lindqvist founded it. This happened in {}.", "1889", "1850", True),
        ("breweries", "Who founded Kestrel Ales?", "Kestrel Ales was founded by Anna Lindqvist. That was in {}.", "1889", "1850", True),
        ("breweries", "Who founded Kestrel Ales and when?", "Anna Lindqvist founded it. It was in {}.", "1889", "1850", True),
        ("breweries", "Who founded Kestrel Ales?", "It was founded by Anna Lindqvist in {}.", "1889", "1850", True),
        ("musicals", "When did Salt Wind open?", "It opened with great success. This happened in {}.", "1994", "1853", False),
        ("musicals", "When did Salt Wind open?", "Salt Wind opened to a full house. That was on {} September 1994.", "22", "25", False),
        (
            "novels",
            "When was Grey Harbour published?",
            "Grey Harbour was published by a small house. That was in {}.",
            "1912",
            "1931",
            False,
        ),
        (
            "novels",
            "Who wrote Grey Harbour and when was it published?",
            "Maud Ellery wrote it. It was published in {}.",
            "1912",
            "1931",
            True,
        ),
    ],
)
def test_a_date_in_a_sentence_of_its_own_is_of_the_event_before(judged, domain, question, form, right, wrong, beside):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == ({*RIGHT, *WRONG} if beside else WRONG)


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("breweries", "Who founded Kestrel Ales?", "Anna Lindqvist, who was born in 1850."),
        ("musicals", "Who composed Salt Wind?", "Ines Vidal composed it. That was in June 1853."),
        ("novels", "Who wrote Grey Harbour?", "Maud Ellery wrote it. This happened in 1905."),
        ("novels", "Who wrote Grey Harbour?", "It was written by Maud Ellery in 1905."),
        ("novels", "When was Grey Harbour published?", "It was published in 1912. That was in June."),
    ],
)
def test_a_date_of_another_event_contradicts_nothing(judged, domain, question, answer):
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)
