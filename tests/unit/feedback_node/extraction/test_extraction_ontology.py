"""The layer of the ontology's phrases, and ontology names for open claims."""

from __future__ import annotations

import pytest

from feedback_node.extraction.extractor import TripletExtractor
from feedback_node.extraction.tried import unheard_phrases
from streams.knowledge.ontology import Ontology


def said(extractor: TripletExtractor, text: str) -> list[tuple[str, str, str]]:
    return [(t.subject, t.predicate, t.object) for t in extractor.extract([text])[0]]


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Boléro was composed by Maurice Ravel.", ("Boléro", "composed_by", "Maurice Ravel")),
        ("Maurice Ravel composed Boléro.", ("Boléro", "composed_by", "Maurice Ravel")),
        ("Maurice Ravel is the composer of Boléro.", ("Boléro", "composed_by", "Maurice Ravel")),
        ("The composer of Boléro is Maurice Ravel.", ("Boléro", "composed_by", "Maurice Ravel")),
        ("Boléro's composer is Maurice Ravel.", ("Boléro", "composed_by", "Maurice Ravel")),
        ("Boléro, composed by Maurice Ravel, is short.", ("Boléro", "composed_by", "Maurice Ravel")),
    ],
)
def test_an_open_claim_gets_the_ontologys_name_and_direction(knowing: TripletExtractor, text: str, claim: tuple[str, str, str]) -> None:
    assert claim in said(knowing, text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Lagos serves as the capital of Nigeria.", ("Nigeria", "capital", "Lagos")),
        ("People in Laos pay with the kip.", ("Laos", "currency", "kip")),
        ("Japan uses the yen as its currency.", ("Japan", "currency", "yen")),
    ],
)
def test_a_phrase_is_found_with_its_slots_filled(knowing: TripletExtractor, text: str, claim: tuple[str, str, str]) -> None:
    assert said(knowing, text) == [claim]


def test_a_phrase_fills_a_slot_with_each_item_of_a_list(knowing: TripletExtractor) -> None:
    found = said(knowing, "People in Panama pay with the balboa and the dollar.")
    assert {("Panama", "currency", "balboa"), ("Panama", "currency", "dollar")} <= set(found)


def test_both_layers_find_a_claim_once(knowing: TripletExtractor) -> None:
    found = said(knowing, "Boléro was composed by Maurice Ravel.")
    assert len(found) == 1


def test_a_pattern_inside_a_denial_is_denied(knowing: TripletExtractor) -> None:
    (claim,) = knowing.extract(["I doubt that people in Laos pay with the yen."])[0]
    assert claim.hedged


def test_words_that_the_ontology_does_not_know_stay_words(knowing: TripletExtractor) -> None:
    assert ("Boléro", "lasts", "15 minutes") in said(knowing, "Boléro lasts 15 minutes.")


def test_a_pattern_resolves_its_pronoun(knowing: TripletExtractor) -> None:
    assert ("Boléro", "composed_by", "Maurice Ravel") in said(knowing, "Boléro is from 1928. It was composed by Maurice Ravel.")


def test_a_date_is_no_place() -> None:
    ontology = {"predicates": {"located_in": {"phrases": ["{subject} is in {object}"]}, "head": {"nouns": ["head"]}}}
    found = TripletExtractor(Ontology.from_dict(ontology)).extract(["Ann Lee was the head of Acme in 2001. Acme is in Ohio."])[0]
    assert {(t.predicate, t.object) for t in found} == {("head", "Ann Lee"), ("located_in", "Ohio")}


def test_a_predicate_noun_before_a_value_tells_what_the_value_is() -> None:
    ontology = {"predicates": {"symbol": {"nouns": ["symbol"]}, "population": {"value": "number", "nouns": ["population"]}}}
    found = TripletExtractor(Ontology.from_dict(ontology)).extract(
        ['Tin is denoted by the symbol "Sn". Rome has a population of 2.7 million.']
    )[0]
    assert {(t.subject, t.predicate, t.object) for t in found} == {("Tin", "symbol", "Sn"), ("Rome", "population", "2.7 million")}


def test_a_phrase_is_tried_on_its_own_rendering_and_one_that_can_never_match_is_named():
    islands = {"value": "number", "phrases": ["{subject} has {object} islands", "there are {object} islands in {subject}"]}
    script = {"phrases": ["{subject} is written in the {object} script", "is {subject} written in {object}?"]}
    ontology = Ontology.from_dict({"predicates": {"islands": islands, "script": script}})
    extractor = TripletExtractor(ontology)
    (line,) = unheard_phrases(extractor, ontology)
    assert "predicate script" in line
    assert "'is {subject} written in {object}?'" in line
    (found,) = extractor.extract(["Norway has 12 islands."])
    assert [(one.subject, one.predicate, one.object) for one in found] == [("Norway", "islands", "12")]
