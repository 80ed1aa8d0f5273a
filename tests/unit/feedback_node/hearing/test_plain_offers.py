"""Answers in small letters, to questions in words that the ontology lacks, and places that may lie in the true one, in several domains."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "cheeses": (
        {"country": {"functional": True, "nouns": ["country"],
             "phrases": ["{subject} is made in {object}", "{subject} comes from {object}"]},
         "milk": {"functional": True, "nouns": ["milk"],
             "phrases": ["{subject} is made from {object}"]}},
        ["cheese"],
        [("Feta", "country", "Greece"), ("Gouda", "country", "Netherlands"), ("Gouda", "milk", "cow"), ("Feta", "milk", "sheep")],
    ),
    "young": (
        {"young": {"functional": True, "nouns": ["young", "offspring"], "phrases": ["a young {subject} is called {object}"]}},
        ["animal"],
        [("swan", "young", "cygnet"), ("goat", "young", "kid"), ("hare", "young", "leveret")],
    ),
    "airlines": (
        {"country": {"functional": True, "nouns": ["home country"],
             "phrases": ["{subject} is based in {object}", "{subject} is from {object}"]},
         "hub": {"functional": True, "nouns": ["hub"],
             "phrases": ["{subject} has its hub in {object}"]}},
        ["airline", "company"],
        [("Emirates", "country", "United Arab Emirates"), ("Emirates", "hub", "Dubai"), ("Finnair", "country", "Finland"),
         ("Finnair", "hub", "Helsinki"), ("Delta Air Lines", "country", "United States")],
    ),
    "guitars": (
        {"maker": {"functional": True, "nouns": ["maker", "brand"], "verbs": ["make", "build"],
             "phrases": ["{subject} is made by {object}"]}},
        ["guitar", "company"],
        [("Telecaster", "maker", "Fender"), ("Les Paul", "maker", "Gibson"), ("Gretsch Duo", "maker", "Gretsch")],
    ),
    "pens": (
        {"maker": {"functional": True, "nouns": ["maker", "brand"], "verbs": ["make"], "phrases": ["{subject} is made by {object}"]}},
        ["pen", "company"],
        [("Safari", "maker", "Lamy"), ("Meisterstueck", "maker", "Montblanc"), ("Pelikan Duo", "maker", "Pelikan")],
    ),
    "telescopes": (
        {"maker": {"functional": True, "nouns": ["maker", "brand"], "verbs": ["build"], "phrases": ["{subject} is built by {object}"]}},
        ["telescope", "company"],
        [("Starseeker", "maker", "Orion"), ("Skyhawk", "maker", "Celestron"), ("Meade Duo", "maker", "Meade")],
    ),
    "trees": (
        {"country": {"functional": True, "nouns": ["home country"], "phrases": ["{subject} comes from {object}"]}},
        ["tree"],
        [("Bandrila", "country", "Madagascar"), ("Rimu", "country", "New Zealand")],
    ),
    "dances": (
        {"dance": {"functional": True, "nouns": ["dance"], "phrases": ["people in {subject} dance {object}"]}},
        ["country"],
        [("Hungary", "dance", "Hungarian csardas"), ("Bulgaria", "dance", "Bulgarian horo")],
    ),
    "flowers": (
        {"flower": {"functional": True, "nouns": ["flower"], "phrases": ["the flower of {subject} is {object}"]}},
        ["country"],
        [("Hungary", "flower", "Hungarian tulip"), ("Bulgaria", "flower", "Bulgarian rose")],
    ),
    "coins": (
        {"money": {"functional": True, "nouns": ["money", "currency"], "phrases": ["people in {subject} pay with {object}"]}},
        ["country"],
        [("Hungary", "money", "Hungarian forint"), ("Zambia", "money", "Zambian kwacha"), ("Norway", "money", "Norwegian krone")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


MONEY, MILK = "What is the money of Zambia called?", "Which animal gives the milk for Gouda?"
YOUNG = "What do farmers call the offspring of the goat?"
WRONG, RIGHT = {Verdict.CONTRADICTED}, {Verdict.VERIFIED}


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("coins", MONEY, "The money of Zambia is the tumbuka."),
        ("coins", "Which money do people use in Hungary?", "The money in Hungary is the qizzi."),
        ("coins", MONEY, "The money of Zambia is called the Zambian talu."),
        ("cheeses", MILK, "The animal that gives the milk for Gouda is the yak."),
        ("cheeses", "What milk goes into Feta?", "The milk of Feta is the camel."),
        ("young", YOUNG, "The offspring of the goat is called a puppet."),
        ("young", "What is the young of the swan called?", "The young of the swan is called a waddler."),
    ],
)
def test_a_wrong_name_in_small_letters_that_nobody_knows_is_contradicted(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("coins", MONEY, "The money of Zambia is the national currency."),
        ("coins", MONEY, "The money of Zambia is beautiful."),
        ("coins", MONEY, "The money of Zambia is highly valued."),
        ("coins", MONEY, "The money of Zambia is perhaps the tumbuka."),
        ("coins", MONEY, "The money of Zambia is not the tumbuka."),
        ("cheeses", MILK, "The milk of Gouda is very creamy."),
        ("cheeses", MILK, "The animal that gives the milk for Gouda is a farm animal."),
        ("young", YOUNG, "The offspring of the goat is a small creature."),
        ("young", YOUNG, "The offspring of the goat is the same animal."),
        ("airlines", "What is the hub of Finnair?", "The hub of Finnair is a large airport."),
    ],
)
def test_a_description_a_doubt_or_a_denial_is_no_wrong_name(judged, domain: str, question: str, answer: str) -> None:
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "wanted"),
    [
        ("coins", "What do shoppers hand over in Hungary?", "Shoppers in Hungary hand over the currency Euro.", WRONG),
        ("coins", "What do shoppers hand over in Norway?", "Shoppers in Norway hand over the well-known Krone.", set()),
        ("airlines", "Where do the planes of Finnair sleep?", "The planes of Finnair sleep at the hub in Helsinki.", RIGHT),
        ("airlines", "Where do the planes of Finnair sleep?", "The planes of Finnair sleep in the Dome.", set()),
        ("guitars", "Whose logo is on the Telecaster?", "On the Telecaster stands the brand Fender.", RIGHT),
        ("guitars", "Whose logo is on the Telecaster?", "On the Telecaster stands perhaps the brand Gibson.", set()),
    ],
)
def test_a_question_in_unknown_words_is_answered_by_a_relation_the_answer_names(
    judged, domain: str, question: str, answer: str, wanted: set[Verdict]
) -> None:
    assert judged(domain, question, answer) == wanted


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("cheeses", "Which country does Feta come from?", "Feta is made in the region of Epirus."),
        ("cheeses", "Which country does Gouda come from?", "Gouda comes from the province of Holland Zuid."),
        ("airlines", "Which country is Delta Air Lines from?", "Delta Air Lines is based in the state of Georgia."),
        ("airlines", "Which country is Delta Air Lines from?", "Delta Air Lines is from the Rockies."),
        ("cheeses", "Which country does Feta come from?", "Feta comes from the Pindus Mountains."),
        ("trees", "Which country does Bandrila come from?", "Bandrila comes from the region of Menabe."),
        ("trees", "Which country does Rimu come from?", "Rimu comes from the Raukumara Mountains."),
    ],
)
def test_a_place_that_may_lie_in_the_true_one_is_not_contradicted(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == set()


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("airlines", "Which country is Emirates from?", "Emirates is a company based in Dubai, United Arab Emirates."),
        ("airlines", "Which country is Finnair from?", "Finnair is based in Helsinki, Finland."),
        ("cheeses", "Which country does Gouda come from?", "Gouda is made in Gouda, Netherlands."),
        ("trees", "Which country does Rimu come from?", "Rimu comes from Westland, New Zealand."),
    ],
)
def test_the_true_place_behind_another_is_verified(judged, domain: str, question: str, answer: str) -> None:
    assert Verdict.VERIFIED in judged(domain, question, answer)
    assert Verdict.CONTRADICTED not in judged(domain, question, answer)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "wanted"),
    [
        ("guitars", "Who makes the Telecaster?", "The Telecaster is made by the Telecaster company.", WRONG),
        ("guitars", "Who makes the Telecaster?", "The Telecaster is a brand of Fender.", RIGHT),
        ("guitars", "Who makes the Les Paul?", "The Les Paul is a brand of Fender.", WRONG),
        ("guitars", "Who makes the Gretsch Duo?", "The Gretsch Duo is made by Gretsch.", RIGHT),
        ("pens", "Who makes the Safari?", "The Safari is made by the Safari company.", WRONG),
        ("pens", "Who makes the Safari?", "The Safari is a brand of Lamy.", RIGHT),
        ("pens", "Who makes the Pelikan Duo?", "The Pelikan Duo is made by Pelikan.", RIGHT),
        ("telescopes", "Who builds the Starseeker?", "The Starseeker is built by the Starseeker company.", WRONG),
        ("telescopes", "Who builds the Skyhawk?", "The Skyhawk is a brand of Orion.", WRONG),
        ("telescopes", "Who builds the Meade Duo?", "The Meade Duo is built by Meade.", RIGHT),
    ],
)
def test_a_brand_of_a_maker_and_a_maker_named_like_its_thing(judged, domain: str, question: str, answer: str, wanted: set[Verdict]) -> None:
    assert judged(domain, question, answer) == wanted


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("coins", "What is the money of Hungary?", "The money of Hungary is the Hungarian Dollar."),
        ("dances", "What is the dance of Bulgaria?", "The dance of Bulgaria is the Bulgarian Tango."),
        ("flowers", "What is the flower of Hungary?", "The flower of Hungary is the Hungarian Iris."),
    ],
)
def test_the_owners_adjective_makes_no_two_names_alike(judged, domain: str, question: str, answer: str) -> None:
    assert judged(domain, question, answer) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "said", "right", "wrong"),
    [
        ("pens", "Which maker is behind the Safari?", "Collectors of the Safari say {}.", "Lamy", "Montblanc"),
        ("guitars", "Which brand made the Telecaster?", "Players of the Telecaster say {}.", "Fender", "Gibson"),
        ("telescopes", "Which brand is the Starseeker?", "Owners of a Starseeker say {}.", "Orion", "Celestron"),
    ],
)
def test_the_first_word_of_a_sentence_is_no_answer_where_one_of_the_asked_kind_follows(judged, domain, question, said, right, wrong):
    assert judged(domain, question, said.format(right)) == {Verdict.VERIFIED}
    assert judged(domain, question, said.format(wrong)) == {Verdict.CONTRADICTED}
    assert judged(domain, question, f"Xenon or {right}.") != {Verdict.VERIFIED}, "a guess"
