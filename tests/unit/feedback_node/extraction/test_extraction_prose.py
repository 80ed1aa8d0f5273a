"""Sentences of general prose: what a thing is beside where it is, who acts, directions, and two trades before a name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from feedback_node.extraction.extractor import TripletExtractor
from tests.unit.feedback_node.extraction.test_extraction_attachments import kinds

Pairs = Callable[[str], set[tuple[str, str]]]
Set = set[tuple[str, str]]


@kinds(
    class_beside_place=[
        ("Mount Ek is an extinct volcano on the island of Lund.", {("Mount Ek", "extinct volcano"), ("Mount Ek", "Lund")}),
        ("Falcon Arch is a monument in Bolton.", {("Falcon Arch", "monument"), ("Falcon Arch", "Bolton")}),
        ("Lund Works, a publicly traded company in Manila, employs Ann Lee.", {("Lund Works", "publicly traded company")}),
        ("Eva Ek, a trumpeter from Alton, lived in Oslo.", {("Eva Ek", "trumpeter"), ("Eva Ek", "Alton"), ("Eva Ek", "Oslo")}),
    ],
)
def test_a_telling_class_is_claimed_beside_its_place(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Stellen is a port town in South Holland.", "port town"),
        ("Red Rain is a song by Ann Lee.", "song"),
        ("Bakso is a dish from Java.", "dish"),
        ("The scarab is a genus of beetles in Egypt.", "genus"),
    ],
)
def test_a_plain_kind_beside_its_place_or_maker_is_no_claim(text: str, plain: str, pairs: Pairs) -> None:
    assert not any(target == plain for _, target in pairs(text))


@kinds(
    doers=[
        ("Researchers at the University of Lund have found a new species of spider.", {("Researchers", "new species of spider")}),
        ("The roots of the plant absorb water.", {("roots of the plant", "water")}),
        ("The mayor of Lund opened the bridge.", {("mayor of Lund", "bridge")}),
        ("The main building of the monastery serves as a museum.", {("main building of the monastery", "museum")}),
        ("A battalion of the army crossed the Rhine.", {("battalion of the army", "Rhine")}),
    ],
    owners=[
        ("The ingredients of Bakso include beef.", {("Bakso", "beef")}),
        ("The price of the ticket rose to 5 euros.", {("ticket", "5 euros")}),
        ("The construction of Falcon Arch began in 1990.", {("Falcon Arch", "1990")}),
        ("A typical serving of Bakso contains 12 grams of fat.", {("Bakso", "12 grams of fat")}),
    ],
)
def test_who_acts_is_the_subject_and_not_whose_it_is(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    directions=[
        ("Torp is a hamlet located north of Lund.", {("Torp", "Lund")}),
        ("Mount Ek is an extinct volcano, north of Kisumu and west of Kitale.", {("Mount Ek", "Kisumu"), ("Mount Ek", "Kitale")}),
        ("Falcon Mill stands 12 kilometres south of Bolton.", {("Falcon Mill", "Bolton")}),
        ("The Vega sank west of Ireland in 1915.", {("Vega", "Ireland"), ("Vega", "1915")}),
    ],
)
def test_a_direction_leads_to_the_place_that_it_starts_from(text: str, wanted: Set, pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert not any(" of " in target for _, target in found)


@kinds(
    trades=[
        ("The Dutch painter and engraver Jan Vel lived in Delft.", {("Jan Vel", "Dutch painter"), ("Jan Vel", "engraver")}),
        ("The poet and critic Eva Ek died in Oslo.", {("Eva Ek", "poet"), ("Eva Ek", "critic"), ("Eva Ek", "Oslo")}),
        ("Red Rain was written by the actor and director Otto Dahl.", {("Red Rain", "Otto Dahl"), ("Otto Dahl", "actor")}),
        ("The songwriter and producer Ana Silva was born in Porto.", {("Ana Silva", "songwriter"), ("Ana Silva", "Porto")}),
    ],
)
def test_trades_before_a_name_are_those_of_one_person(text: str, wanted: Set, pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert len({left for left, _ in found} - {"Red Rain"}) == 1


@kinds(
    classes=[
        ("Lichens are organisms composed of a fungus and an alga.", {("Lichens", "fungus"), ("Lichens", "alga")}),
        ("Vega cars are vehicles made in Oslo.", {("Vega cars", "Oslo")}),
        ("The Ek are herders who live in Lund.", {("Ek", "Lund")}),
    ],
)
def test_what_is_said_of_a_class_of_several_is_said_of_them(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    "text", ["Eva Ek appeared in films by Jan Vel.", "Bo Tong sings in operas by Ann Lee.", "The Vega sank in waters by Cape Ek."]
)
def test_who_made_what_is_spoken_of_does_not_act(text: str, pairs: Pairs) -> None:
    assert not {target for _, target in pairs(text)} & {"Jan Vel", "Ann Lee", "Cape Ek"}


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Vega 7 was visited by six crews.", ("Vega 7", "six crews")),
        ("Falcon Arch is crossed by many trams.", ("Falcon Arch", "many trams")),
        ("Lund is served by two stations.", ("Lund", "two stations")),
        ("Lund is served by Ek Airport.", ("Ek Airport", "Lund")),
    ],
)
def test_only_what_has_a_name_takes_what_it_serves(text: str, pair: tuple[str, str], pairs: Pairs) -> None:
    assert pair in pairs(text)


@pytest.mark.parametrize("text", ["Portal is a puzzle by Valve.", "Lokon is a steep volcano in Java.", "Bakso is a spicy soup from Solo."])
def test_a_class_beside_is_left_out_where_an_ontology_says_what_counts(text: str, knowing: TripletExtractor) -> None:
    assert all(claim.predicate != "is" for claim in knowing.extract([text])[0])


@kinds(
    own_things=[
        ("The fisherman loses his boat in a storm.", {("fisherman", "boat")}),
        ("Lund Works sold its brakes unit to Ek Trams.", {("Lund Works", "brakes unit"), ("Lund Works", "Ek Trams")}),
        ("Eva Ek donated her collection to Lund College.", {("Eva Ek", "collection"), ("Eva Ek", "Lund College")}),
    ],
    durations=[
        ("The union called a strike that lasted nine days.", {("strike", "nine days")}),
        ("The Ek Games lasted two winters.", {("Ek Games", "two winters")}),
        ("Eva Ek waited three years.", {("Eva Ek", "three years")}),
    ],
)
def test_ones_own_thing_and_a_counted_time_are_claimed(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    "text", ["Lund SC play their home games at Ek Park.", "Eva Ek made her debut in Oslo.", "Lund Works has its seat in Bolton."]
)
def test_what_only_leads_to_a_place_is_no_thing_of_its_own(text: str, pairs: Pairs) -> None:
    assert len(pairs(text)) == 1


@kinds(
    same_sentence=[
        ("The Vega separates the Sahara from the savanna.", {("Vega", "Sahara"), ("Vega", "savanna")}),
        ("The heart pumps blood through the arteries.", {("heart", "blood"), ("heart", "arteries")}),
        ("Eva Ek moved her laboratory from Lund to the basement.", {("Eva Ek", "basement"), ("Eva Ek", "Lund")}),
    ],
)
def test_a_thing_with_the_is_no_other_thing_of_its_sentence(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)
