import pytest

from schemas.fact import Fact
from streams.curriculum.difficulty import RawTerms, raw_terms
from streams.curriculum.task_detector import Content
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

PREDICATES = ("written_by", "born_in", "flows_through")


@pytest.fixture
def graph():
    made = Hypergraph(Ontology.from_dict({"predicates": {name: {} for name in PREDICATES}}))
    for subject, predicate, target in [
        ("Dune", "written_by", "Frank Herbert"),
        ("Frank Herbert", "born_in", "Tacoma"),
        ("Puyallup", "flows_through", "Tacoma"),
        ("Emma", "written_by", "Jane Austen"),
    ]:
        made.put(Fact(subject=subject, predicate=predicate, object=target))
    return made


@pytest.mark.parametrize(
    ("question", "answer", "hops"),
    [
        ("Who wrote Dune?", "Frank Herbert", 1),
        ("Where was the author of Dune born?", "Tacoma", 2),
        ("Where was the author of Dune born?", "The author of Dune was born in Tacoma.", 2),
        ("Which river flows through where the author of Dune was born?", "Puyallup", 3),
        ("Who wrote Dune?", "Jane Austen", 0),  # no path
        ("Who wrote Dune?", "nobody", 0),
        ("Who wrote it?", "Frank Herbert", 0),
    ],
)
def test_hops_are_facts_between_what_is_asked_and_what_the_answer_adds(question, answer, hops, graph):
    assert raw_terms(Content(question, answer), None, graph).hops == hops


def test_length_is_the_words_of_the_prompt_or_of_the_text_where_there_is_none(graph):
    assert raw_terms(Content("one two three", "four"), None, graph).length == 3
    assert raw_terms(Content("", "one two three four"), None, graph).length == 4


def test_centrality_is_of_the_most_specific_entity_of_the_answer(graph):
    terms = raw_terms(Content("Who?", "Frank Herbert of Tacoma, and Puyallup"), None, graph)
    assert terms.centrality == graph.centrality("puyallup") == 0.25
    assert graph.centrality("frank herbert") == 0.5


def test_gold_stands_for_an_answer_that_is_not_there(graph):
    asked = Content("Who wrote Dune?")
    assert raw_terms(asked, ("Frank Herbert", "Herbert"), graph) == raw_terms(Content("Who wrote Dune?", "Frank Herbert"), None, graph)


def test_the_better_answer_counts_for_a_pair(graph):
    pair = Content("Who wrote Dune?", chosen="Frank Herbert", rejected="Jane Austen")
    assert raw_terms(pair, None, graph).hops == 1


def test_without_a_graph_only_the_length_is_known():
    assert raw_terms(Content("a b", "c"), None, Hypergraph(Ontology())) == RawTerms(0, 2, 0)
