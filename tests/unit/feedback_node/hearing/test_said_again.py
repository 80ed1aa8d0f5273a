"""An answer that says a yes/no question's words again affirms them, or denies them: of bridges, sauces and robots."""

from __future__ import annotations

import pytest

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.hearing import prepare
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.model_output import ModelOutput
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

ONTOLOGY = {
    "classes": ["bridge", "sauce", "robot"],
    "predicates": {
        "toll": {"functional": True, "phrases": ["the toll of {subject} is {object}"]},
        "base": {"functional": True, "phrases": ["the base of {subject} is {object}"]},
        "home": {"functional": True, "phrases": ["the home of {subject} is {object}"]},
        "code": {"functional": True, "value": "number", "nouns": ["code number"], "phrases": ["{subject} has the code number {object}"]},
    },
}  # fmt: skip
ROWS = [
    ("Tarnax", "toll", "copper crown", "silver mark", "legal fare", "31", "bridge"),
    ("Velouta", "base", "fish stock", "lamb stock", "daily fare", "32", "sauce"),
    ("Robbix", "home", "Ostrand", "Kelvik", "night shelter", "33", "robot"),
]
each = pytest.mark.parametrize(("name", "of", "true", "other", "said", "code", "kind"), ROWS)


@pytest.fixture(scope="module")
def heard():
    graph = Hypergraph(Ontology.from_dict(ONTOLOGY))
    facts = [(name, of, true) for name, of, true, *_ in ROWS] + [(f"Other {name}", of, other) for name, of, _, other, *_ in ROWS]
    for subject, predicate, target in [*facts, *((row[0], "code", row[5]) for row in ROWS)]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    extractor = TripletExtractor(graph.ontology)

    def counted(question, answer, *gold):
        utterance = prepare(question, answer, graph)
        (found,) = extractor.extract([utterance.text], [utterance.names])
        output = ModelOutput(prompt_id="p", prompt=question, completion=answer, model_version="m/1", gold=gold or None)
        judged = judge_output(output, found, graph, utterance=utterance)
        return judged.verified, judged.contradicted

    return counted


@each
def test_a_question_said_again_in_its_own_order_is_affirmed_or_denied(heard, name, of, true, other, said, code, kind):
    for thing, is_so in ((true, True), (other, False)):
        question, gold = f"Is the {thing} {said} at {name}?", ("yes",) if is_so else ("no", true)
        right, wrong = ((1, 0), (0, 1)) if is_so else ((0, 1), (1, 0))
        assert heard(question, f"The {thing} is {said} at {name}.", *gold) == right
        assert heard(question, f"The {thing} is not {said} at {name}.", *gold) == wrong
        assert heard(question, f"The {thing} isn't {said} at {name}. It is a good one.", *gold) == wrong
        assert heard(question, f"The {thing} is an old thing, and it is not {said} at {name}.", *gold) == wrong
        assert heard(question, f"The {thing} may not be {said} at {name}.", *gold) == (0, 0)
        assert heard(question, f"The {thing} of Ostby is not {said} at {name} since June.", *gold) == (0, 0)
        assert heard(question, f"The {thing} is {said} at {name}, but it is not {said} at {name}.", *gold) == (1, 1)


@each
def test_the_other_way_round_it_is_the_same(heard, name, of, true, other, said, code, kind):
    for number, is_so in ((code, True), ("35", False)):
        question, gold = f"Is {name} the {kind} with the code number {number}?", ("yes",) if is_so else ("no", code)
        right, wrong = ((1, 0), (0, 1)) if is_so else ((0, 1), (1, 0))
        assert heard(question, f"The {kind} with the code number {number} is not {name}. It is a fine {kind}.", *gold) == wrong
        assert heard(question, f"The {kind} with the code number {number} is {name}.", *gold) == right
        assert heard(question, f"No, the {kind} with the code number {number} is not {name}.", *gold) == wrong


@each
def test_you_are_right_affirms_even_behind_a_no(heard, name, of, true, other, said, code, kind):
    for number, is_so in ((code, True), ("35", False)):
        for question in (
            f"If I say that the code number of {name} is {number}, am I right?",
            f"Does {name} have the code number {number}?",
        ):
            assert heard(question, "You're right.") == ((1, 0) if is_so else (0, 1))
            assert heard(question, "No, no. You're absolutely right.") == (1, 1)
            assert heard(question, "You are not right.") == ((0, 1) if is_so else (1, 0))
    assert heard(f"If I go to {name}, what will I see?", "You're right.") == (0, 0)
