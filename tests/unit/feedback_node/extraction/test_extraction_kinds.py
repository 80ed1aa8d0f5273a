"""Kinds of sentences in which facts are told from a table, each in three domains. Sentences are not those of the development sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from feedback_node.extraction.extractor import TripletExtractor

Pairs = Callable[[str], set[tuple[str, str]]]
Set = set[tuple[str, str]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "The asteroid 3 Juno has an escape velocity of 0.18 metres per second, a mass of 28.6 petakilograms and a period of 1594 days.",
            {("3 Juno", "0.18 metres per second"), ("3 Juno", "28.6 petakilograms"), ("3 Juno", "1594 days")},
        ),
        (
            "The Rialto Bridge has a length of 31.8 metres, a width of 22.9 metres and a height of 7.32 metres.",
            {("Rialto Bridge", "31.8 metres"), ("Rialto Bridge", "22.9 metres"), ("Rialto Bridge", "7.32 metres")},
        ),
        (
            "Physical Review has the ISSN number 0031-899X and the CODEN code PHRVAO.",
            {("Physical Review", "0031-899X"), ("Physical Review", "PHRVAO")},
        ),
    ],
)
def test_each_property_of_a_list_is_found(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Director Agnès Varda filmed Vagabond.", {("Agnès Varda", "Director")}),
        ("The celestial body 5 Astraea has a mass of 2.9 petakilograms.", {("5 Astraea", "2.9 petakilograms")}),
        ("The punk rock band Ramones is from New York.", {("Ramones", "New York")}),
        ("Footballer Luka Modrić plays for Real Madrid.", {("Luka Modrić", "Real Madrid"), ("Luka Modrić", "Footballer")}),
        ("The jazz pianist Bill Evans recorded Explorations.", {("Bill Evans", "jazz pianist")}),
    ],
)
def test_a_common_noun_before_a_name_is_no_part_of_it(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "verbs", "other"),
    [
        ("Paterson was written and directed by Jim Jarmusch.", 2, "Jim Jarmusch"),
        ("Johannes Vermeer was born and died in Delft.", 2, "Delft"),
        ("Ettore Bugatti designed and built the Type 35.", 2, "Ettore Bugatti"),
    ],
)
def test_what_two_verbs_share_is_claimed_of_both(text: str, verbs: int, other: str, extractor: TripletExtractor) -> None:
    claims = extractor.extract([text])[0]
    assert len({claim.predicate for claim in claims if other in (claim.subject, claim.object)}) == verbs


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        (
            "The author of the novel Disgrace, John Coetzee, who was born in Cape Town, is from South Africa.",
            {("Disgrace", "John Coetzee"), ("John Coetzee", "Cape Town"), ("John Coetzee", "South Africa")},
            ("Disgrace", "Cape Town"),
        ),
        (
            "Marie Tharp studied at Columbia, located in New York.",
            {("Marie Tharp", "Columbia"), ("Columbia", "New York")},
            ("Marie Tharp", "New York"),
        ),
        (
            "Hotel Nelson is a hotel in Gdańsk designed by Kim Lindqvist.",
            {("Hotel Nelson", "Gdańsk"), ("Hotel Nelson", "Kim Lindqvist")},
            ("Gdańsk", "Kim Lindqvist"),
        ),
    ],
)
def test_a_participle_is_said_of_what_it_can_be_said_of(text: str, wanted: Set, unwanted: tuple[str, str], pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert unwanted not in found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Ole Rømer, a Danish national who was born in Aarhus and who attended the University of Copenhagen, was a judge.",
            {("Ole Rømer", "Aarhus"), ("Ole Rømer", "University of Copenhagen")},
        ),
        ("Cola, a drink that comes from Atlanta, which is in Georgia, is sweet.", {("Cola", "Atlanta"), ("Atlanta", "Georgia")}),
        (
            "Paul Wild, who was a Swiss national, discovered 1773 Rumpelstilz.",
            {("1773 Rumpelstilz", "Paul Wild")},
        ),
    ],
)
def test_a_kind_between_commas_leaves_the_name_its_verb(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    "text", ["The epoch of 8 Flora is 4 September 2017.", "8 Flora's epoch is 4 September 2017.", "8 Flora epoch is 4 September 2017."]
)
def test_a_property_is_its_owners_with_of_possessive_or_neither(text: str, pairs: Pairs) -> None:
    assert pairs(text) == {("8 Flora", "4 September 2017")}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ciambotta, whose region is Calabria and course is dinner, is a stew.", {("Ciambotta", "Calabria")}),
        ("Solaris, whose director was Andrei Tarkovsky and editor was Lyudmila Feyginova, is long.", {("Solaris", "Lyudmila Feyginova")}),
        ("Benin, whose capital is Porto-Novo and leader is Patrice Talon, borders Togo.", {("Benin", "Patrice Talon")}),
    ],
)
def test_whose_is_said_of_both_properties(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "unwanted"),
    [
        ("The Battle of Issus took place in Cilicia.", "place"),
        ("Kurt Schwitters took part in Dada Week in 1920.", "part"),
        ("Reportedly, the bridge was built in 1910.", "Reportedly"),
    ],
)
def test_what_is_no_thing_has_no_claim(text: str, unwanted: str, pairs: Pairs) -> None:
    assert all(unwanted not in pair for pair in pairs(text))
