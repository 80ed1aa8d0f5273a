"""What verification promises: verdicts in order, and one key for one claim."""

from __future__ import annotations

import pytest

from feedback_node.verification import claim_key, verify
from schemas.fact import Fact
from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology

ONTOLOGY = Ontology.from_dict(
    {
        "predicates": {
            "composed_by": {"functional": True, "inverse": "composer_of", "nouns": ["composer"], "verbs": ["compose"]},
            "length": {"value": "number", "functional": True, "tolerance": 0.05},
            "premiere": {"value": "date"},
            "sang_with": {"symmetric": True},
        }
    }
)


@pytest.fixture(scope="module")
def graph() -> Hypergraph:
    graph = Hypergraph(ONTOLOGY)
    for subject, predicate, target in [
        ("Aida", "composed_by", "Giuseppe Verdi"),
        ("Giuseppe Verdi", "alias", "Verdi"),
        ("Callas", "sang_with", "Gobbi"),
        ("Aida", "length", "150 minutes"),
    ]:
        graph.put(Fact(subject=subject, predicate=predicate, object=target))
    return graph


def claim(subject: str, predicate: str, target: str) -> Triplet:
    return Triplet(subject=subject, predicate=predicate, object=target, rule="test")


def test_verdicts_come_in_the_order_of_the_claims(graph):
    claims = [claim("Aida", "composed_by", "Verdi"), claim("Aida", "composed_by", "Gobbi"), claim("Aida", "likes", "Verdi")]
    judged = verify(claims, graph)
    assert [one.triplet for one in judged] == claims
    assert [one.verdict for one in judged] == [Verdict.VERIFIED, Verdict.CONTRADICTED, Verdict.UNKNOWN]
    assert verify([], graph) == []


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("Aida", "composed_by", "Verdi"), ("AIDA", "composed_by", "Giuseppe Verdi")),
        (("Aida", "composed_by", "Verdi"), ("Verdi", "composer_of", "Aida")),
        (("Aida", "composed_by", "Verdi"), ("Verdi", "is the composer of", "Aida")),
        (("Aida", "composed_by", "Verdi"), ("Aida", "was composed by", "Verdi, a farmer")),
        (("Callas", "sang_with", "Gobbi"), ("Gobbi", "sang_with", "Callas")),
        (("Aida", "length", "150 minutes"), ("Aida", "length", "2.5 hours")),
        (("Aida", "premiere", "24 December 1871"), ("Aida", "premiere", "December 24, 1871")),
        (("Aida", "is", "long"), ("Aida", "is also", "Long")),
    ],
)
def test_one_claim_in_other_words_has_one_key(graph, left, right):
    assert claim_key(claim(*left), graph) == claim_key(claim(*right), graph)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("Aida", "composed_by", "Verdi"), ("Aida", "composed_by", "Gobbi")),
        (("Aida", "composed_by", "Verdi"), ("Verdi", "composed_by", "Aida")),
        (("Aida", "length", "150 minutes"), ("Aida", "length", "150 hours")),
        (("Aida", "is", "long"), ("Aida", "is", "short")),
        (("Aida", "is", "long"), ("Aida", "is not", "long")),
    ],
)
def test_two_claims_have_two_keys(graph, left, right):
    assert claim_key(claim(*left), graph) != claim_key(claim(*right), graph)
