import json
import random
from functools import cache
from pathlib import Path

import pytest

from benchmarks import multi_hop
from schemas.fact import Fact
from schemas.training_sample import Objective
from streams.curriculum.bands import Bands
from streams.curriculum.difficulty import RawTerms, raw_terms
from streams.curriculum.task_detector import Content
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

OTHERS = Path(__file__).parents[3] / "data" / "questions_of_known_hops.json"
"""Questions of known hops about operas, medicines, railways, clubs, gods, bridges and cheeses, with the facts that they need."""
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
        ("Who wrote Dune?", "Jane Austen", None),  # no path
        ("Who wrote Dune?", "nobody", None),
        ("Who wrote it?", "Frank Herbert", None),
        ("Who wrote Dune?", "Dune", 0),
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
    assert raw_terms(Content("a b", "c"), None, Hypergraph(Ontology())) == RawTerms(None, 2, 0)


def test_the_hops_of_questions_with_known_hops_are_right_in_three_domains():
    """Countries and cities, chemical elements, and novels, with answers in a word and in a sentence, by relations that are named or not."""
    graph = Hypergraph(Ontology())
    for fact in multi_hop.facts():
        graph.put(fact)
    asked = [(one.text, one.answer, one.hops) for one in random.Random(0).sample(multi_hop.questions(), 400)]
    for number in range(40):
        book, author, town, state = f"Novel {number}", f"Author Nr{number}", f"Town {number % 20}", f"State {number % 4}"
        for subject, predicate, target in [
            (book, "author", author),
            (author, "birthplace", town),
            (town, "state", state),
            (author, "home state", state),
        ]:
            graph.put(Fact(subject=subject, predicate=predicate, object=target))
        asked += [
            (f"Who is the author of {book}?", author, 1),
            (f"What is the birthplace of the author of {book}?", f"{author}, who wrote it, is from {town}.", 2),
            (f"In which state is the birthplace of the author of {book}?", state, 3),
            (f"What is the home state of the author of {book}?", f"It is {state}.", 2),
        ]
    right = [raw_terms(Content(question, answer), None, graph).hops == hops for question, answer, hops in asked]
    assert sum(right) / len(right) >= 0.95
    for hops in (1, 2, 3):
        of_these = [one for one, (_, _, known) in zip(right, asked, strict=True) if known == hops]
        assert sum(of_these) / len(of_these) >= 0.95, hops


VALUED = {
    "predicates": {
        "composed_by": {"functional": True, "nouns": ["composer"], "phrases": ["{subject} was composed by {object}"]},
        "born_in": {"functional": True, "nouns": ["birthplace"]},
        "country": {"functional": True, "nouns": ["country"]},
        "capital": {"functional": True, "nouns": ["capital"]},
        "premiered": {"functional": True, "value": "date", "phrases": ["{subject} premiered on {object}"]},
        "acts": {"functional": True, "value": "number", "nouns": ["number of acts"]},
        "population": {"functional": True, "value": "number", "tolerance": 0.05, "nouns": ["population"]},
    }
}


@pytest.fixture
def operas():
    made = Hypergraph(Ontology.from_dict(VALUED))
    for subject, predicate, target in [
        ("Moonveil", "composed_by", "Aldo Ferrani"),
        ("Corvane", "composed_by", "Ilya Drenko"),
        ("Aldo Ferrani", "born_in", "Brindo"),
        ("Ilya Drenko", "born_in", "Vessara"),
        ("Brindo", "country", "Ostrelia"),
        ("Vessara", "country", "Ostrelia"),
        ("Ostrelia", "capital", "Brindo"),
        ("Moonveil", "premiered", "1884-03-12"),
        ("Corvane", "premiered", "1867-05-30"),
        ("Moonveil", "acts", "3"),
        ("Corvane", "acts", "5"),
        ("Brindo", "population", "210,000"),
    ]:
        made.put(Fact(subject=subject, predicate=predicate, object=target))
    return made


@pytest.mark.parametrize(
    ("question", "answer", "hops"),
    [
        ("When did Moonveil premiere?", "12 March 1884", 1),
        ("How many acts does Corvane have?", "Five acts.", 1),
        ("How many acts has the opera by Aldo Ferrani?", "It has 3.", 2),
        ("What is the population of the birthplace of Aldo Ferrani?", "About 210,000 people", 2),
        ("What is the population of the birthplace of the composer of Moonveil?", "210 thousand", 3),
        ("How many singers has Moonveil?", "12", None),  # no fact says so
        ("When did Moonveil premiere?", "long ago", None),
    ],
)
def test_a_number_or_a_date_is_as_far_as_the_fact_that_gives_it(question, answer, hops, operas):
    assert raw_terms(Content(question, answer), None, operas).hops == hops


@pytest.mark.parametrize(
    ("question", "answer", "hops"),
    [
        ("Did Aldo Ferrani compose Moonveil?", "Yes", 1),
        ("Was the composer of Moonveil born in Brindo?", "Yes, he was.", 2),
        ("Was the composer of Corvane born in Ostrelia?", "Yes, in Vessara.", 3),
        ("Is Ilya Drenko the composer of Corvane?", "Ilya Drenko is the composer of Corvane.", 1),
        ("Is it so that Corvane has 5 acts?", "It is.", 1),
        ("Is Ilya Drenko the composer of Moonveil?", "No.", 1),
        ("Is Brindo the birthplace of the composer of Corvane?", "No", 2),
        ("Has Corvane 7 acts?", "No", 1),
        ("Is the composer of Moonveil old?", "", None),
    ],
)
def test_a_yes_or_no_is_as_far_as_what_decides_it(question, answer, hops, operas):
    assert raw_terms(Content(question, answer), None, operas).hops == hops


@pytest.mark.parametrize(
    ("question", "answer", "hops"),
    [
        ("Who is the composer of Moonveil, Aldo Ferrani or Ilya Drenko?", "Aldo Ferrani", 1),
        ("Is the composer of Corvane from Brindo or from Vessara?", "From Vessara.", 2),
        ("Was Aldo Ferrani born in Brindo or Vessara?", "Brindo", 1),
    ],
)
def test_what_the_answer_chooses_is_as_far_as_it_is_from_the_others(question, answer, hops, operas):
    assert raw_terms(Content(question, answer), None, operas).hops == hops


@pytest.mark.parametrize(
    ("question", "answer", "hops"),
    [
        ("Moonveil was composed by Aldo Ferrani. What is the birthplace of Aldo Ferrani?", "Brindo", 1),
        ("What is the birthplace of Aldo Ferrani, the composer of Moonveil?", "Brindo", 1),
        ("Ilya Drenko is the composer of Corvane. In which country is his birthplace?", "Ostrelia", 2),
        ("In which country is the birthplace of the composer of Corvane?", "Ostrelia", 3),
    ],
)
def test_what_the_question_names_need_not_be_found(question, answer, hops, operas):
    assert raw_terms(Content(question, answer), None, operas).hops == hops


def test_a_path_may_end_where_it_has_passed(operas):
    """The capital of the country of his birthplace is his birthplace: three facts, and not one."""
    asked = "What is the capital of the country of the birthplace of Aldo Ferrani?"
    assert raw_terms(Content(asked, "Brindo"), None, operas).hops == 3
    assert raw_terms(Content("What is the birthplace of Aldo Ferrani?", "Brindo"), None, operas).hops == 1


DOMAINS = {domain["name"]: domain for domain in json.loads(OTHERS.read_text(encoding="utf-8"))}


@cache
def graph_of(name: str) -> Hypergraph:
    graph = Hypergraph(Ontology.from_dict(DOMAINS[name]["ontology"]))
    for subject, predicate, target in DOMAINS[name]["facts"]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    return graph


@pytest.mark.parametrize(
    ("domain", "question", "answer", "hops"),
    [
        ("bridges", "Which bridge opened in 1931?", "Lark Bridge", 1),
        ("bridges", "Who designed the bridge that opened in 1931?", "Hana Volk", 2),
        ("bridges", "What is the span of the bridge that opened on 20 April 1880?", "130 m", 2),
        ("clubs", "Which ground has a capacity of 9,800?", "Mill Road", 1),
        ("clubs", "In which city is the stadium with a capacity of 31,200?", "Kingsport", 2),
        ("clubs", "What is the population of the city whose stadium has a capacity of 18,500?", "210,000", 3),
        ("railways", "Who is the head of the operator of the line with a length of 52 km?", "Ivo Lang", 3),
        ("railways", "Who is the head of the operator of the line with a length of 99 km?", "Ivo Lang", None),
        ("bridges", "What happened in 1931?", "Lark Bridge", None),
    ],
)
def test_what_a_number_or_a_date_tells_is_found_by_one_fact_more(domain, question, answer, hops):
    assert raw_terms(Content(question, answer), None, graph_of(domain)).hops == hops


@pytest.mark.parametrize(
    ("domain", "question", "answer", "hops"),
    [
        ("bridges", "Which opened first, Lark Bridge or Ridley Viaduct?", "Ridley Viaduct", 2),
        ("bridges", "Which has the longer span, Kestrel Bridge or Lark Bridge?", "Lark Bridge, with 412 m.", 2),
        ("cheeses", "Who was born first, Lise Garrow or Ivor Maddock?", "Ivor Maddock", 2),
        ("cheeses", "Which is older, Tolver or Brindle Blue?", "Tolver", 2),
        ("railways", "Which is longer, the Amber Line or the Cobalt Line?", "The Cobalt Line", 2),
        ("clubs", "Who is the coach of The Bricks, Tom Eads or somebody else?", "Tom Eads", 1),
    ],
)
def test_two_are_compared_by_a_fact_of_each(domain, question, answer, hops):
    assert raw_terms(Content(question, answer), None, graph_of(domain)).hops == hops


@pytest.mark.parametrize(
    ("domain", "question", "answer", "hops"),
    [
        ("bridges", "Do Lark Bridge and Ridley Viaduct have the same designer?", "No", 2),
        ("bridges", "Do Lark Bridge and Kestrel Bridge cross the same river?", "Yes", 2),
        ("cheeses", "Do Brindle Blue and Tolver come from the same region?", "No.", 2),
        ("cheeses", "Are Tolver and Casket Gold both made from the milk of a cow?", "Yes", 2),
        ("clubs", "Do Marlow Rovers and Ferndale United have the same coach?", "No, Tom Eads and Ugo Bassi.", 2),
        ("railways", "Are Abbey Cross and Barrow Gate both on the Amber Line?", "Yes", 2),
    ],
)
def test_what_is_asked_of_each_of_several_takes_a_fact_of_each(domain, question, answer, hops):
    assert raw_terms(Content(question, answer), None, graph_of(domain)).hops == hops


@pytest.mark.parametrize(
    ("domain", "question", "answer", "hops"),
    [
        ("bridges", "Is Lark Bridge longer than 400 metres in its span?", "Yes, its span is 412 m.", 1),
        ("bridges", "Was Lark Bridge opened before 1940?", "Yes", 1),
        ("clubs", "Is the capacity of Mill Road more than 5,000?", "Yes", 1),
        ("clubs", "Is the capacity of the stadium of Marlow Rovers more than 5,000?", "Yes, it is 18,500.", 2),
        ("clubs", "Did Kofi Adu score 12 goals?", "Yes", None),
    ],
)
def test_a_bound_is_as_far_as_the_number_that_is_held_against_it(domain, question, answer, hops):
    assert raw_terms(Content(question, answer), None, graph_of(domain)).hops == hops


@pytest.mark.parametrize(
    ("domain", "question", "hops"),
    [
        ("bridges", "Does Kestrel Bridge cross the Imber?", 1),
        ("operas", "Did Ilya Drenko compose Moonveil?", 1),
        ("medicines", "Does Cortexol treat Tarn syndrome?", 1),
        ("bridges", "Does Kestrel Bridge admire the Imber?", None),
    ],
)
def test_a_no_is_looked_up_by_a_verb_where_no_noun_names_the_relation(domain, question, hops):
    assert raw_terms(Content(question, "No."), None, graph_of(domain)).hops == hops


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_hops_are_right_in_domains_that_were_made_to_find_faults(domain):
    """With declared words and without, aliases, relations the other way round, answers that add several, values, yes and no."""
    graph = graph_of(domain["name"])
    wrong = [(asked, answer) for asked, answer, hops in domain["questions"] if raw_terms(Content(asked, answer), None, graph).hops != hops]
    assert len(wrong) <= 0.05 * len(domain["questions"]), wrong


def test_what_is_not_known_is_neither_easy_nor_hard():
    bands = Bands()
    for hops in (1.0, 2.0, 3.0, None) * 10:
        difficulty, _ = bands.place(Objective.SFT, RawTerms(hops, 5.0, 0.1))
    assert difficulty.h == 0.5
    assert bands.place(Objective.SFT, RawTerms(1.0, 5.0, 0.1))[0].h < 0.5 < bands.place(Objective.SFT, RawTerms(3.0, 5.0, 0.1))[0].h
