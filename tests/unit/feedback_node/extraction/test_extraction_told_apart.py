"""Counts, units, years and names that a parser hangs on the wrong word, each kind in three domains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.feedback_node.extraction.test_extraction_attachments import kinds

Pairs = Callable[[str], set[tuple[str, str]]]
Set = set[tuple[str, str]]


@kinds(
    counted=[
        (
            "Falcon House is a tower of 40 floors that was completed in 1990 and that is owned by Lund Estates.",
            {("Falcon House", "1990"), ("Falcon House", "Lund Estates")},
        ),
        (
            "Vega is a ship of 60 cabins that was launched in 1983 and that is operated by Lund Lines.",
            {("Vega", "1983"), ("Vega", "Lund Lines")},
        ),
        ("Lund College is a school of 900 pupils that is led by Ann Lee.", {("Lund College", "Ann Lee")}),
        ("Blue Door is an album of 12 songs recorded in Oslo.", {("Blue Door", "Oslo")}),
        ("Falcon Arch is a bridge with a length of 90 metres that was completed in 1990.", {("Falcon Arch", "1990")}),
    ],
)
def test_what_follows_is_said_of_the_thing_and_not_of_its_parts(text: str, wanted: Set, pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert not any(left == "that" or left[0].isdigit() for left, _ in found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The Vega has a crew of 12 sailors that were born in Lund.", ("12 sailors", "Lund")),
        ("Falcon House has 40 floors that were built in 1990.", ("40 floors", "1990")),
    ],
)
def test_several_are_the_subject_of_what_is_said_of_several(text: str, wanted: tuple[str, str], pairs: Pairs) -> None:
    assert wanted in pairs(text)


@kinds(
    said_in_brackets=[
        ("Eva Ek (born 1901) is a Swedish chemist.", {("Eva Ek", "1901"), ("Eva Ek", "Swedish chemist")}),
        ("Otto Dahl (born 1911 in Lund) was an architect.", {("Otto Dahl", "1911"), ("Otto Dahl", "Lund"), ("Otto Dahl", "architect")}),
        ("Ana Silva (born 12 March 1950 in Porto) was a Portuguese swimmer who swam for Boavista.", {("Ana Silva", "Boavista")}),
        ("The Falcon Arch (built 1990) is a bridge in Bolton.", {("Falcon Arch", "1990"), ("Falcon Arch", "Bolton")}),
    ],
    lifetime=[
        ("Eva Ek (1901-1987) was a Swedish chemist.", {("Eva Ek", "1901"), ("Eva Ek", "1987"), ("Eva Ek", "Swedish chemist")}),
        ("Bo Tong (1911–1983) was a composer of operas.", {("Bo Tong", "1911"), ("Bo Tong", "1983")}),
        ("Ana Silva (3 May 1911 – 7 June 1983) was a Portuguese swimmer.", {("Ana Silva", "3 May 1911"), ("Ana Silva", "7 June 1983")}),
    ],
)
def test_brackets_behind_a_name_tell_of_it_and_take_nothing_away(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize("text", ["The Vega (1901-1987) was a ship.", "Moxette (1990-1998) was a rock band.", "Red Rain (1990) is a film."])
def test_years_behind_a_thing_are_no_lifetime(text: str, pairs: Pairs) -> None:
    assert not any(right.isdigit() for _, right in pairs(text))


@kinds(
    class_first=[
        ("A Danish ferry of the Lund class, the Vega has a length of 90 metres.", {("Vega", "Lund class"), ("Vega", "90 metres")}),
        ("A pupil of Otto Dahl, Eva Ek designed the Falcon Arch.", {("Eva Ek", "Otto Dahl"), ("Falcon Arch", "Eva Ek")}),
        ("A member of the Falcon Party, Ann Lee was born in Lund.", {("Ann Lee", "Falcon Party"), ("Ann Lee", "Lund")}),
        ("A dish from Ghent, Waterzooi contains chicken.", {("Waterzooi", "Ghent"), ("Waterzooi", "chicken")}),
    ],
)
def test_a_sentence_may_open_with_what_its_subject_is(text: str, wanted: Set, pairs: Pairs) -> None:
    assert pairs(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The construction of the Falcon Arch in Chicago, Illinois began in 1970.", {("Falcon Arch", "1970")}),
        ("The following year, Ann Lee won the Falcon Prize.", {("Ann Lee", "Falcon Prize")}),
    ],
)
def test_a_time_and_a_place_that_open_are_no_class(text: str, wanted: Set, pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert not {("Ann Lee", "following year"), ("Illinois", "1970")} & found


@kinds(
    size=[
        ("Ana Silva is 172 centimeters tall and plays for Boavista.", {("Ana Silva", "172 centimeters"), ("Ana Silva", "Boavista")}),
        ("The Vega, built in Lund, is 185 centimetres wide and carries coal.", {("Vega", "185 centimetres"), ("Vega", "coal")}),
        ("The beetle is 12 millimetres long.", {("beetle", "12 millimetres")}),
        ("Falcon Road is 90 kilometers long.", {("Falcon Road", "90 kilometers")}),
    ],
    measure_of_a_thing=[
        ("Naan has 4.5 grams of salt and 12 grams of sugar.", {("Naan", "4.5 grams of salt"), ("Naan", "12 grams of sugar")}),
        ("The Vega carries 90 tonnes of coal and 30 tonnes of iron.", {("Vega", "90 tonnes of coal"), ("Vega", "30 tonnes of iron")}),
        (
            "Falcon Park has 90 hectares of forest, 12 hectares of lakes and is owned by Ann Lee.",
            {("Falcon Park", "12 hectares of lakes"), ("Falcon Park", "Ann Lee")},
        ),
    ],
)
def test_each_measure_is_read_with_what_it_measures(text: str, wanted: Set, pairs: Pairs) -> None:
    found = pairs(text)
    assert wanted <= found
    assert not {right for _, right in found} & {"tall", "wide", "long"}


@kinds(
    among=[
        ("Among the ethnic groups of Brunei are the Kedayan and the Dusun.", {("Brunei", "Kedayan"), ("Brunei", "Dusun")}),
        ("Among the members of Moxette are Bo Tong and Ann Lee.", {("Moxette", "Bo Tong"), ("Moxette", "Ann Lee")}),
        ("Among the ingredients of Waterzooi are chicken and leeks.", {("Waterzooi", "chicken"), ("Waterzooi", "leeks")}),
        ("Among the stars of Red Rain is Lucy Hale.", {("Red Rain", "Lucy Hale")}),
    ],
)
def test_among_opens_a_sentence_that_tells_what_there_is(text: str, wanted: Set, pairs: Pairs) -> None:
    assert pairs(text) == wanted


def test_among_whom_nobody_has_is_no_claim(pairs: Pairs) -> None:
    assert pairs("Among the guests were Ann Lee and Eva Ek.") == set()


@kinds(
    also_known=[
        ("The comic hero Moxo, also known as Fonda, was created by Bo Tong.", {("Moxo", "Fonda"), ("Moxo", "Bo Tong")}),
        ("The ship Vega, formerly called Falcon, was built in Lund.", {("Vega", "Falcon"), ("Vega", "Lund")}),
        ("The footballer Ana Silva, nicknamed Fonda, was born in Porto.", {("Ana Silva", "Fonda"), ("Ana Silva", "Porto")}),
    ],
    per=[
        ("Lund has a density of 1,918 people per square mile.", {("Lund", "1,918 people per square mile")}),
        ("The density of the herd is 12 sheep per hectare.", {("herd", "12 sheep per hectare")}),
        ("Falcon House has 90 seats per floor.", {("Falcon House", "90 seats per floor")}),
    ],
)
def test_a_second_name_and_what_a_count_is_taken_by_are_kept(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    two_names_one_thing=[
        ("The Ann and Otto Dahl House was built in 1911.", {("Ann and Otto Dahl House", "1911")}),
        ("The Lund and Malmö Railway, which is owned by Ann Lee, was opened in 1840.", {("Lund and Malmö Railway", "Ann Lee")}),
        ("The Falcon and Crown College has 900 pupils.", {("Falcon and Crown College", "900 pupils")}),
    ],
    two_things=[
        ("The Vega and Lund Bank were named in 1911.", {("Vega", "1911"), ("Lund Bank", "1911")}),
        ("Bo Tong and Ann Lee were born in Lund.", {("Bo Tong", "Lund"), ("Ann Lee", "Lund")}),
    ],
)
def test_two_names_before_a_verb_of_one_thing_are_one_name(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)
