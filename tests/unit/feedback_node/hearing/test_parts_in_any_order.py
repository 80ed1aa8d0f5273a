"""Two things that were asked may be answered in any order, each item of them judged, in three domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of
from tests.unit.feedback_node.hearing.test_beside_a_yes import FIELDS as REPLIES

RIVERS = {
    "rivers": (
        {
            "country": {"closed": True, "nouns": ["country"], "phrases": ["{subject} flows through {object}"]},
            "length": {"functional": True, "value": "number", "nouns": ["length"], "phrases": ["{subject} is {object} long"]},
        },
        ["river"],
        [*(("Rhine", "country", land) for land in ("Germany", "France", "Switzerland")), ("Po", "country", "Italy"),
         ("Rhine", "length", "1233 km")],
    )
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}
FOUNDED, LONG, OPENED = (
    "Who founded Kestrel Ales and when?",
    "How long is the Rhine, and which countries does it flow through?",
    "When did Salt Wind open, and at which theatre was it shown?",
)


@pytest.fixture(scope="module")
def judged():
    return verdicts_of({**REPLIES, **RIVERS})


@pytest.mark.parametrize(
    ("domain", "question", "form", "right", "wrong"),
    [
        ("breweries", FOUNDED, "In 1889, {}", "Anna Lindqvist", "John Wesley Hillman"),
        ("breweries", FOUNDED, "In {}, by Anna Lindqvist", "1889", "1853"),
        ("breweries", FOUNDED, "Kestrel Ales in 1889 by {}", "Piet Moerman", "Rhona Macrae"),
        ("breweries", FOUNDED, "1889, by Anna Lindqvist and {}", "Piet Moerman", "Rhona Macrae"),
        ("rivers", LONG, "1233 km, through Germany and {}", "France", "Italy"),
        ("rivers", LONG, "Germany and {}, 1233 km", "France", "Italy"),
        ("rivers", LONG, "{} km, Germany", "1233", "900"),
        ("musicals", OPENED, "At the {}, 22 September 1994", "Orpheum", "Lyceum"),
        ("musicals", OPENED, "At the Orpheum, on {} September 1994", "22", "25"),
        ("musicals", OPENED, "On 22 September 1994, at the {}", "Orpheum", "Lyceum"),
    ],
)
def test_each_part_is_judged_in_whatever_order_it_stands(judged, domain, question, form, right, wrong):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == {*RIGHT, *WRONG}


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("breweries", "Who founded Kestrel Ales?", "Rhona Macrae founded Harbour Stout."),
        ("rivers", LONG, "1233 km; at Basel it is 50 km from Italy"),
        ("musicals", "Who composed Salt Wind?", "Dora Lane composed Paper Moons."),
    ],
)
def test_what_is_said_of_another_thing_is_no_part(judged, domain, question, answer):
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)
