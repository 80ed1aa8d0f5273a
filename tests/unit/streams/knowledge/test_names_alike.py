"""Which names that are alike but for their last word are two, and which may be one."""

from __future__ import annotations

import pytest

from schemas.fact import Fact
from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.ontology import Ontology


def verdict_on(said: str, truth: str) -> Verdict:
    """On a name, where another is true and there is room for one."""
    graph = Hypergraph(Ontology.from_dict({"classes": ["city"], "predicates": {"seat": {"functional": True, "nouns": ["seat"]}}}))
    graph.put(Fact(fact_id="f", subject="Quorn", predicate="seat", object=truth), 0)
    return judge(graph, Triplet(subject="Quorn", predicate="seat", object=said, rule="test")).verdict


@pytest.mark.parametrize(
    ("said", "truth"),
    [
        ("Port Moresby", "Port Louis"),
        ("James Madison", "James Hoban"),
        ("Andorra la Mala", "Andorra la Vella"),
        ("Swiss Crown", "Swiss Franc"),
    ],
)
def test_names_that_are_alike_but_for_a_clearly_other_last_word_are_two(said, truth):
    assert verdict_on(said, truth) is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("said", "truth"),
    [
        ("Pharos Building", "Pharos Tower"), ("Jurassic Era", "Jurassic Period"), ("Mercia Motors", "Mercia Works"),
        ("Ulan Baatar", "Ulan Bator"), ("Quarry Seat", "Quarry Lane"), ("Late Cretaceous", "Upper Cretaceous"),
    ],
)  # fmt: skip
def test_names_that_end_in_what_kind_they_are_of_or_in_like_letters_may_be_one(said, truth):
    assert verdict_on(said, truth) is Verdict.UNKNOWN
