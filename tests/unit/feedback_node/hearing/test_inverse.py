"""Whose something is, in an answer that says the question again: of guilds, harbours and kites."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import judge_of

ROWS = [
    ("guild", "patron", "weaver", "spinner", "Ottokar", "saints"),
    ("harbour", "beacon", "tarn", "mere", "Lumen", "lamps"),
    ("kite", "string", "sled", "delta", "catgut", "cords"),
]
each = pytest.mark.parametrize(("kind", "noun", "true", "other", "given", "word"), ROWS)


@pytest.fixture(scope="module")
def heard():
    judges = {}
    for kind, noun, true, other, given, _ in ROWS:
        predicates = {noun: {"functional": True, "nouns": [noun], "phrases": [f"the {noun} of {{subject}} is {{object}}"]}}
        facts = [(true, noun, given), (other, noun, "Quendel")]
        judges[kind] = judge_of({"predicates": predicates, "classes": [kind]}, facts)

    def said(kind, question, answer):
        return {one.verdict.value for one in judges[kind](question, answer).triplets} - {"unknown"}

    return said


@each
def test_the_thing_behind_the_question_said_again_is_the_answer(heard, kind, noun, true, other, given, word):
    question = f"Which {kind} has a {noun} that goes by the name of {given} among {word}?"
    lead = f"The {kind} that has a {noun} that goes by the name of {given} among {word} is"
    assert heard(kind, question, f"{lead} a rare sort of {kind} called a {true}.") == {"verified"}
    assert heard(kind, question, f"{lead} a {true}.") == {"verified"}
    assert heard(kind, question, f"{lead} a {other}.") == {"contradicted"}
    assert heard(kind, question, f"{lead} an unheard sort of {kind} called a quorlund.") == set()
    assert heard(kind, question, f"{lead} possibly the one called a {other}.") == set()
