"""Questions whose words are not the ontology's, and answers that say what they say in other words than it: in three domains."""

from __future__ import annotations

import pytest

from feedback_node.hearing.languages import is_another_language
from schemas.triplet import Verdict
from tests.unit.feedback_node.hearing.judging import verdicts_of

FIELDS = {
    "moons": (
        {
            "discoverer": {"closed": True, "nouns": ["discoverer"], "verbs": ["discover"], "phrases": ["{object} discovered {subject}"]},
            "discovered": {"functional": True, "value": "date", "phrases": ["{subject} was discovered in {object}"]},
            "orbits": {"functional": True, "listed_range": True, "verbs": ["orbit"], "phrases": ["{subject} orbits {object}"]},
            "diameter": {"functional": True, "value": "number", "nouns": ["diameter"], "phrases": ["{subject} is {object} across"]},
            "moons": {"functional": True, "value": "number", "phrases": ["{subject} has {object} moons"]},
            "namesake": {"functional": True, "phrases": ["{subject} is named after {object}"]},
            "kind": {"functional": True, "listed_range": True, "phrases": ["{subject} is a {object}"]},
        },
        ["moon", "planet", "astronomer"],
        [("Orvane", "discoverer", "Piet Hallenberg"), ("Orvane", "orbits", "Thessaly"), ("Orvane", "diameter", "1212 km"),
         ("Belisa", "orbits", "Korvath"), ("Belisa", "discoverer", "Anna Rosvelt"), ("Tiny Skarn", "discoverer", "Anna Rosvelt"),
         ("Thessaly", "moons", "5"), ("Korvath", "moons", "0"), ("Orvane", "namesake", "Ada Orvanius"), ("Orvane", "kind", "ice moon"),
         ("Belisa", "kind", "captured body")],
    ),
    "plays": (
        {
            "author": {"closed": True, "nouns": ["author"], "verbs": ["write"], "phrases": ["{subject} was written by {object}"]},
            "genre": {"functional": True, "listed_range": True, "phrases": ["{subject} is a {object}"]},
            "language": {"functional": True, "listed_range": True, "phrases": ["{subject} was written in {object}"]},
            "acts": {"functional": True, "value": "number", "phrases": ["{subject} has {object} acts"]},
            "namesake": {"functional": True, "phrases": ["{subject} is named after {object}"]},
        },
        ["play", "author", "comedy"],
        [("Winter Bread", "author", "Jon Esterhaze"), ("Winter Bread", "genre", "comedy"), ("Winter Bread", "acts", "3"),
         ("The Glass Mill", "author", "Clara Voss"), ("The Glass Mill", "genre", "tragedy"), ("Salt Road", "author", "Clara Voss"),
         ("Winter Bread", "language", "Danish"), ("Salt Road", "language", "Polish"), ("Salt Road", "namesake", "Edda Quill")],
    ),
    "drums": (
        {
            "inventor": {"closed": True, "nouns": ["inventor"], "verbs": ["invent"], "phrases": ["{subject} was invented by {object}"]},
            "origin": {"functional": True, "listed_range": True, "phrases": ["{subject} comes from {object}"]},
            "played_with": {"functional": True, "listed_range": True, "phrases": ["{subject} is played with {object}"]},
            "strings": {"functional": True, "value": "number", "phrases": ["{subject} has {object} strings"]},
            "width": {"functional": True, "value": "number", "nouns": ["width"]},
        },
        ["drum", "instrument", "inventor"],
        [("tamborel", "inventor", "Luis Carvajo"), ("tamborel", "origin", "Peru"), ("tamborel", "played_with", "the hands"),
         ("rebeka", "played_with", "a bow"), ("rebeka", "strings", "3"), ("rebeka", "origin", "Norway"), ("tamborel", "width", "40 cm"),
         ("tamborel", "strings", "0"), ("slagtun", "inventor", "Mette Aarland"), ("slagtun", "played_with", "mallets")],
    ),
}  # fmt: skip
RIGHT, WRONG, NONE = {Verdict.VERIFIED}, {Verdict.CONTRADICTED}, set()


@pytest.fixture(scope="module")
def judged():
    return verdicts_of(FIELDS)


@pytest.mark.parametrize(
    ("domain", "question", "right", "wrong"),
    [
        ("moons", "How wide is Orvane?", "About 1,212 km.", "939 km"),
        ("moons", "Which planet does Orvane circle?", "Thessaly", "Korvath, not Thessaly."),
        ("moons", "Which planet does Orvane go around?", "It revolves around Thessaly.", "It goes round Korvath."),
        ("moons", "Who spotted Belisa?", "Belisa was spotted by Anna Rosvelt.", "It was first noticed by Piet Hallenberg."),
        ("moons", "Who is Orvane named after?", "It bears the name of Ada Orvanius.", "It takes its name from Isaac Norden."),
        ("drums", "How broad is the tamborel?", "40 cm", "1.2 m"),
        ("drums", "How do you play the tamborel?", "You play it with your hands.", "You play it with a bow."),
        ("plays", "Who is Salt Road named after?", "It owes its name to Edda Quill.", "It is called after Jon Esterhaze."),
    ],
)
def test_a_question_in_words_that_say_nearly_the_same_is_understood(judged, domain, question, right, wrong):
    assert judged(domain, question, right) == RIGHT
    assert Verdict.CONTRADICTED in judged(domain, question, wrong)


@pytest.mark.parametrize(
    ("domain", "question", "choices", "right"),
    [
        ("moons", "Which of these was discovered by Hallenberg: {}, {} or {}?", ("Orvane", "Belisa", "Tiny Skarn"), "Orvane"),
        ("plays", "Which of these is by Esterhaze: {}, {}, or {}?", ("The Glass Mill", "Winter Bread", "Salt Road"), "Winter Bread"),
        ("drums", "Which of the two was invented by Aarland, the {} or the {}?", ("tamborel", "slagtun"), "slagtun"),
    ],
)
def test_of_things_to_choose_from_the_one_whose_it_is_is_right_and_the_others_are_wrong(judged, domain, question, choices, right):
    for choice in choices:
        for answer in (choice, f"It is {choice}.", f"{choice} is."):
            assert judged(domain, question.format(*choices), answer) == (RIGHT if choice == right else WRONG), answer


@pytest.mark.parametrize(
    ("domain", "question", "right", "wrong"),
    [
        ("moons", "Which moon did Hallenberg discover?", "Orvane", "Belisa"),
        ("plays", "Which play did Esterhaze write?", "Winter Bread", "Salt Road"),
        ("drums", "What did Carvajo invent?", "The tamborel.", "The slagtun."),
    ],
)
def test_who_made_it_is_known_in_a_question_by_the_last_name(judged, domain, question, right, wrong):
    assert judged(domain, question, right) == RIGHT
    assert judged(domain, question, wrong) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "is_so"),
    [
        ("moons", "Doesn't Orvane orbit Thessaly?", True),
        ("moons", "Doesn't Orvane orbit Korvath?", False),
        ("plays", "Didn't Jon Esterhaze write Winter Bread?", True),
        ("plays", "Wasn't Winter Bread written by Clara Voss?", False),
        ("plays", "Winter Bread is a comedy, isn't it?", True),
        ("drums", "Doesn't the tamborel come from Peru?", True),
        ("drums", "The tamborel comes from Norway, doesn't it?", False),
    ],
)
def test_a_question_that_begins_with_isnt_asks_the_same_as_without_it(judged, domain, question, is_so):
    for yes in ("Yes.", "Correct.", "It does, yes.", "Yes, indeed."):
        assert judged(domain, question, yes) == (RIGHT if is_so else WRONG), yes
    for no in ("No.", "No, not at all."):
        assert judged(domain, question, no) == (WRONG if is_so else RIGHT), no


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("plays", "Who is the author of Winter Bread?", "The author is {}."),
        ("plays", "Who is the author of Winter Bread?", "The author is **{}**."),
        ("moons", "Who is the discoverer of Orvane?", "The discoverer is {}."),
        ("drums", "Who is the inventor of the tamborel?", "The inventor is {}."),
    ],
)
def test_who_did_it_is_no_kind_of_thing(judged, domain, question, answer):
    assert judged(domain, question, answer.format("Clara Voss" if domain == "plays" else "Anna Rosvelt")) == WRONG


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("drums", "How many strings does the rebeka have?", "The rebeka has three strings, and it is played with a bow."),
        ("drums", "From where does the tamborel come?", "The tamborel is Peruvian; it comes from Peru."),
        ("drums", "Who invented the tamborel?", "The tamborel was invented by the Peruvian Luis Carvajo."),
        ("moons", "Who discovered Orvane?", "Orvane was discovered by the Dutchman Piet Hallenberg."),
        ("plays", "Who wrote Salt Road?", "Salt Road was written by the German Clara Voss."),
        ("plays", "Who wrote Salt Road?", '"Salt Road" is one of Clara Voss\'s best-known plays.'),
        ("plays", "In which language was Winter Bread written?", "Danish, although Esterhaze was Polish."),
        ("plays", "In which language was Winter Bread written?", "In Danish, even though he was a Pole."),
    ],
)
def test_what_is_right_stays_right_beside_what_more_is_said(judged, domain, question, answer):
    assert judged(domain, question, answer) == RIGHT


@pytest.mark.parametrize(
    ("domain", "question", "right", "none"),
    [
        ("moons", "How many moons does Korvath have?", True, ["None.", "None at all.", "It has none.", "It has no moons.", "Zero."]),
        ("moons", "How many moons does Thessaly have?", False, ["None.", "It has none at all.", "It has no moons."]),
        ("drums", "How many strings does the tamborel have?", True, ["None.", "There are none.", "It has no strings at all."]),
        ("plays", "How many acts does Winter Bread have?", False, ["None whatsoever.", "It has no acts."]),
    ],
)
def test_none_is_a_number_where_a_number_was_asked(judged, domain, question, right, none):
    for answer in none:
        assert judged(domain, question, answer) == (RIGHT if right else WRONG), answer


@pytest.mark.parametrize(
    ("domain", "question", "first", "second", "is_right"),
    [
        ("moons", "Who discovered Belisa?", "Hallenberg", "Anna Rosvelt", True),
        ("moons", "Who discovered Belisa?", "Rosvelt", "Piet Hallenberg", False),
        ("plays", "Who wrote Salt Road?", "Clara Voss", "Jon Esterhaze", False),
        ("drums", "Who invented the slagtun?", "Aarland", "Luis Carvajo", False),
    ],
)
def test_a_name_that_is_asked_back_and_refused_is_not_the_answer(judged, domain, question, first, second, is_right):
    found = judged(domain, question, f"{first}? No, it was {second}.")
    assert (Verdict.VERIFIED in found) is is_right or Verdict.CONTRADICTED in found
    assert (Verdict.CONTRADICTED in found) is not is_right


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("plays", "Who wrote Salt Road?", "Das weiß doch jedes Kind."),
        ("moons", "Who discovered Orvane?", "Das ist eine gute Frage, mein Freund."),
        ("drums", "Who invented the slagtun?", "Je ne sais pas qui est cette Personne."),
    ],
)
def test_a_word_in_capitals_of_another_language_is_no_wrong_name(judged, domain, question, answer):
    assert is_another_language(answer)
    assert judged(domain, question, answer) == NONE


def test_names_with_small_words_of_other_languages_are_english_sentences():
    for sentence in ("It was Miguel de la Cruz.", "The author is Ludwig von und zu Stein.", "Los Angeles", "Das Boot", "Je t'aime"):
        assert not is_another_language(sentence), sentence
