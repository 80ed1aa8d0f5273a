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
    assert found == RIGHT if is_right else Verdict.CONTRADICTED in found


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


PLACES = {
    "mountains": (
        {
            "climber": {"closed": True, "verbs": ["climb"], "phrases": ["{subject} was first climbed by {object}"]},
            "country": {"functional": True, "nouns": ["country"], "phrases": ["{subject} is in {object}"]},
            "range": {"functional": True, "listed_range": True, "nouns": ["range"], "phrases": ["{subject} is in {object}"]},
            "climbed": {"functional": True, "value": "date", "phrases": ["{subject} was first climbed in {object}"]},
        },
        ["mountain", "climber"],
        [("Mount Orlin", "climber", "Jacob Grauwer"), ("Mount Orlin", "climber", "Wilhelm Grauwer"), ("Mount Orlin", "country", "Austria"),
         ("Mount Orlin", "range", "Alps"), ("Mount Orlin", "climbed", "1865-07-14"), ("Kaltspitz", "climber", "Achille Verdi"),
         ("Kaltspitz", "climber", "Lino Bassi"), ("Kaltspitz", "country", "Italy"), ("Mount Orlin", "range", "Alps")],
    ),
    "sieges": (
        {
            "winner": {"closed": True, "nouns": ["winner"], "verbs": ["win"], "phrases": ["{subject} was won by {object}"]},
            "duration": {"functional": True, "value": "number", "nouns": ["duration"], "phrases": ["{subject} lasted {object}"]},
            "war": {"functional": True, "listed_range": True, "nouns": ["war"], "phrases": ["{subject} was part of the {object}"]},
        },
        ["siege", "war"],
        [("Siege of Marrow", "winner", "Ada Thorne"), ("Siege of Marrow", "winner", "Piers Thorne"),
         ("Siege of Marrow", "duration", "872 days"), ("Siege of Marrow", "war", "War of the Two Rivers"),
         ("Siege of Dunmere", "war", "Nine Towns War"),
         ("Siege of Dunmere", "duration", "3 days")],
    ),
    "software": (
        {
            "creator": {"closed": True, "nouns": ["creator"], "verbs": ["create"], "phrases": ["{subject} was created by {object}"]},
            "seat": {"functional": True, "nouns": ["headquarters"], "phrases": ["{subject} is headquartered in {object}"]},
            "price": {"functional": True, "value": "number", "nouns": ["price"], "phrases": ["{subject} was bought for {object}"]},
        },
        ["company", "software"],
        [("Fotowerk", "creator", "Thomas Knill"), ("Fotowerk", "creator", "John Knill"), ("Fotowerk Rails", "creator", "Mats Rubin"),
         ("Fotowerk", "seat", "Basel"), ("Gitlow", "seat", "Leeds"), ("Gitlow", "price", "7500000000 USD")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def placed():
    return verdicts_of(PLACES)


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("mountains", "Who first climbed Mount Orlin?", "Jacob and Wilhelm Grauwer"),
        ("mountains", "Who first climbed Mount Orlin?", "It was first climbed by Jacob and Wilhelm Grauwer."),
        ("sieges", "Who won the Siege of Marrow?", "Ada and Piers Thorne won it."),
        ("software", "Name the creators of Fotowerk.", "Thomas and John Knill"),
        ("mountains", "Who made the first climb of Kaltspitz?", "Two Italians, Achille Verdi and Lino Bassi."),
        ("mountains", "Who first climbed Kaltspitz?", "Achille Verdi, together with Lino Bassi, in May 1953."),
        ("mountains", "When was Mount Orlin first climbed?", "Mount Orlin is a mountain in the Alps. It was first climbed in 1865."),
        ("sieges", "How long did the Siege of Marrow last?", "872 days"),
        ("sieges", "How long did the Siege of Dunmere last?", "72 hours"),
        ("sieges", "How long did the Siege of Marrow last?", "It lasted 872 days, from 1241 to 1243."),
        ("sieges", "Which war was the Siege of Marrow part of?", "The Siege of Marrow belongs to the War of the Two Rivers."),
        ("software", "In which city is Gitlow based?", "Gitlow is located in Leeds."),
        ("sieges", "Which war was the Siege of Dunmere part of?", "The War of the, sorry, I mean the Nine Towns War."),
    ],
)
def test_right_answers_with_a_name_shared_a_people_a_month_or_a_place_beside_are_right(placed, domain, question, answer):
    assert placed(domain, question, answer) == RIGHT


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("mountains", "Who first climbed Mount Orlin?", "Achille Verdi and Lino Bassi"),
        ("mountains", "When was Mount Orlin first climbed?", "In 1865. No, wait, that is wrong: it was 1871."),
        ("sieges", "How long did the Siege of Marrow last?", "It lasted 300 days, from 1241 to 1242."),
        ("sieges", "Which war was the Siege of Marrow part of?", "The Siege of Marrow belongs to the Nine Towns War."),
        ("software", "In which city is Gitlow based?", "Gitlow is located in Basel."),
    ],
)
def test_wrong_answers_in_the_same_words_are_contradicted(placed, domain, question, answer):
    assert placed(domain, question, answer) == WRONG


def test_what_was_asked_is_not_read_as_something_else_that_is_so(placed):
    assert Verdict.VERIFIED not in placed("mountains", "In which country is Mount Orlin?", "It is in the Alps.")


def test_of_another_thing_of_the_name_itself_is_no_word_of_the_name(placed):
    said = "Its creator is Mats Rubin, while Fotowerk itself was created by Thomas Knill."
    assert placed("software", "Who is the creator of Fotowerk Rails?", said) == RIGHT


LIVES = {
    "poets": (
        {
            "birthplace": {"functional": True, "phrases": ["{subject} was born in {object}"]},
            "deathplace": {"functional": True, "phrases": ["{subject} died in {object}"]},
            "author": {"closed": True, "verbs": ["write"], "phrases": ["{subject} was written by {object}"]},
        },
        ["poet", "poem"],
        [("Ilse Brandt", "birthplace", "Lund"), ("Ilse Brandt", "deathplace", "Bergen"), ("Tom Arkell", "birthplace", "Bergen"),
         ("Low Tide", "author", "Ilse Brandt")],
    ),
    "firms": (
        {
            "founded": {"functional": True, "value": "date", "phrases": ["{subject} was founded in {object}"]},
            "listed": {"functional": True, "value": "date", "phrases": ["{subject} was listed in {object}"]},
            "founder": {"closed": True, "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
        },
        ["firm"],
        [("Kestrel Works", "founded", "1901"), ("Kestrel Works", "listed", "1950"), ("Kestrel Works", "founder", "Ada Thorne")],
    ),
    "instruments": (
        {
            "reed": {"functional": True, "listed_range": True, "nouns": ["reed"], "phrases": ["{subject} uses {object}"]},
            "kind": {"functional": True, "listed_range": True, "phrases": ["{subject} is classified as {object}"]},
        },
        ["instrument"],
        [("shalmo", "reed", "double reed"), ("shalmo", "kind", "woodwind"), ("crumtuba", "kind", "brass"),
         ("clarinelle", "reed", "single reed")],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def lived():
    return verdicts_of(LIVES)


@pytest.mark.parametrize(
    ("domain", "question", "answer"),
    [
        ("poets", "Who wrote Low Tide?", "Low Tide was written by Ilse Brandt. Ilse Brandt was born in Bergen."),
        ("poets", "Where did Ilse Brandt die?", "She died in Bergen. Ilse Brandt was born in Bergen, too."),
        ("firms", "Who founded Kestrel Works?", "Kestrel Works was founded by Ada Thorne. Kestrel Works was founded in 1950."),
    ],
)
def test_what_is_so_of_another_deed_in_the_same_place_or_year_is_not_so_of_this_one(lived, domain, question, answer):
    assert Verdict.CONTRADICTED in lived(domain, question, answer)


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("What kind of reed does the shalmo use?", "A double reed.", "A single reed."),
        ("What kind of instrument is the shalmo?", "It is classified as woodwind.", "It is classified as brass."),
    ],
)
def test_a_kind_of_something_is_not_the_kind_of_the_thing_itself(lived, question, right, wrong):
    assert lived("instruments", question, right) == RIGHT
    assert lived("instruments", question, wrong) == WRONG


def test_two_cities_are_no_sentence_in_spanish():
    assert not is_another_language("Los Angeles, Las Vegas")
    assert not is_another_language("MIT, Sur Records")
