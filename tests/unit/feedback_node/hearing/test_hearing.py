"""What an answer says is heard in whatever form and wording it is said: tables over geography, books, chemistry, mountains and firms."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from schemas.graph_reward import GraphReward
from streams.knowledge.ontology import Ontology
from tests.unit.feedback_node.hearing.judging import judge_of

ONTOLOGY = Ontology.from_dict(
    {
        "classes": ["country", "city", "book", "novel", "mountain", "planet"],
        "predicates": {
            "capital": {"functional": True, "nouns": ["capital"], "phrases": ["the capital of {subject} is {object}"]},
            "continent": {"functional": True, "listed_range": True, "nouns": ["continent"], "phrases": ["{subject} is in {object}"]},
            "currency": {"functional": True, "nouns": ["currency"]},
            "neighbour": {"symmetric": True, "verbs": ["border"]},
            "population": {"functional": True, "value": "number", "tolerance": 0.05, "nouns": ["population"]},
            "author": {"functional": True, "nouns": ["author"], "verbs": ["write"], "phrases": ["{subject} was written by {object}"]},
            "published": {"functional": True, "value": "date", "verbs": ["publish"], "phrases": ["{subject} was published in {object}"]},
            "height": {
                "functional": True,
                "value": "number",
                "tolerance": 0.01,
                "phrases": ["{subject} is {object} high"],
                "nouns": ["height"],
            },
            "symbol": {"functional": True, "nouns": ["symbol"], "phrases": ["the symbol of {subject} is {object}"]},
            "melting_point": {
                "functional": True,
                "value": "number",
                "nouns": ["melting point"],
                "phrases": ["{subject} melts at {object}"],
            },
            "discovered_by": {"functional": True, "verbs": ["discover"], "phrases": ["{subject} was discovered by {object}"]},
            "founder": {"functional": True, "nouns": ["founder"], "verbs": ["found"], "phrases": ["{subject} was founded by {object}"]},
        },
    }
)
FACTS = [
    ("Peru", "capital", "Lima"), ("Peru", "continent", "South America"), ("Peru", "currency", "sol"), ("Peru", "population", "33000000"),
    ("Chile", "capital", "Santiago"), ("Niger", "neighbour", "Mali"), ("Bosnia and Herzegovina", "capital", "Sarajevo"),
    ("Trinidad and Tobago", "capital", "Port of Spain"), ("São Tomé and Príncipe", "capital", "São Tomé"),
    ("Côte d'Ivoire", "capital", "Yamoussoukro"),
    ("Moby-Dick", "author", "Herman Melville"), ("Herman Melville", "alias", "Melville"), ("Moby-Dick", "published", "1851-10-18"),
    ("Gone with the Wind", "author", "Margaret Mitchell"), ("Of Mice and Men", "author", "John Steinbeck"),
    ("My Ántonia", "author", "Willa Cather"),
    ("This Side of Paradise", "author", "F. Scott Fitzgerald"), ("As I Lay Dying", "author", "William Faulkner"),
    ("Catch-22", "author", "Joseph Heller"),
    ("Emma", "author", "Jane Austen"), ("Everest", "height", "8848 m"), ("Gold", "symbol", "Au"), ("Gold", "melting_point", "1064 °C"),
    ("Radium", "discovered_by", "Marie Curie"), ("Oxygen", "discovered_by", "Joseph Priestley"),
    ("Marks and Spencer", "founder", "Michael Marks"),
    ("Procter & Gamble", "founder", "William Procter"), ("3M", "founder", "Henry Bryan"), ("Ben & Jerry's", "founder", "Ben Cohen"),
]  # fmt: skip
Judge = Callable[[str, str], GraphReward]
ASKED = {
    "geography": ("What is the capital of Peru?", "Lima", "Cusco", "The capital of Peru is {}."),
    "books": ("Who wrote Moby-Dick?", "Herman Melville", "Nathaniel Hawthorne", "Moby-Dick was written by {}."),
    "chemistry": ("Who discovered radium?", "Marie Curie", "Dmitri Mendeleev", "Radium was discovered by {}."),
    "firms": ("Who is the founder of 3M?", "Henry Bryan", "John Dwan", "The founder of 3M is {}."),
}
"""Question, right answer, wrong one, and the whole sentence."""


@pytest.fixture(scope="module")
def judged() -> Judge:
    return judge_of(ONTOLOGY, FACTS)


FRAGMENTS = [
    "{}.",
    "{}",
    "It is {}.",
    "Answer: {}",
    "The answer is {}.",
    "A: {}",
    "That would be {}.",
    "It's {}.",
    "Sure! {}.",
    "I'd say: {}.",
]
STYLES = {
    "bold": "**{}**", "bullet": "- {}", "heading": "# Answer\n{}", "quoted": "> {}", "footnote": "{}[1]",
    "aside": "{} (see the note)", "emoji": "🎉 {} ✅",
    "numbered": "1. {}", "code": "`{}`", "tags": "<b>{}</b>", "struck": "~~Nobody~~ {}", "curly": "“{}”",
}  # fmt: skip


@pytest.mark.parametrize("domain", ASKED)
@pytest.mark.parametrize("frame", FRAGMENTS)
def test_a_fragment_is_read_against_its_question(judged, domain, frame):
    question, right, wrong, _ = ASKED[domain]
    assert judged(question, frame.format(right)).reward == 1.0
    assert judged(question, frame.format(wrong)).reward == 0.0


@pytest.mark.parametrize(
    ("question", "frame", "right", "wrong"),
    [
        ("What is the capital of Peru?", "You would be in {}.", "Lima", "Cusco"),
        ("What is the capital of Peru?", "If you went there, you would be in {}.", "Lima", "Santiago"),
        ("What is the capital of Peru?", "The capital is {}.", "Lima", "Cusco"),
        ("What is the capital of Peru?", "Capital: {}", "Lima", "Cusco"),
        ("Who wrote Moby-Dick?", "{} did.", "Melville", "Jane Austen"),
        ("Who wrote Moby-Dick?", "It was written by {}.", "Melville", "Jane Austen"),
        ("Who wrote Moby-Dick?", "{} wrote it.", "Melville", "Jane Austen"),
        ("Who wrote Moby-Dick?", "The author is {}.", "Melville", "Jane Austen"),
        ("Who discovered radium?", "It was discovered by {}.", "Marie Curie", "Joseph Priestley"),
        ("Who discovered radium?", "{}, the famous chemist.", "Marie Curie", "Joseph Priestley"),
        ("When was Moby-Dick published?", "In {}.", "1851", "1951"),
        ("When was Moby-Dick published?", "It came out on {}.", "18 October 1851", "17 October 1851"),
        ("What is the population of Peru?", "About {} people.", "33.000.000", "3.300.000"),
        ("How high is Everest?", "{}", "8 848 m", "4 848 m"),
        ("What is the melting point of gold?", "{}", "1064 °C", "1094 °C"),
        ("Which country has Lima as its capital?", "{}.", "Peru", "Chile"),
        ("Is the capital of Peru Lima or Santiago?", "{}.", "Lima", "Santiago"),
    ],
)
def test_what_the_answer_offers_is_the_missing_side(judged, question, frame, right, wrong):
    assert judged(question, frame.format(right)).reward == 1.0
    assert judged(question, frame.format(wrong)).reward == 0.0


@pytest.mark.parametrize("domain", ASKED)
@pytest.mark.parametrize("style", STYLES)
def test_form_is_not_content(judged, domain, style):
    question, right, wrong, sentence = ASKED[domain]
    for said in ("{}", sentence.rstrip(".")):
        assert judged(question, STYLES[style].format(said.format(right))).reward == 1.0
        assert judged(question, STYLES[style].format(said.format(wrong))).reward == 0.0


@pytest.mark.parametrize("domain", ASKED)
def test_capitals_json_and_odd_characters_change_no_verdict(judged, domain):
    question, right, wrong, sentence = ASKED[domain]
    for said, wanted in ((right, 1.0), (wrong, 0.0)):
        for answer in (
            sentence.format(said).upper(), sentence.format(said).lower(), json.dumps({"answer": said}), said[0] + "\u200b" + said[1:],
            f"```json\n{json.dumps({'answer': said})}\n```", sentence.format(said).replace(" ", "\u00a0"),
        ):  # fmt: skip
            assert judged(question, answer).reward == wanted, answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (
            "What is the capital of Peru?",
            "The capital of Peru is Lima, known for its vibrant culture, bustling streets and landmarks.",
        ),
        (
            "Who wrote Moby-Dick?",
            "Moby-Dick was written by Herman Melville, a restless sailor and inspector with a fine prose.",
        ),
        (
            "Who discovered radium?",
            "Radium was discovered by Marie Curie, who worked in a leaking shed, stirring boiling ore.",
        ),
    ],
)
def test_in_capitals_the_names_that_the_graph_knows_are_told_from_words_that_nobody_knows(judged, question, answer):
    plain, shouted = judged(question, answer), judged(question, answer.upper())
    assert (plain.verified, plain.contradicted) == (shouted.verified, shouted.contradicted) == (1, 0)


def test_tables_and_lists_say_what_their_rows_say(judged):
    assert judged("Who wrote Moby-Dick?", "| Book | Author |\n|---|---|\n| Moby-Dick | Herman Melville |").reward == 1.0
    assert judged("Who wrote Moby-Dick?", "- Author: Herman Melville\n- Published: 1851").reward == 1.0
    assert judged("What is the capital of Peru?", "| Country | Capital |\n|---|---|\n| Peru | Cusco |").reward == 0.0


def test_spans_are_those_of_the_answer_as_it_was_written(judged):
    answer = "🎉 The **capital** of Peru is *Lima*[1]."
    (claim,) = judged("What is the capital of Peru?", answer).triplets
    assert claim.triplet.object_span is not None
    assert answer[slice(*claim.triplet.object_span)] == "Lima"


@pytest.mark.parametrize("domain", ASKED)
def test_guessing_earns_less_than_answering(judged, domain):
    question, right, wrong, _ = ASKED[domain]
    for guess in (f"{right} or {wrong}.", f"It is {wrong} or {right}.", f"{wrong}, {right}", f"Either {right} or {wrong}."):
        assert judged(question, guess).reward == 0.5, guess


@pytest.mark.parametrize("domain", ASKED)
def test_to_set_apart_is_to_affirm_one_and_to_deny_the_other(judged, domain):
    question, right, wrong, sentence = ASKED[domain]
    plain = sentence.rstrip(".")
    for frame in (plain, "{}", "It is {}"):
        for said, other, wanted in ((right, wrong, 1.0), (wrong, right, 0.0)):
            for answer in (f"{said}, not {other}", f"{said} rather than {other}", f"not {other} but {said}"):
                assert judged(question, frame.format(answer) + ".").reward == wanted, frame.format(answer)
    assert judged(question, f"It is not {right}.").reward == 0.0
    assert judged(question, f"It is not {wrong}.").answers_question is False


@pytest.mark.parametrize(
    ("question", "answer", "wanted"),
    [
        ("Is Lima the capital of Peru?", "Yes.", 1.0), ("Is Lima the capital of Peru?", "No.", 0.0),
        ("Is Cusco the capital of Peru?", "No.", 1.0),
        ("Is Santiago the capital of Peru?", "No, it is Lima.", 1.0), ("Did Jane Austen write Moby-Dick?", "No.", 1.0),
        ("Was Moby-Dick written by Herman Melville?", "Yes, it was.", 1.0), ("Was radium discovered by Marie Curie?", "No", 0.0),
        ("Is the capital of Peru Lima?", "Correct.", 1.0), ("Does Niger border Mali?", "Yes, it does.", 1.0),
        ("What are the capitals of Peru and Chile?", "Lima and Santiago.", 1.0),
        ("What are the capitals of Peru and Chile?", "Santiago and Lima.", 0.0),
        ("What are the capital and the currency of Peru?", "Lima and the sol.", 1.0),
    ],
)  # fmt: skip
def test_yes_no_and_questions_of_two_parts(judged, question, answer, wanted):
    assert judged(question, answer).reward == wanted


@pytest.mark.parametrize(
    "wording",
    [
        "I don't know.", "I do not know the answer.", "I'm not sure.", "I am unable to answer that.", "I have no idea.",
        "Sorry, I can't answer that.",
        "As an AI language model, I cannot say.", "I don't have that information.", "No idea.", "Unknown.",
        "That is beyond my knowledge.", "I can't recall.",
        "I am not familiar with that.", "Your guess is as good as mine.", "It slipped my mind.", "I lack the data to answer.",
        "N/A", "I'd rather not guess; I don't know.",
        "We have no records of that.", "There is not enough information to answer.", "I'm afraid I couldn't tell you.",
        "It cannot be determined.",
    ],
)  # fmt: skip
@pytest.mark.parametrize("domain", ["geography", "books", "chemistry"])
def test_to_say_that_one_does_not_know_is_to_abstain(judged, domain, wording):
    reward = judged(ASKED[domain][0], wording)
    assert (reward.abstained, reward.total, reward.unread) == (True, 0, 0)


@pytest.mark.parametrize("answer", ["La capital es una ciudad grande.", "It is a nice day.", "Es weiß niemand genau."])
def test_what_could_not_be_read_is_no_abstention_and_is_counted(judged, answer):
    reward = judged("What is the capital of Peru?", answer)
    assert reward.abstained is False
    assert reward.unread == 1


@pytest.mark.parametrize("domain", ASKED)
def test_who_doubts_and_answers_has_not_abstained(judged, domain):
    question, right, _, sentence = ASKED[domain]
    assert judged(question, f"I don't know much, but {sentence.format(right)[0].lower()}{sentence.format(right)[1:]}").abstained is False


def _sentences(name: str, predicate: str, other: str) -> list[str]:
    return {
        "capital": [f"The capital of {name} is {other}.", f"{name}'s capital is {other}.", f"{other} is the capital of {name}."],
        "author": [f"{name} was written by {other}.", f"The author of {name} is {other}.", f"{other} wrote {name}."],
        "founder": [f"{name} was founded by {other}.", f"The founder of {name} is {other}.", f"{other} founded {name}."],
        "discovered_by": [f"{name} was discovered by {other}.", f"{other} discovered {name}."],
    }.get(predicate, [])


@pytest.mark.parametrize(
    ("sentence", "known"),
    [(said, (s, p, o)) for s, p, o in FACTS for said in _sentences(s, p, o)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_that_the_graph_knows_is_one_word(judged, sentence, known):
    reward = judged("", sentence)
    assert (reward.reward, reward.total) == (1.0, 1)
    assert judged("", sentence.replace("'", "’")).reward == 1.0


def test_short_sentences_are_read(judged):
    assert judged("", "Niger borders Mali.").reward == 1.0
    assert judged("", "Niger borders Mali").reward == 1.0


def test_a_description_is_no_answer(judged):
    for answer in (
        "Peru is a beautiful country.",
        "It is in South America.",
        "The largest city is Cusco.",
        "The former capital was Cusco.",
    ):
        assert judged("What is the capital of Peru?", answer).contradicted == 0, answer


@pytest.mark.parametrize(
    "said", ["The first edition of {} was {}.", "The original version of {} was {}.", "The printed edition of {} was {}."]
)
@pytest.mark.parametrize(
    ("work", "right", "wrong"),
    [
        ("Moby-Dick", "published in 1851", "published in 1862"),
        ("Emma", "written by Jane Austen", "written by Mary Shelley"),
        ("Gone with the Wind", "written by Margaret Mitchell", "written by Jane Austen"),
    ],
)
def test_what_is_said_of_an_edition_is_said_of_the_work(judged, said, work, right, wrong):
    assert judged("", said.format(work, right)).reward == 1.0
    assert judged("", said.format(work, wrong)).contradicted == 1
