"""What a question asks whose own words say little: of airports and their codes, lands and their coins, chessmen and their letters."""

from __future__ import annotations

import pytest

from feedback_node.question import read_question
from schemas.fact import Fact
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology
from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["airport", "land", "chessman"],
    "predicates": {
        "code": {"functional": True, "phrases": ["the code of {subject} is {object}"]},
        "coin": {"functional": True, "phrases": ["the coin of {subject} is {object}"]},
        "letter": {"functional": True, "phrases": ["the letter of {subject} is {object}"]},
        "chief": {"functional": True, "nouns": ["chief"], "verbs": ["lead"], "phrases": ["{subject} is led by {object}"]},
        "seat": {"functional": True, "phrases": ["the seat of {subject} is {object}"]},
    },
}  # fmt: skip
ROWS = [("Orrin Field", "code", "ORF", "VLM"), ("Velmora", "coin", "zarn", "quill"), ("Wyvern", "letter", "W", "G")]
FACTS = [
    *((name, of, true) for name, of, true, _ in ROWS),
    *((f"The other {name}", of, other) for name, of, _, other in ROWS),
    *((name, "chief", "Ann Lee") for name, *_ in ROWS),
    *((name, "seat", "Paris") for name, *_ in ROWS),
]
each = pytest.mark.parametrize(("name", "of", "true", "other"), ROWS)


@pytest.fixture(scope="module")
def heard():
    return counts_of(ONTOLOGY, FACTS)


@each
def test_what_two_things_have_to_do_with_each_other_is_told_by_what_they_are(heard, name, of, true, other):
    for question, denial in (
        (f"{name} is written as {{}}, correct?", f"No, {name} is not written as {{}}."),
        (f"Do they use {{}} in {name}?", f"No, they do not use {{}} in {name}."),
        (f"Is {name} represented by {{}}?", "You are mistaken."),
    ):
        assert heard(question.format(true), "Yes.") == (1, 0)
        assert heard(question.format(other), "You're right.") == (0, 1)
        assert heard(question.format(other), denial.format(other))[1] == 0 < heard(question.format(other), denial.format(other))[0]
        assert heard(question.format(true), denial.format(true))[1] > 0


@each
def test_an_answer_cut_off_behind_it_is_not_denies_nothing(heard, name, of, true, other):
    answer = f"Experts use {true} in {name} all day long. They also like to use {true} in {name} at night, and it is not"
    assert heard(f"Do they use {true} in {name}?", answer)[1] == 0


@each
def test_other_verbs_ask_for_something_else(heard, name, of, true, other):
    for question in (f"Did {name} abolish {other}?", f"Is {name} older than {other}?", f"Did {name} invent {other}?"):
        assert heard(question, "Yes.") == (0, 0)


@each
def test_light_verbs_tell_nothing_of_a_place_or_a_person(heard, name, of, true, other):
    for other_thing in ("Paris", "Ann Lee"):
        assert heard(f"Is {name} shown in {other_thing}?", "No.") == (0, 0)


@each
def test_a_sentence_before_a_question_asks_nothing(name, of, true, other):
    graph = Hypergraph(Ontology.from_dict(ONTOLOGY | {"predicates": ONTOLOGY["predicates"] | {"seat": {"nouns": ["seat"]}}}))
    for subject, predicate, target in FACTS:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    asked = read_question(f"I have seen the seat of {name}. Who is the chief of it?", graph)
    assert {part.predicate for part in asked.parts} == {"chief"}
    assert {part.predicate for part in read_question(f"Tell me the seat of {name}.", graph).parts} == {"seat"}
