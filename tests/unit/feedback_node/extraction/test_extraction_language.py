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


def test_a_border_is_shared_by_both_that_it_lies_between(pairs: Pairs) -> None:
    assert pairs("Lake Ohrid lies on the border between Albania and North Macedonia.") == {
        ("Lake Ohrid", "Albania"),
        ("Lake Ohrid", "North Macedonia"),
    }


def test_who_made_the_parts_of_a_work_is_said_of_the_work(pairs: Pairs) -> None:
    found = pairs("The musical Kismet, with music by Robert Wright and a book by Charles Lederer, opened in 1953.")
    assert {("Kismet", "Robert Wright"), ("Kismet", "Charles Lederer"), ("Kismet", "1953")} <= found


def test_a_title_before_a_name_says_what_its_bearer_is(pairs: Pairs) -> None:
    assert ("Sedad Eldem", "Turkish architect") in pairs("The house was built by the Turkish architect Sedad Eldem.")


def test_a_word_cut_at_its_hyphen_is_one_word(pairs: Pairs) -> None:
    assert ("Skyfall", "Paul Epworth") in pairs('"Skyfall" is a song by Adele, co-written with Paul Epworth.')


def test_a_participle_after_a_name_at_the_end_is_about_that_name(pairs: Pairs) -> None:
    found = pairs("The league is run by the Rugby Football Union, based in Twickenham.")
    assert ("Rugby Football Union", "Twickenham") in found


def test_what_a_thing_is_turned_into_is_said_of_the_thing(pairs: Pairs) -> None:
    assert ("Cairo Citadel", "museum") in pairs("The Cairo Citadel was a fort until the Khedive converted it into a museum.")


def test_where_a_thing_was_made_is_not_where_its_maker_is(pairs: Pairs) -> None:
    assert ("Basketball", "Springfield") in pairs("Basketball was invented by James Naismith in Springfield.")


def test_two_roles_are_said_of_one_bearer(pairs: Pairs) -> None:
    found = pairs("Eleanor was the wife of Henry Plantagenet and the mother of Richard Lionheart.")
    assert {frozenset(pair) for pair in found} == {frozenset(("Eleanor", "Henry Plantagenet")), frozenset(("Eleanor", "Richard Lionheart"))}


def test_several_things_are_no_it(pairs: Pairs) -> None:
    assert ("Tana", "Lake Victoria") not in pairs("Lake Victoria is in Africa. Many rivers flow into it, and ships cross it.")
    assert ("ships", "Lake Victoria") in pairs("Lake Victoria is in Africa. Many rivers flow into it, and ships cross it.")


def test_what_is_among_the_parts_of_a_thing_is_one_of_them(pairs: Pairs) -> None:
    found = pairs("Gumbo is a stew. Okra and celery are among its ingredients.")
    assert {("Gumbo", "Okra"), ("Gumbo", "celery")} <= found


def test_a_property_for_a_thing_and_a_property_with_its_number(pairs: Pairs) -> None:
    assert ("nickel", "Ni") in pairs("The chemical symbol for nickel is Ni.")
    assert ("Nickel", "28") in pairs("Nickel is a metal with the atomic number 28.")


def test_a_city_may_have_its_countrys_name(triplets: Triplets) -> None:
    (found,) = triplets("The capital of Luxembourg is Luxembourg.")
    assert (found.subject, found.object) == ("Luxembourg", "Luxembourg")


def test_a_sentence_begins_after_an_initial_too(triplets: Triplets) -> None:
    found = triplets("The symbol of boron is B. It was found by Davy.")
    assert ("boron", "Davy") in {(t.subject, t.object) for t in triplets("The symbol of boron is B. It was found by Davy.")}, found


def test_a_second_value_of_a_property_is_said_of_the_value(pairs: Pairs) -> None:
    assert ("Monaco", "euro") in pairs("The currency of France is the euro. It is the currency of Monaco.")


def test_whose_property_it_is_may_be_said_by_an_adjective(triplets: Triplets) -> None:
    (found,) = triplets("The Greek capital is Athens.")
    assert (found.subject, found.predicate, found.object) == ("Greek", "capital", "Athens")


@pytest.mark.parametrize(
    "text", ["In 2000, the president of Peru was Alberto Fujimori.", "Alberto Fujimori was the president of Peru in 2000."]
)
def test_the_time_of_a_clause_is_a_qualifier_of_its_claims(text: str, triplets: Triplets) -> None:
    found = next(t for t in triplets(text) if t.object == "Alberto Fujimori")
    assert found.qualifiers == {"date": "2000"}
    assert not any(t.qualifiers for t in triplets("Alberto Fujimori was born in Lima."))
