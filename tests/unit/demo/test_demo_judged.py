"""The demo's answers before its own judge: real extraction, real graph. What is taught must be taken apart and found true."""

import pytest

from demo import dataset
from demo.countries import facts
from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.verification import verify
from schemas.triplet import Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.ontology import Ontology


@pytest.fixture(scope="module")
def judge():
    ontology = Ontology.load(dataset.ONTOLOGY)
    graph = Hypergraph(ontology)
    for offset, fact in enumerate(facts()):
        graph.put(fact, offset)
    extractor = TripletExtractor(ontology)

    def judged(texts):
        return [verify(found, graph) for found in extractor.extract(texts)]

    return judged


@pytest.fixture(scope="module")
def full():
    return dataset.samples()


def test_every_fact_is_taken_by_the_graph():
    graph = Hypergraph(Ontology.load(dataset.ONTOLOGY))
    for offset, fact in enumerate(facts()):
        graph.put(fact, offset)
    assert sum(1 for _ in graph) == len(facts())


def test_every_answer_that_is_taught_is_one_claim_and_verified(full, judge):
    samples = [*full.one_hop, *full.two_hop, *full.three_hop, *full.validation]
    found = judge(sample.answer for sample in samples)
    told = [(sample.answer, [claim.verdict.value for claim in claims]) for sample, claims in zip(samples, found, strict=True)]
    assert [entry for entry in told if entry[1] != ["verified"]] == []


def test_chosen_answers_are_verified_and_rejected_ones_contradicted(full, judge):
    chosen = judge(sample.chosen for sample in full.preferences)
    rejected = judge(sample.rejected for sample in full.preferences)
    assert {claim.verdict for claims in chosen for claim in claims} == {Verdict.VERIFIED}
    assert {claim.verdict for claims in rejected for claim in claims} == {Verdict.CONTRADICTED}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The capital of Ukraine is Kiev.", Verdict.VERIFIED),
        ("Washington is the capital of the USA.", Verdict.VERIFIED),
        ("The capital of South Africa is Cape Town.", Verdict.VERIFIED),
        ("The currency of Canada is the dollar.", Verdict.VERIFIED),
        ("The official currency of Poland is the Polish złoty.", Verdict.VERIFIED),
        ("The currency of the United Kingdom is the British pound.", Verdict.VERIFIED),
        ("Vietnam is located in Southeast Asia.", Verdict.VERIFIED),
        ("Turkey is in Europe.", Verdict.VERIFIED),
        ("Brazil is on the continent of South America.", Verdict.VERIFIED),
        ("Spanish is spoken in Mexico.", Verdict.VERIFIED),
        ("Germany borders France.", Verdict.VERIFIED),
        ("France is in the European Union.", Verdict.UNKNOWN),
        ("The capital of Laos is Lousiana-the-Rainbow.", Verdict.CONTRADICTED),
        ("Sydney is the capital of Australia.", Verdict.CONTRADICTED),
        ("Kenya is in Asia.", Verdict.CONTRADICTED),
        ("The baht is the official currency of Bahrain.", Verdict.CONTRADICTED),
    ],
)
def test_what_a_model_may_say_is_judged_as_a_person_would(judge, text, verdict):
    assert [claim.verdict for claim in judge([text])[0]] == [verdict]


@pytest.mark.parametrize(
    ("text", "vague"),
    [
        ("Liberia is in Africa.", False),
        ("Liberia is in West Africa.", False),
        ("Yemen is in the Middle East.", True),
        ("Ecuador is in the Americas.", True),
        ("New Zealand is in the Pacific.", True),
    ],
)
def test_a_region_is_where_a_country_lies_and_tells_its_continent_only_by_its_name(judge, text, vague):
    ((claim,),) = judge([text])
    assert (claim.verdict, claim.vague) == (Verdict.VERIFIED, vague)
