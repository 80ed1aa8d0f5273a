"""Questions that compare two things by a number or a date are judged by what the graph has of both, in three domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of, verdicts_of

FIELDS = {
    "lakes": (
        {
            "depth": {"functional": True, "value": "number", "nouns": ["depth"], "phrases": ["{subject} is {object} deep"]},
            "country": {"functional": True, "nouns": ["country"], "phrases": ["{subject} lies in {object}"]},
        },
        ["lake"],
        [("Lake Orvel", "depth", "594 m"), ("Lake Merrow", "depth", "50 m"), ("Lake Tarn", "country", "Chile"),
         ("Lake Orvel", "country", "Peru")],
    ),
    "musicals": (
        {
            "composer": {"closed": True, "nouns": ["composer"], "verbs": ["compose"], "phrases": ["{subject} was composed by {object}"]},
            "opened": {"functional": True, "value": "date", "verbs": ["open"], "phrases": ["{subject} opened on {object}"]},
        },
        ["musical"],
        [("Salt Wind", "opened", "1994-09-22"), ("Paper Moons", "opened", "2001"), ("Salt Wind", "composer", "Ines Vidal")],
    ),
    "towers": (
        {
            "height": {"functional": True, "value": "number", "nouns": ["height"], "phrases": ["{subject} is {object} tall"]},
            "built": {"functional": True, "value": "date", "verbs": ["build"], "phrases": ["{subject} was built in {object}"]},
        },
        ["tower"],
        [("Mast Hill", "height", "210 m"), ("Grey Spire", "height", "96 m"), ("Mast Hill", "built", "1961"),
         ("Grey Spire", "built", "1884"),
         ("Low Keep", "built", "1884")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}
FORMS = ["{}", "{} is.", "It is {}.", "**{}**"]
CASES = [
    ("lakes", "Which is deeper, Lake Orvel or Lake Merrow?", "Lake Orvel", "Lake Merrow"),
    ("lakes", "Which lake is shallower, Lake Orvel or Lake Merrow?", "Lake Merrow", "Lake Orvel"),
    ("lakes", "Which of Lake Orvel and Lake Merrow is the deepest?", "Lake Orvel", "Lake Merrow"),
    ("musicals", "Which came first, Salt Wind or Paper Moons?", "Salt Wind", "Paper Moons"),
    ("musicals", "Which musical opened later, Salt Wind or Paper Moons?", "Paper Moons", "Salt Wind"),
    ("towers", "Which is taller, Mast Hill or Grey Spire?", "Mast Hill", "Grey Spire"),
    ("towers", "Which is older, Mast Hill or Grey Spire?", "Grey Spire", "Mast Hill"),
]


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("domain", "question", "right", "wrong"), CASES)
def test_the_one_that_is_chosen_is_judged(judged, form, domain, question, right, wrong):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "form", "verdicts"),
    [
        ("lakes", CASES[0][1], "{0} is deeper than {1}.", (RIGHT, WRONG)),
        ("lakes", CASES[0][1], "{0} is much deeper.", (RIGHT, WRONG)),
        ("lakes", CASES[0][1], "{1} is not as deep as {0}.", (RIGHT, WRONG)),
        ("lakes", CASES[0][1], "{1} is less deep than {0}.", (RIGHT, WRONG)),
        ("musicals", CASES[3][1], "{0} came first.", (RIGHT, WRONG)),
        ("towers", CASES[5][1], "{0} is the taller of the two.", (RIGHT, WRONG)),
        ("towers", CASES[5][1], "{0} is shorter.", (set(), set())),
        ("towers", CASES[5][1], "{0} is not taller than {1}.", (set(), set())),
        ("lakes", CASES[0][1], "Perhaps {0}.", (set(), set())),
    ],
)
def test_both_ways_of_saying_it_are_told_apart(judged, domain, question, form, verdicts):
    right, wrong = next((right, wrong) for _, asked, right, wrong in CASES if asked == question)
    assert judged(domain, question, form.format(right, wrong)) == verdicts[0]
    assert judged(domain, question, form.format(wrong, right)) == verdicts[1]


@pytest.mark.parametrize(("domain", "question", "right", "wrong"), CASES)
def test_a_right_choice_is_paid_in_full_and_a_wrong_one_nothing(domain, question, right, wrong):
    predicates, classes, facts = FIELDS[domain]
    judge = judge_of({"predicates": predicates, "classes": classes}, facts)
    assert judge(question, f"{right}.").reward == 1
    assert not judge(question, f"{wrong}.").reward


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("lakes", "Which is deeper, Lake Orvel or Lake Tarn?", "Lake Tarn"),
        ("lakes", "Which lake is prettier, Lake Orvel or Lake Merrow?", "Lake Merrow"),
        ("musicals", "Which is longer, Salt Wind or Paper Moons?", "Paper Moons"),
        ("towers", "Which is older, Low Keep or Grey Spire?", "Low Keep"),
    ],
)
def test_what_the_graph_cannot_compare_is_not_judged(judged, domain, question, answer):
    assert judged(domain, question, answer) == set()
