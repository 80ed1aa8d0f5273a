"""Years without their century and "together with" are read as they are meant, in three domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of
from tests.unit.feedback_node.hearing.test_same_event import FIELDS

RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    more = {
        "breweries": [("Kestrel Ales", "founder", "Piet Moerman")],
        "musicals": [("Salt Wind", "composer", "Tom Arkell")],
        "novels": [("Grey Harbour", "author", "Jon Kepler")],
    }
    return verdicts_of({name: (predicates, classes, [*facts, *more[name]]) for name, (predicates, classes, facts) in FIELDS.items()})


@pytest.mark.parametrize("form", ["In '{}", "It was in '{}.", "’{}"])
@pytest.mark.parametrize(
    ("domain", "question", "right", "wrong"),
    [
        ("breweries", "When was Kestrel Ales founded?", "89", "87"),
        ("musicals", "When did Salt Wind open?", "94", "95"),
        ("novels", "In which year was Grey Harbour published?", "12", "21"),
    ],
)
def test_a_year_without_its_century_is_one_of_the_century_that_is_known(judged, form, domain, question, right, wrong):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "form", "right", "wrong"),
    [
        ("breweries", "Who founded Kestrel Ales?", "Anna Lindqvist, together with {}", "Piet Moerman", "Rhona Macrae"),
        ("breweries", "Who founded Kestrel Ales?", "Anna Lindqvist founded it together with {}.", "Piet Moerman", "Walter Oakes"),
        ("musicals", "Who composed Salt Wind?", "Ines Vidal composed it, jointly with {}.", "Tom Arkell", "Dora Lane"),
        ("musicals", "Who composed Salt Wind?", "It was composed by Ines Vidal along with {}.", "Tom Arkell", "Dora Lane"),
        ("novels", "Who wrote Grey Harbour?", "Maud Ellery in collaboration with {}", "Jon Kepler", "Ian Tarrow"),
        ("novels", "Who wrote Grey Harbour?", "Maud Ellery wrote it together with {}.", "Jon Kepler", "Ian Tarrow"),
    ],
)
def test_who_did_it_together_with_another_did_it_too(judged, domain, question, form, right, wrong):
    assert judged(domain, question, form.format(right)) == RIGHT
    assert judged(domain, question, form.format(wrong)) == {*RIGHT, *WRONG}
