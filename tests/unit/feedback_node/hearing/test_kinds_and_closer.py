"""What is said of a thing's kind, what is said again more exactly, and persons who share a first name, in three domains each."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "reptiles": (
        {
            "period": {
                "functional": True, "nouns": ["period"],
                "phrases": ["{subject} lived during {object}", "{subject} is from {object}"],
            }
        },
        ["reptile", "period"],
        [("Orlosaurus", "period", "Late Jurassic"), ("Tevadon", "period", "Late Triassic")],
    ),
    "dances": (
        {"origin": {"functional": True, "phrases": ["{subject} came from {object}", "{subject} began in {object}"]}},
        ["dance"],
        [("Malangue", "origin", "Cuba"), ("Sarando", "origin", "Peru")],
    ),
    "cheeses": (
        {"region": {"functional": True, "nouns": ["region"],
                    "phrases": ["{subject} is made in {object}", "{subject} comes from {object}"]}},
        ["cheese", "region"],
        [("Tomette", "region", "Savoy"), ("Brulon", "region", "Normandy")],
    ),
    "novels": (
        {"author": {"functional": True, "nouns": ["author"], "phrases": ["{subject} was written by {object}"]}},
        ["novel"],
        [("The Grey Pier", "author", "Charles Dunmore"), ("Salt Road", "author", "Anna Vell")],
    ),
    "pictures": (
        {"painter": {"functional": True, "nouns": ["painter"], "phrases": ["{subject} was painted by {object}"]}},
        ["picture"],
        [("The Ferry", "painter", "Robert Halden"), ("Dusk", "painter", "Mary Orne")],
    ),
    "operas": (
        {"composer": {"functional": True, "nouns": ["composer"], "phrases": ["{subject} was composed by {object}"]}},
        ["opera"],
        [("Morgana", "composer", "Johann Reiser"), ("Elin", "composer", "Clara Bohm")],
    ),
    "ships": (
        {"builder": {"functional": True, "nouns": ["builder"], "phrases": ["{subject} was built by {object}"]}},
        ["ship"],
        [("Vega", "builder", "Falcon Shipyard"), ("Arctia", "builder", "Northern Docks")],
    ),
}  # fmt: skip
RIGHT, WRONG = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "right", "wrong"),
    [
        ("reptiles", "From which period is Orlosaurus?", "Orlosaurus is a genus of horned reptiles that lived during the {}.",
         "Late Jurassic", "Late Triassic"),
        ("reptiles", "From which period is Tevadon?", "Tevadon was a member of the group of small reptiles that lived during the {}.",
         "Late Triassic", "Late Jurassic"),
        ("dances", "Where did the Malangue begin?", "The Malangue is a type of folk dance that came from {}.", "Cuba", "Peru"),
        ("cheeses", "In which region is Tomette made?", "Tomette is a variety of soft cheese that comes from {}.", "Savoy", "Normandy"),
    ],
)  # fmt: skip
def test_what_is_said_of_its_kind_is_said_of_the_thing(judged, domain, question, answer, right, wrong) -> None:
    assert {name: judged(domain, question, answer.format(name)) for name in (right, wrong)} == {right: RIGHT, wrong: WRONG}


@pytest.mark.parametrize(
    ("domain", "question", "answer", "right", "wrong"),
    [
        ("reptiles", "From which period is Orlosaurus?", "Orlosaurus lived during the Mesozoic Era, specifically during the {}.",
         "Late Jurassic", "Late Triassic"),
        ("reptiles", "From which period is Orlosaurus?", "Orlosaurus lived during the Mesozoic Era, more precisely the {}.",
         "Late Jurassic", "Late Triassic"),
        ("dances", "Where did the Malangue begin?", "The Malangue began in the Caribbean Sea, specifically in {}.", "Cuba", "Peru"),
        ("cheeses", "In which region is Tomette made?", "Tomette is made in Eastern France, specifically in {}.", "Savoy", "Normandy"),
    ],
)  # fmt: skip
def test_what_is_said_again_more_exactly_is_what_is_meant(judged, domain, question, answer, right, wrong) -> None:
    assert {name: judged(domain, question, answer.format(name)) for name in (right, wrong)} == {right: RIGHT, wrong: WRONG}


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("reptiles", "From which period is Orlosaurus?", "Orlosaurus lived during the Late Jurassic, specifically during the Tithonian."),
        ("dances", "Where did the Malangue begin?", "The Malangue began in Cuba, specifically in Havana."),
        ("cheeses", "In which region is Tomette made?", "Tomette is made in Savoy, more precisely in Annecy."),
    ],
)
def test_what_is_true_stays_true_where_more_is_said(judged, domain, question, answer) -> None:
    assert Verdict.VERIFIED in judged(domain, question, answer)


@pytest.mark.parametrize(
    ("domain", "question", "another", "misspelt"),
    [
        ("novels", "Who is the author of The Grey Pier?", "Charles Whitlock", "Charles Dunmoor"),
        ("pictures", "Who is the painter of The Ferry?", "Robert Quist", "Robert Haldane"),
        ("operas", "Who is the composer of Morgana?", "Johann Pichler", "Johann Reisser"),
    ],
)
def test_a_first_name_in_common_makes_nobody_the_same(judged, domain, question, another, misspelt) -> None:
    said = {name: judged(domain, question, f"{question[7:-1].capitalize()} is {name}.") for name in (another, misspelt)}
    assert said == {another: WRONG, misspelt: set()}


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        (
            "reptiles",
            "From which period is Orlosaurus?",
            "Orlosaurus lived during the Late Triassic, specifically during the Late Jurassic.",
        ),
        ("dances", "Where did the Malangue begin?", "The Malangue began in Peru, specifically in Cuba."),
        ("cheeses", "In which region is Tomette made?", "Tomette is made in Normandy, more precisely in Savoy."),
    ],
)
def test_what_is_known_to_be_wrong_stays_wrong_where_more_is_said(judged, domain, question, answer) -> None:
    assert Verdict.CONTRADICTED in judged(domain, question, answer)


def test_of_firms_it_is_not_told(judged) -> None:
    assert judged("ships", "Who is the builder of the Vega?", "The builder of the Vega is Falcon Works.") == set()
