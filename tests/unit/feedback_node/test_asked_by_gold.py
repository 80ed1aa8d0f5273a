"""A question in words that the ontology does not have is heard by its gold answers: of lakes, operas and minerals."""

from __future__ import annotations

import pytest

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.hearing import prepare
from feedback_node.question import read_question
from feedback_node.reward import judge_output
from schemas.fact import Fact
from schemas.model_output import ModelOutput
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

ONTOLOGY = {
    "classes": ["lake", "opera", "mineral"],
    "predicates": {
        "outlet": {"functional": True, "phrases": ["the outlet of {subject} is {object}"]},
        "librettist": {"functional": True, "phrases": ["the librettist of {subject} is {object}"]},
        "lustre": {"functional": True, "phrases": ["the lustre of {subject} is {object}"]},
        "rank": {"functional": True, "value": "number", "phrases": ["the rank of {subject} is {object}"]},
        "age": {"functional": True, "value": "number", "nouns": ["age"], "phrases": ["the age of {subject} is {object}"]},
    },
}  # fmt: skip
ROWS = [("Lake Orrin", "outlet", "Spey", "Tay"), ("Velmora", "librettist", "Boito", "Ponte"), ("Zarnite", "lustre", "vitreous", "waxy")]
RANK = {"functional": True, "value": "number", "nouns": ["rank"]}
RANKS = {"Lake Orrin": "51", "Velmora": "52", "Zarnite": "53"}
each = pytest.mark.parametrize(("name", "of", "true", "other"), ROWS)


@pytest.fixture(scope="module")
def heard():
    graph = Hypergraph(Ontology.from_dict(ONTOLOGY))
    facts = [*((name, of, true) for name, of, true, _ in ROWS), *((f"Other {name}", of, other) for name, of, _, other in ROWS)]
    facts += [(name, "rank", rank) for name, rank in RANKS.items()] + [(name, "age", "900") for name in RANKS]
    for subject, predicate, target in facts:
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
def test_the_fact_that_says_the_gold_answer_is_what_is_asked(heard, name, of, true, other):
    question = f"Fill in, as experts do: {name} goes with"
    assert heard(question, f"{name} goes with {true}.", true) == (1, 0)
    assert heard(question, f"{name} goes with {other}.", true) == (0, 1)
    assert heard(question, f"{name} goes with {other}.") == (0, 0)
    assert heard(question, f"{name} goes with {other}.", "an answer that no fact says") == (0, 0)


@each
def test_what_the_gold_answer_has_is_asked_of_what_the_question_names(heard, name, of, true, other):
    question = f"Fill in, as experts do: {true} goes with"
    assert heard(question, f"{true} goes with {name}.", name) == (1, 0)
    assert heard(question, f"{true} goes with {name}.") == (0, 0)


@each
def test_a_value_is_that_of_the_gold_answer(heard, name, of, true, other):
    question = f"Which of all has {RANKS[name]}?"
    assert heard(question, f"It is {name}.", name) == (1, 0)
    assert heard(question, f"It is Other {name}.", name)[0] == 0


@each
def test_a_yes_no_question_is_heard_by_what_is_so(heard, name, of, true, other):
    assert heard(f"Would experts put {name} with {true}?", "No.", "yes") == (0, 1)
    assert heard(f"Would experts put {name} with {true}, isn't it?", "Yes.", "yes") == (1, 0)
    assert heard(f"Would experts put {name} with {other}?", "No.", "no", true) == (1, 0)
    assert heard(f"Would experts put {name} with {other}?", "Yes.", "no", true) == (0, 1)
    assert heard(f"Would experts put {name} with {other}?", "Yes.", "no") == (0, 0)
    assert heard(f"Would experts put {name} at {RANKS[name]}?", "No.", "yes") == (0, 1)
    assert heard(f"Would experts put {name} at 7?", "No.", "no", RANKS[name]) == (1, 0)


@each
def test_gold_that_two_predicates_say_tells_nothing(heard, name, of, true, other):
    graph_says = f"Would experts put {name} at 7?"
    assert heard(graph_says, "No.", "no", RANKS[name], "900") == (0, 0)


@each
def test_the_words_of_a_question_come_first(heard, name, of, true, other):
    assert heard(f"What is the age of {name}?", "900", RANKS[name]) == (1, 0)


@each
def test_by_whom_is_not_from_where(heard, name, of, true, other):
    question = f"Which place is {name} governed from?"
    assert heard(question, f"{name} is governed from Quorlund.", true) == (0, 1)
    assert heard(question, f"{name} is governed by Quorlund.", true) == (0, 0)


@each
def test_of_two_things_that_words_may_ask_the_gold_answer_tells_which(name, of, true, other):
    graph = Hypergraph(Ontology.from_dict(ONTOLOGY | {"predicates": ONTOLOGY["predicates"] | {"rank": RANK}}))
    for predicate, target in (("rank", RANKS[name]), ("age", "900")):
        graph.put(Fact(subject=name, predicate=predicate, object=target))
    question = f"Give the rank of {name} by age."
    assert {part.predicate for part in read_question(question, graph).parts} == {"rank", "age"}
    assert {part.predicate for part in read_question(question, graph, (RANKS[name],)).parts} == {"rank"}
