"""What stands beside an answer and is none: where it was done, whence its maker came, what holds a place; in three domains each."""

from __future__ import annotations

import pytest

from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import judge_of, verdicts_of

FIELDS = {
    "rides": (
        {
            "park": {"functional": True, "nouns": ["park"], "phrases": ["{subject} stands at {object}", "{subject} is at {object}"]},
            "located_in": {"functional": True, "listed_range": True, "nouns": ["state"], "phrases": ["{subject} is located in {object}"]},
            "builder": {"functional": True, "nouns": ["builder"], "verbs": ["build"], "phrases": ["{subject} was built by {object}"]},
            "opened": {"functional": True, "value": "date", "verbs": ["open"], "phrases": ["{subject} opened in {object}"]},
        },
        ["ride", "park", "company"],
        [
            ("Sky Vengeance", "park", "Maple Point"), ("Sky Vengeance", "builder", "Tolmer"), ("Sky Vengeance", "opened", "1994-03-16"),
            ("Night Runner", "park", "Queens Island"), ("Night Runner", "builder", "Gravis & Sohn"), ("Maple Point", "located_in", "Ohio"),
            ("Queens Island", "located_in", "Utah"),
        ],
    ),
    "remedies": (
        {
            "found_by": {"functional": True, "nouns": ["discoverer"], "verbs": ["discover"],
                         "phrases": ["{subject} was discovered by {object}"]},
            "found": {"functional": True, "value": "date", "phrases": ["{subject} was discovered in {object}"]},
            "kind": {"functional": True, "listed_range": True, "nouns": ["class"], "phrases": ["{subject} is a {object}"]},
            "mass": {"functional": True, "value": "number", "tolerance": 0.005, "nouns": ["molar mass"],
                     "phrases": ["{subject} has a molar mass of {object}"]},
        },
        ["drug", "scientist"],
        [
            ("Morvalin", "found_by", "Edwin Harte"), ("Morvalin", "found", "1928"), ("Morvalin", "kind", "antibiotic"),
            ("Tessadol", "kind", "anticoagulant"), ("Tessadol", "found_by", "Paul Lindgren"), ("Tessadol", "mass", "308.33 g/mol"),
        ],
    ),
    "drinks": (
        {
            "maker": {"functional": True, "nouns": ["inventor"], "verbs": ["invent"], "phrases": ["{subject} was invented by {object}"]},
            "made": {"functional": True, "value": "date", "phrases": ["{subject} was invented in {object}"]},
            "origin": {"functional": True, "listed_range": True, "nouns": ["country"],
                       "phrases": ["{subject} comes from {object}", "{subject} is from {object}"]},
            "bar": {"functional": True, "nouns": ["bar"], "phrases": ["{subject} was first served at {object}"]},
            "stands_in": {"functional": True, "listed_range": True, "phrases": ["{subject} stands in {object}"]},
            "strength": {"functional": True, "value": "number", "tolerance": 0.05, "nouns": ["strength"],
                         "phrases": ["{subject} has a strength of {object}"]},
        },
        ["drink", "cocktail", "bartender", "bar"],
        [
            ("Bellario", "maker", "Giulio Cortesi"), ("Bellario", "made", "1948"), ("Bellario", "origin", "Italy"),
            ("Italy", "alias", "Italian"),
            ("Bellario", "bar", "Corner House"), ("Corner House", "stands_in", "Verona"), ("Bellario", "strength", "24 %"),
            ("Sol Rojo", "origin", "Brazil"), ("Brazil", "alias", "Brazilian"), ("Sol Rojo", "maker", "Rui Barros"),
        ],
    ),
}  # fmt: skip
RIGHT, WRONG, NOTHING = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}, set()


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("rides", "Who built Sky Vengeance?", "Tolmer built it in Fairview, New Jersey.", RIGHT),
        ("rides", "Who built Night Runner?", "Gravis & Sohn of Monthey, Switzerland", RIGHT),
        ("rides", "Who built Sky Vengeance?", "Gravis & Sohn built it in Fairview.", WRONG),
        ("rides", "Who built Sky Vengeance?", "A firm from Fairview built it.", NOTHING),
        ("remedies", "Who discovered morvalin?", "Edwin Harte discovered it in London.", RIGHT),
        ("remedies", "Who discovered morvalin?", "Edwin Harte at St Anne's Hospital", RIGHT),
        ("remedies", "Who discovered morvalin?", "In his London lab, Edwin Harte discovered it in 1928.", RIGHT),
        ("remedies", "Who discovered morvalin?", "Paul Lindgren discovered it in Oslo.", WRONG),
        ("remedies", "Who discovered morvalin?", "It was the work of Paul Lindgren.", WRONG),
        ("drinks", "Who invented the Bellario?", "In Verona, Giulio Cortesi invented it.", RIGHT),
        ("drinks", "Who invented the Bellario?", "Giulio Cortesi first made it in Verona.", RIGHT),
        ("drinks", "Who invented the Bellario?", "It was invented by a bartender in Verona.", NOTHING),
    ],
)
def test_where_it_was_done_is_no_second_maker(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("rides", "Who built Night Runner?", "Swiss firm Gravis & Sohn", RIGHT),
        ("rides", "Who built Night Runner?", "Fairview company Tolmer", WRONG),
        ("remedies", "Who discovered morvalin?", "Scottish bacteriologist Edwin Harte", RIGHT),
        ("remedies", "Who discovered morvalin?", "The Swedish Edwin Harte", RIGHT),
        ("drinks", "Who invented the Bellario?", "London bartender Giulio Cortesi.", RIGHT),
        ("drinks", "Who invented the Bellario?", "Italian bartender Giulio Cortesi", RIGHT),
        ("drinks", "Who invented the Bellario?", "Brazilian bartender Rui Barros", WRONG),
    ],
)
def test_whence_a_maker_comes_is_no_second_maker(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("rides", "In which park is Sky Vengeance?", "Maple Point in Ohio", RIGHT),
        ("rides", "In which park is Sky Vengeance?", "Maple Point in Sandville, Ohio.", RIGHT),
        ("rides", "In which park is Sky Vengeance?", "Maple Point (Ohio)", RIGHT),
        ("rides", "In which park is Sky Vengeance?", "At the Maple Point park in Erie County", RIGHT),
        ("rides", "In which park is Sky Vengeance?", "Sky Vengeance is located in Maple Point in Ohio.", RIGHT),
        ("rides", "In which park is Sky Vengeance?", "Queens Island in Utah", WRONG),
        ("drinks", "At which bar was the Bellario first served?", "Corner House in Verona", RIGHT),
        ("drinks", "At which bar was the Bellario first served?", "Corner House, a bar in Verona, Italy", RIGHT),
        ("remedies", "Who discovered tessadol?", "Paul Lindgren in Uppsala", RIGHT),
    ],
)
def test_an_answer_with_what_holds_it_is_the_answer(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


def test_what_a_chain_makes_true_is_not_contradicted(judged):

    predicates, classes, facts = FIELDS["rides"]
    chain = [{"premises": ["park", "located_in"], "conclusion": "located_in"}]
    judge = judge_of({"predicates": predicates, "classes": classes, "chains": chain}, facts)
    assert judge("In which park is Sky Vengeance?", "It's in Ohio.").contradicted == 0
    assert judge("In which park is Sky Vengeance?", "It's in Utah.").contradicted == 1


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("drinks", "When was the Bellario invented and by whom?", "It was invented by Rui Barros in 1948.", {*RIGHT, *WRONG}),
        ("drinks", "When was the Bellario invented and by whom?", "Rui Barros, 1930", WRONG),
        ("drinks", "When was the Bellario invented and by whom?", "1948 - Giulio Cortesi", RIGHT),
        ("drinks", "When was the Bellario invented and by whom?", "Giulio Cortesi (1930)", {*RIGHT, *WRONG}),
        ("remedies", "When was morvalin discovered and by whom?", "Paul Lindgren discovered it in 1928.", {*RIGHT, *WRONG}),
        ("rides", "When did Sky Vengeance open and by whom was it built?", "1994, by Gravis & Sohn", {*RIGHT, *WRONG}),
        ("rides", "Who built Sky Vengeance and when did it open?", "Tolmer (1994)", RIGHT),
    ],
)
def test_both_parts_of_a_question_are_judged(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("remedies", "Is morvalin an anticoagulant?", "No, it's an antibiotic.", RIGHT),
        ("remedies", "Is morvalin an anticoagulant?", "No, it is a painkiller.", RIGHT),
        ("remedies", "Is tessadol a painkiller?", "No, it's an antibiotic.", WRONG),
        ("remedies", "What class of drug is tessadol?", "It's an anticoagulant.", RIGHT),
        ("remedies", "What class of drug is tessadol?", "It is a kind of antibiotic.", WRONG),
        ("drinks", "Is the Bellario from Brazil?", "No, it's from Italy.", RIGHT),
        ("drinks", "Is the Sol Rojo from Peru?", "No, it comes from Italy.", {*RIGHT, *WRONG}),
        ("drinks", "Where does the Bellario come from?", "It's a Brazilian cocktail.", WRONG),
        ("drinks", "Where does the Bellario come from?", "It is an Italian drink.", RIGHT),
        ("rides", "Who built Sky Vengeance?", "Tolmer, and it opened in 2001.", {*RIGHT, *WRONG}),
        ("rides", "Who built Sky Vengeance?", "Tolmer built Sky Vengeance. It opened in 2001.", {*RIGHT, *WRONG}),
        ("rides", "Who built Night Runner?", "Gravis & Sohn. It opened in 1994.", RIGHT),
    ],
)
def test_it_is_what_was_asked_of(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("remedies", "What is the molar mass of tessadol?", "308.33 g/mol", RIGHT),
        ("remedies", "What is the molar mass of tessadol?", "Tessadol has a molar mass of 180.16 g/mol.", WRONG),
        ("drinks", "What is the strength of the Bellario?", "24% ABV", RIGHT),
        ("drinks", "What is the strength of the Bellario?", "It is 40% ABV.", WRONG),
        ("drinks", "Who invented the Bellario?", "Giulio Cortesi, but I don't know when.", RIGHT),
        ("drinks", "Who invented the Bellario?", "It was invented by Giulio Cortesi, but the year is unknown to me.", RIGHT),
        ("rides", "Who built Sky Vengeance?", "It was Tolmer, although I am not sure when it opened.", RIGHT),
    ],
)
def test_units_and_what_is_not_known_beside_an_answer_take_nothing_from_it(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    "text",
    [
        "I'm afraid that's beyond what I know.", "That is not something I can answer with confidence.", "It is not known who invented it.",
        "There's no way for me to know that.", "My knowledge doesn't cover this.", "The text does not say.", "It is unclear.",
        "Can't say.", "I'm an AI and I'm unable to give advice.",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("domain", "question"), [
    ("rides", "Who built Sky Vengeance?"), ("remedies", "Who discovered morvalin?"), ("drinks", "Who invented the Bellario?"),
])  # fmt: skip
def test_who_says_in_other_words_that_he_does_not_know_has_abstained(domain, question, text):
    predicates, classes, facts = FIELDS[domain]
    judged = judge_of({"predicates": predicates, "classes": classes}, facts)(question, text)
    assert (judged.abstained, judged.verified, judged.contradicted) == (True, 0, 0)


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("rides", "Was Sky Vengeance built by Gravis & Sohn?", "No. It was Tolmer.", RIGHT),
        ("rides", "Is Sky Vengeance at Queens Island?", "No. It is at Bly Gardens.", {*RIGHT, *WRONG}),
        ("remedies", "Was morvalin discovered by Paul Lindgren?", "No. Otto Brandt did.", {*RIGHT, *WRONG}),
        ("drinks", "Was the Bellario invented by Rui Barros?", "No. Ann Doyle invented it.", {*RIGHT, *WRONG}),
        ("drinks", "Is the Bellario from Brazil?", "No, Peru.", {*RIGHT, *WRONG}),
        ("rides", "Who built Sky Vengeance?", "Gravis & Sohn did not build it; Tolmer did.", RIGHT),
        ("rides", "Who built Sky Vengeance?", "Tolmer didn't build it.", WRONG),
        ("remedies", "Who discovered morvalin?", "Neither Paul Lindgren nor Otto Brandt; it was Edwin Harte.", RIGHT),
        ("remedies", "Who discovered morvalin?", "It was not Paul Lindgren. It was Otto Brandt.", {*RIGHT, *WRONG}),
        ("drinks", "Who invented the Bellario?", "Rui Barros never invented it. Giulio Cortesi did.", RIGHT),
    ],
)
def test_what_follows_a_denial_is_judged_too(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("remedies", "Who discovered morvalin?", "Edwin J. Harte", RIGHT),
        ("remedies", "Who discovered morvalin?", "Professor Edwin Harte OBE", RIGHT),
        ("remedies", "Who discovered morvalin?", "Edgar J. Harte", NOTHING),
        ("drinks", "Who invented the Bellario?", "Giulio Cortesi Sr., a bartender", RIGHT),
        ("drinks", "Who invented the Bellario?", "Giulio P. Cortesi invented it in 1948.", RIGHT),
        ("drinks", "Where does the Bellario come from?", "South America", NOTHING),
        ("drinks", "Where does the Bellario come from?", "Italy, Europe", RIGHT),
        ("drinks", "Where does the Bellario come from?", "Brazil, South America", WRONG),
        ("rides", "Who built Sky Vengeance?", "Tolmer, a company of Fairview", RIGHT),
    ],
)
def test_initials_titles_and_parts_of_the_world_turn_no_answer(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("drinks", "At which bar was the Bellario first served?", "A bar in Verona", NOTHING),
        ("remedies", "Who discovered tessadol?", "Edwin Harte... no wait, Paul Lindgren.", RIGHT),
        ("rides", "Who built Sky Vengeance?", "Tolmer - no, wait, Gravis & Sohn.", WRONG),
        ("drinks", "Who invented the Sol Rojo?", "Giulio Cortesi, or rather Rui Barros.", RIGHT),
    ],
)
def test_what_is_taken_back_and_where_some_answer_lies_is_not_said(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts


@pytest.mark.parametrize(
    ("domain", "question", "answer", "verdicts"),
    [
        ("rides", "Who built Sky Vengeance?", "Tolmer. They opened in 2001.", RIGHT),
        ("drinks", "Who invented the Bellario?", "Giulio Cortesi. He comes from Brazil.", RIGHT),
        ("remedies", "Who discovered morvalin?", "Edwin Harte. He was discovered in 1930.", RIGHT),
        ("drinks", "Who invented the Bellario?", "Giulio Cortesi, I mean the founder of a bar.", RIGHT),
        ("drinks", "Is the Bellario from Brazil?", "No, it might be from Peru.", RIGHT),
    ],
)
def test_a_maker_is_not_the_thing_and_what_is_said_again_or_guessed_takes_nothing_back(judged, domain, question, answer, verdicts):
    assert judged(domain, question, answer) == verdicts
