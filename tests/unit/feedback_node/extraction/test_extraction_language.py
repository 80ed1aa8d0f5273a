"""One test for each construction of English that extraction promises to read. Sentences are not those of the development set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.triplet import Triplet

Pairs = Callable[[str], set[tuple[str, str]]]
Triplets = Callable[[str], list[Triplet]]


def test_a_direct_object_is_the_object(pairs: Pairs) -> None:
    assert ("Marie Curie", "Nobel Prize") in pairs("Marie Curie received the Nobel Prize.")


def test_the_agent_of_a_passive_is_the_object(pairs: Pairs) -> None:
    assert ("Don Quixote", "Miguel de Cervantes") in pairs("Don Quixote was written by Miguel de Cervantes.")


def test_who_made_a_thing_is_said_of_the_thing(triplets: Triplets) -> None:
    (found,) = triplets("Miguel de Cervantes wrote Don Quixote.")
    assert (found.subject, found.predicate, found.object) == ("Don Quixote", "written by", "Miguel de Cervantes")


def test_every_preposition_of_a_verb_brings_a_claim(pairs: Pairs) -> None:
    found = pairs("Leonhard Euler was born in Basel on 15 April 1707 and died in Saint Petersburg.")
    assert found == {("Leonhard Euler", "Basel"), ("Leonhard Euler", "15 April 1707"), ("Leonhard Euler", "Saint Petersburg")}


@pytest.mark.parametrize("text", ["The capital of Chile is Santiago.", "Chile's capital is Santiago.", "Santiago is the capital of Chile."])
def test_a_property_is_said_of_its_owner_however_the_copula_turns_it(text: str, triplets: Triplets) -> None:
    (found,) = triplets(text)
    assert (found.subject, found.object) == ("Chile", "Santiago")
    assert "capital" in found.predicate


def test_parts_and_members_are_said_of_themselves(pairs: Pairs) -> None:
    assert ("Bavaria", "Germany") in pairs("Bavaria is part of Germany.")
    assert ("Ringo Starr", "Beatles") in pairs("Ringo Starr was a member of the Beatles.")


def test_a_property_of_a_property_leads_to_the_owner(pairs: Pairs) -> None:
    assert ("Chile", "Gabriel Boric") in pairs("The name of the president of Chile is Gabriel Boric.")


def test_a_relative_clause_is_about_what_it_hangs_on(pairs: Pairs) -> None:
    found = pairs("Faust was published by Cotta, which was based in Tübingen.")
    assert found == {("Faust", "Cotta"), ("Cotta", "Tübingen")}


def test_whose_names_a_property_of_what_it_hangs_on(pairs: Pairs) -> None:
    assert ("Peru", "Lima") in pairs("Ceviche comes from Peru, whose capital is Lima.")


def test_a_where_clause_is_about_the_place(pairs: Pairs) -> None:
    assert ("Norway", "Jonas Gahr Støre") in pairs("Bergen is in Norway, where the leader is Jonas Gahr Støre.")


def test_a_participle_is_about_the_noun_it_stands_beside(pairs: Pairs) -> None:
    found = pairs("Sagrada Família, located in Barcelona, was designed by Antoni Gaudí.")
    assert found == {("Sagrada Família", "Barcelona"), ("Sagrada Família", "Antoni Gaudí")}


def test_an_opening_participle_is_about_the_subject(pairs: Pairs) -> None:
    assert ("Frida Kahlo", "Coyoacán") in pairs("Born in Coyoacán, Frida Kahlo studied in Mexico City.")


def test_an_apposition_names_a_property(pairs: Pairs) -> None:
    assert ("Uruguay", "Montevideo") in pairs("Montevideo, the capital of Uruguay, was founded in 1724.")


def test_conjuncts_on_either_side_are_claims_of_their_own(pairs: Pairs) -> None:
    found = pairs("Oslo and Bergen are located in Norway.")
    assert found == {("Oslo", "Norway"), ("Bergen", "Norway")}
    found = pairs("Pesto contains basil, pine nuts and olive oil.")
    assert {("Pesto", "basil"), ("Pesto", "pine nuts"), ("Pesto", "olive oil")} <= found


def test_several_clauses_of_a_sentence_share_their_subject(pairs: Pairs) -> None:
    found = pairs("Alan Turing was born in London, studied at Princeton University and worked for GCHQ.")
    assert found == {("Alan Turing", "London"), ("Alan Turing", "Princeton University"), ("Alan Turing", "GCHQ")}


def test_a_measure_keeps_number_and_unit(pairs: Pairs) -> None:
    assert ("Lake Baikal", "1,642 metres") in pairs("Lake Baikal has a depth of 1,642 metres.")
    assert ("Mont Blanc", "4,806 metres") in pairs("Mont Blanc is 4,806 metres high.")


@pytest.mark.parametrize("date", ["3 May 1950", "May 3, 1950", "3rd of May, 1950", "1950-05-03", "May 1950"])
def test_a_date_is_one_object_however_it_is_written(date: str, pairs: Pairs) -> None:
    assert ("Anna Seghers", date) in pairs(f"Anna Seghers returned on {date}.")


def test_a_title_in_title_case_is_one_name(pairs: Pairs) -> None:
    assert ("Journey to the Centre of the Earth", "Jules Verne") in pairs(
        '"Journey to the Centre of the Earth" was written by Jules Verne.'
    )
    assert ("A Short History of Progress", "Ronald Wright") in pairs("A Short History of Progress was written by Ronald Wright.")


def test_a_place_and_what_it_lies_in_are_one_name_and_a_list_is_not(pairs: Pairs) -> None:
    assert ("Aretha Franklin", "Memphis, Tennessee") in pairs("Aretha Franklin was born in Memphis, Tennessee.")
    found = pairs("The Rhine flows through Basel, Cologne and Rotterdam.")
    assert {("Rhine", "Basel"), ("Rhine", "Cologne"), ("Rhine", "Rotterdam")} <= found


def test_articles_are_not_part_of_a_name(pairs: Pairs) -> None:
    assert pairs("The Louvre is located in Paris.") == {("Louvre", "Paris")}


def test_a_thing_goes_by_the_name_that_stands_with_its_kind(pairs: Pairs) -> None:
    assert ("Bono", "Dublin") in pairs("The singer Bono was born in Dublin.")
    assert ("Toblerone", "Bern") in pairs("The chocolate called Toblerone comes from Bern.")


def test_existence_is_said_of_the_place(pairs: Pairs) -> None:
    assert ("Uppsala University", "44,000 students") in pairs("There are 44,000 students at Uppsala University.")


def test_roles_by_as_are_properties(triplets: Triplets) -> None:
    (found,) = [t for t in triplets("Chelsea FC has Enzo Maresca as its manager.") if t.object == "Enzo Maresca"]
    assert found.subject == "Chelsea FC"
    assert "manager" in found.predicate


def test_spans_point_at_what_was_written(triplets: Triplets) -> None:
    text = "Oslo is in Norway. It was founded in 1040."
    founded = next(t for t in triplets(text) if t.object == "1040")
    assert founded.subject == "Oslo"
    assert founded.subject_span is not None
    assert founded.object_span is not None
    assert founded.predicate_span is not None
    assert text[slice(*founded.subject_span)] == "It"
    assert text[slice(*founded.object_span)] == "1040"
    assert "founded" in text[slice(*founded.predicate_span)]


def test_each_triplet_names_its_rule(triplets: Triplets) -> None:
    assert all(t.rule for t in triplets("Oslo, the capital of Norway, was founded in 1040 by Harald Hardrada."))
