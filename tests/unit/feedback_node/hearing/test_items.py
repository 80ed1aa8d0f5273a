"""Items in lines of their own are one list, in three domains; and what is taken back, denied or only said again beside an answer."""

from __future__ import annotations

import pytest

from feedback_node.hearing.form import plain
from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "breweries": (
        {
            "founder": {"closed": True, "nouns": ["founder"], "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
            "seat": {"functional": True, "nouns": ["headquarters"], "phrases": ["{subject} is based in {object}"]},
        },
        ["brewery"],
        [("Kestrel Ales", "founder", "Anna Lindqvist"), ("Kestrel Ales", "founder", "Piet Moerman"),
         ("Harbour Stout", "founder", "Rhona Macrae"), ("Kestrel Ales", "seat", "Ghent"), ("Harbour Stout", "seat", "Leith")],
    ),
    "rivers": (
        {
            "country": {"closed": True, "nouns": ["country"], "phrases": ["{subject} flows through {object}"]},
            "length": {"functional": True, "value": "number", "nouns": ["length"], "phrases": ["{subject} is {object} long"]},
            "outlet": {"functional": True, "nouns": ["outlet"], "phrases": ["{subject} is drained by {object}"]},
        },
        ["river", "lake"],
        [*(("Rhine", "country", land) for land in ("Germany", "France", "Switzerland", "Netherlands")), ("Po", "country", "Italy"),
         ("Rhine", "length", "1233 km"), ("Lake Orvel", "outlet", "Tamsin"), ("Lake Merrow", "outlet", "Brack")],
    ),
    "musicals": (
        {
            "composer": {"closed": True, "nouns": ["composer"], "verbs": ["compose"], "phrases": ["{subject} was composed by {object}"]},
            "opened": {"functional": True, "value": "date", "nouns": ["opening"], "phrases": ["{subject} opened on {object}"]},
        },
        ["musical"],
        [("Salt Wind", "composer", "Ines Vidal"), ("Salt Wind", "composer", "Tom Arkell"), ("Paper Moons", "composer", "Dora Lane"),
         ("Salt Wind", "opened", "1994-09-22")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}
FORMS = ["- {}\n- {}", "1. {}\n2. {}", "* **{}**\n* **{}**", "{}\n{}", "{}; {}", '["{}", "{}"]', "| Name |\n|---|\n| {} |\n| {} |"]
FORMS += ["Here they are:\n\n- {}\n- {}", "{}, {}"]
BREWERS, LANDS, MAKERS = "Who founded Kestrel Ales?", "Which countries does the Rhine flow through?", "Who composed Salt Wind?"


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("domain", "question", "first", "second", "wrong"),
    [
        ("breweries", BREWERS, "Anna Lindqvist", "Piet Moerman", "Rhona Macrae"),
        ("breweries", BREWERS, "Piet Moerman", "Anna Lindqvist", "Walter Oakes"),
        ("rivers", LANDS, "Germany", "France", "Italy"),
        ("rivers", LANDS, "France", "Switzerland", "Sweden"),
        ("musicals", MAKERS, "Ines Vidal", "Tom Arkell", "Dora Lane"),
    ],
)
def test_each_item_is_judged_whatever_divides_them(judged, form, domain, question, first, second, wrong):
    assert judged(domain, question, form.format(first, second)) == RIGHT
    assert judged(domain, question, form.format(first, wrong)) == {*RIGHT, *WRONG}


@pytest.mark.parametrize(
    ("domain", "question", "right", "wrong"),
    [
        (
            "breweries",
            BREWERS,
            ["Anna Lindqvist", "Piet Moerman"],
            ["Rhona Macrae", "Walter Oakes", "Jens Albrecht Vang", "Ludwig Maria Brandt"],
        ),
        ("rivers", LANDS, ["Germany", "the Netherlands"], ["Italy", "Spain", "Norway", "Sweden", "Chile", "Peru", "Ghana"]),
        ("musicals", MAKERS, ["Ines Vidal", "Tom Arkell"], ["Dora Lane", "Berthold Ambrosius Reuter", "Giovanni Battista Orsini"]),
    ],
)
def test_a_list_is_judged_to_its_end_however_long_it_is(judged, domain, question, right, wrong):
    assert judged(domain, question, "\n".join(f"- {one}" for one in right)) == RIGHT
    assert judged(domain, question, "\n".join(f"- {one}" for one in [*right, *wrong])) == {*RIGHT, *WRONG}
    assert judged(domain, question, "\n".join(f"{one}" for one in [*right, *wrong * 3])) == {*RIGHT, *WRONG}


@pytest.mark.parametrize(
    "text",
    [
        "Lima\n\nThe capital of Peru is Lima.",
        "Author: Ines Vidal\nYear: 1994",
        "I do not know\nLima",
        "Dear reader\nLima is it",
        "Victor Hugo; he wrote it in 1862",
    ],
)
def test_lines_that_say_more_than_a_name_stay_lines(text):
    assert "Lima, " not in plain(text).text
    assert len(plain(text).text) - len(text) in (0, 1)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("breweries", BREWERS, "Anna Lindqvist had nothing to do with it.", WRONG),
        ("rivers", "Which river drains Lake Orvel?", "The Tamsin has nothing to do with it.", WRONG),
        ("rivers", "Which river drains Lake Orvel?", "The Tamsin has no part in it.", set()),
        ("musicals", MAKERS, "Tom Arkell had no hand in it.", set()),
        ("musicals", MAKERS, "Dora Lane had nothing to do with it; Tom Arkell did it.", RIGHT),
        ("breweries", "Who founded Harbour Stout?", "Piet Moerman... no, sorry, it was Rhona Macrae.", RIGHT),
        ("rivers", "How long is the Rhine?", "1.233 km... no wait, it's 900 km.", WRONG),
        ("musicals", "When did Salt Wind open?", "1993 - actually 1994.", RIGHT),
        ("musicals", "When did Salt Wind open?", "Salt Wind opened on Thursday, the 22nd of September 1994.", RIGHT),
        ("musicals", "When did Salt Wind open?", "It opened on Friday, September 23, 1994.", WRONG),
        ("breweries", "Where is Kestrel Ales based?", "In Ghent, not far from Brussels.", RIGHT),
        ("breweries", "Where is Harbour Stout based?", "In Ghent, just outside Brussels.", WRONG),
        ("breweries", "Is Kestrel Ales based in Ghent?", "That's right, its headquarters are in Ghent.", RIGHT),
        ("rivers", "How long is the Rhine?", "1,233 km, or 766 miles", RIGHT),
        ("rivers", "How long is the Rhine?", "766 miles, or 1,233 km", RIGHT),
        ("rivers", "How long is the Rhine?", "It is 900 km, or 559 miles.", WRONG),
        ("rivers", "Which river drains Lake Orvel?", "The Tamsin flows into it.", set()),
        ("musicals", MAKERS, "The composer? Ines Vidal, of course.", RIGHT),
        ("breweries", "Who founded Harbour Stout?", "The founder? Piet Moerman, of course.", WRONG),
        ("musicals", MAKERS, "You could say Ines Vidal.", RIGHT),
    ],
)
def test_what_stands_beside_an_answer_is_heard(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts
