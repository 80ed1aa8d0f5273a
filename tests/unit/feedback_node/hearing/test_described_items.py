"""Items of a list that each have a description are judged one by one, in three domains; a description is no item, and a label no name."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "choirs": (
        {
            "founder": {"closed": True, "nouns": ["founder"], "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
            "seat": {"functional": True, "nouns": ["home"], "phrases": ["{subject} is based in {object}"]},
        },
        ["choir"],
        [("Vale Singers", "founder", "Anna Lindqvist"), ("Vale Singers", "founder", "Piet Moerman"),
         ("Harbour Voices", "founder", "Rhona Macrae"), ("Vale Singers", "seat", "Ghent"), ("Harbour Voices", "seat", "Leith")],
    ),
    "rivers": (
        {
            "country": {"closed": True, "nouns": ["country"], "phrases": ["{subject} flows through {object}"]},
            "length": {"functional": True, "value": "number", "nouns": ["length"], "phrases": ["{subject} is {object} long"]},
        },
        ["river"],
        [*(("Rhine", "country", land) for land in ("Germany", "France", "Switzerland", "Netherlands")), ("Po", "country", "Italy"),
         ("Rhine", "length", "1233 km")],
    ),
    "musicals": (
        {"composer": {"closed": True, "nouns": ["composer"], "verbs": ["compose"], "phrases": ["{subject} was composed by {object}"]}},
        ["musical"],
        [("Salt Wind", "composer", "Ines Vidal"), ("Salt Wind", "composer", "Tom Arkell"), ("Paper Moons", "composer", "Dora Lane")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}
QUESTIONS = {
    "choirs": "Who founded Vale Singers?",
    "rivers": "Which countries does the Rhine flow through?",
    "musicals": "Who composed Salt Wind?",
}
FORMS = [
    "1. {} – {}\n2. {} – {}",
    "- **{}**: {}\n- **{}**: {}",
    "- {} ({})\n- {} ({})",
    "{} - {}; {} - {}",
    "Here they are:\n* {} — {}\n* {} — {}",
    "{} ({}) and {} ({})",
]
CASES = [
    ("choirs", "Anna Lindqvist", "a pilot from Sweden", "Piet Moerman", "co-founder", "Rhona Macrae"),
    ("choirs", "Piet Moerman", "who was a farmer", "Anna Lindqvist", "a singer", "Walter Oakes"),
    ("rivers", "Germany", "the longest part", "France", "on its left bank", "Italy"),
    ("rivers", "Switzerland", "a short stretch in the south", "Germany", "it passes some large towns there", "Peru"),
    ("musicals", "Ines Vidal", "a pianist from Madrid", "Tom Arkell", "composer", "Dora Lane"),
    ("musicals", "Tom Arkell", "an organist", "Ines Vidal", "the younger of the two", "Berthold Reuter"),
]


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("domain", "first", "told", "second", "more", "wrong"), CASES)
def test_each_item_is_judged_whatever_is_said_of_it(judged, form, domain, first, told, second, more, wrong):
    assert judged(domain, QUESTIONS[domain], form.format(first, told, second, more)) == RIGHT
    assert judged(domain, QUESTIONS[domain], form.format(first, told, wrong, more)) == {*RIGHT, *WRONG}


@pytest.mark.parametrize(
    ("domain", "answer", "verdicts"),
    [
        ("choirs", "Anna Lindqvist, a pilot, and Piet Moerman, a farmer.", RIGHT),
        ("choirs", "Anna Lindqvist, a pilot, and Rhona Macrae, a farmer.", {*RIGHT, *WRONG}),
        ("choirs", "It was founded by Anna Lindqvist, a pilot, and Walter Oakes, a farmer.", {*RIGHT, *WRONG}),
        ("choirs", "Vale Singers was founded by Anna Lindqvist, a pilot, and Walter Oakes.", {*RIGHT, *WRONG}),
        ("choirs", "Anna Lindqvist, a pilot and a farmer.", RIGHT),
        ("rivers", "Germany, the largest one, France, and Peru, a small one.", {*RIGHT, *WRONG}),
        ("rivers", "Germany, a large country, Switzerland, and Italy.", {*RIGHT, *WRONG}),
        ("rivers", "Germany, a large country, and the Netherlands, a small one.", RIGHT),
        ("musicals", "Ines Vidal, who was a pianist, and Tom Arkell, who was a singer.", RIGHT),
        ("musicals", "Ines Vidal, who was a pianist, and Dora Lane, who was a singer.", {*RIGHT, *WRONG}),
    ],
)
def test_a_description_between_commas_is_no_item(judged, domain, answer, verdicts):
    assert judged(domain, QUESTIONS[domain], answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("choirs", "Anna Lindqvist – founder\nRhona Macrae – not a founder"),
        ("choirs", "Anna Lindqvist – founder\nRhona Macrae – first conductor"),
        ("choirs", "Anna Lindqvist – founder\nRhona Macrae – founder of Harbour Voices"),
        ("rivers", "Germany – the longest part\nItaly – perhaps a stretch"),
        ("musicals", "Ines Vidal – composer\nDora Lane – lyrics"),
        ("musicals", "Composer: Ines Vidal\nGenre: a musical"),
        ("musicals", "Composer – Ines Vidal\nPlace – a theatre"),
    ],
)
def test_what_is_no_item_of_what_was_asked_contradicts_nothing(judged, domain, answer):
    assert Verdict.CONTRADICTED not in judged(domain, QUESTIONS[domain], answer)
