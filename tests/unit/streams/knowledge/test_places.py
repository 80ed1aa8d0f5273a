"""A place by its other names is true, what lies apart is another, and what lies in it may be so: in breweries, castles and dances."""

from __future__ import annotations

import pytest

from schemas.fact import Fact
from schemas.triplet import Triplet, Verdict
from streams.knowledge import places
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.ontology import Ontology

ONTOLOGY = {
    "predicates": {
        "country": {"functional": True, "listed_range": True, "phrases": ["{subject} is in {object}", "{subject} comes from {object}"]},
        "borders": {"symmetric": True, "verbs": ["border"]},
        "winner": {"functional": True, "phrases": ["{subject} was won by {object}"]},
        "meaning": {"functional": True, "phrases": ["{subject} means {object}"]},
    }
}
FACTS = [
    ("Oldbrew", "country", "Denmark"), ("Castle Hohl", "country", "Germany"), ("Trevela", "country", "Argentina"),
    ("Castle Dun", "country", "Scotland"), ("Peachside", "country", "Georgia"), ("Sake Kan", "country", "Taiwan"),
    ("Ghana", "country", "Africa"), ("Poland", "borders", "Germany"),
    ("The Hop Cup", "winner", "Germany"), ("Trevela", "meaning", "Butterfly"),
]  # fmt: skip
OF = {name: next(place for thing, _, place in FACTS if thing == name) for name in ("Oldbrew", "Castle Hohl", "Trevela")}


@pytest.fixture(scope="module")
def graph() -> Hypergraph:
    made = Hypergraph(Ontology.from_dict(ONTOLOGY))
    for offset, (subject, predicate, target) in enumerate(FACTS):
        made.put(Fact(subject=subject, predicate=predicate, object=target), offset)
    return made


def said(graph: Hypergraph, subject: str, predicate: str, target: str) -> Verdict:
    return judge(graph, Triplet(subject=subject, predicate=predicate, object=target, rule="t")).verdict


@pytest.mark.parametrize("name", OF)
@pytest.mark.parametrize(
    "other",
    ["Chile", "the Republic of South Africa", "Norwegian", "Turin, Italy", "the Atacama Desert of Peru", "state of California", "Asia"],
)
def test_a_place_that_lies_apart_is_another_though_the_graph_does_not_know_it(graph, name, other):
    assert said(graph, name, "country", other) is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Oldbrew", "Danish"), ("Castle Hohl", "the south of Bavaria, Germany"), ("Trevela", "Argentine"),
        ("Trevela", "northern Argentina"), ("Castle Dun", "the Scottish Highlands, Scotland"),
    ],
)  # fmt: skip
def test_the_true_place_by_another_name_is_true(graph, name, same):
    assert said(graph, name, "country", same) is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("name", "unsure"),
    [
        ("Oldbrew", "Europe"), ("Castle Dun", "the United Kingdom"), ("Castle Dun", "British"), ("Peachside", "the United States"),
        ("Sake Kan", "China"), ("Oldbrew", "the Gulf of Mexico"), ("Trevela", "Michael Jordan"), ("Trevela", "the Ohio River"),
        ("Castle Hohl", "the Silver Mountains"), ("Ghana", "East Africa"), ("Ghana", "Ghana"),
        ("Castle Hohl", "Bavaria"), ("Oldbrew", "Jutland"),
    ],
)  # fmt: skip
def test_what_holds_the_true_place_or_lies_in_it_or_is_part_of_another_name_is_not_told(graph, name, unsure):
    assert said(graph, name, "country", unsure) is Verdict.UNKNOWN


def test_what_lies_in_a_place_does_not_do_what_that_does(graph):
    assert said(graph, "Poland", "borders", "Bavaria") is Verdict.UNKNOWN
    assert said(graph, "The Hop Cup", "winner", "Bavaria") is not Verdict.VERIFIED
    assert said(graph, "Trevela", "meaning", "Italian") is Verdict.UNKNOWN


def test_places_of_one_name_lie_apart_only_where_all_do():
    assert places.lie_apart("Georgia", "Florida")
    assert not places.lie_apart("Georgia", "United States")
    assert not places.lies_in("Georgia", "Asia")
    assert len(places.of_name("congo")) == 2
