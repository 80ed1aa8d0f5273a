"""Titles and names behind their nouns, and what is said of them, each kind in three domains. No sentence is of the development sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.feedback_node.extraction.test_extraction_attachments import kinds

Pairs = Callable[[str], set[tuple[str, str]]]
Set = set[tuple[str, str]]


@kinds(
    within_a_sentence=[
        ("Ann Lee wrote It's Hard to Be Good.", {("It's Hard to Be Good", "Ann Lee")}),
        ("The album Let it Ring was recorded by Bo Tong.", {("Let it Ring", "Bo Tong")}),
        ("Jane Reid directed the film Some Like to be Cold in 1990.", {("Some Like to be Cold", "Jane Reid")}),
    ],
    live=[
        ("Red Rain was followed by Live at Bolton.", {("Red Rain", "Live at Bolton")}),
        ("Falcon Records released Live in Oslo.", {("Live in Oslo", "Falcon Records")}),
        ("The film Live from Suva was directed by Jane Reid.", {("Live from Suva", "Jane Reid")}),
    ],
    with_what_it_is=[
        ("It's Hard to Be Good, a 1990 film, was edited by Jane Reid.", {("It's Hard to Be Good", "Jane Reid")}),
        ("This Must Be Home, a novel by Ann Lee, was published in 1990.", {("This Must Be Home", "Ann Lee")}),
        ("Death on a Small Farm is a play directed by Tom Reed.", {("Death on a Small Farm", "Tom Reed")}),
    ],
    behind_its_noun=[
        ("The genre of the song Moxette is jazz.", {("Moxette", "jazz")}),
        ("The area of the park Falcon Fields is 95 hectares.", {("Falcon Fields", "95 hectares")}),
        ("Red Rain was written by the team Vega.", {("Red Rain", "Vega")}),
    ],
    behind_a_comma=[
        ("Tom Reed starred in the 1956 film, Red Rain.", {("Red Rain", "Tom Reed")}),
        ("The bridge, Falcon Arch, was designed by Otto Dahl.", {("Falcon Arch", "Otto Dahl")}),
        ("Blue Door was released by the folk band, Moxette.", {("Blue Door", "Moxette")}),
    ],
    made_by_the_name_before=[
        ("The Moxette song Blue Door was produced by Joe Hart.", {("Blue Door", "Moxette")}),
        ("The Jane Reid film Red Rain cost 2 million dollars.", {("Red Rain", "Jane Reid")}),
        ("Bo Tong's novel Night Bus won the Falcon Prize.", {("Night Bus", "Bo Tong")}),
    ],
    opened_by_a_participle=[
        ("Written by Ann Lee, the novel Night Bus has a length of 300 pages.", {("Night Bus", "Ann Lee"), ("Night Bus", "300 pages")}),
        ("Starring Lucy Hale, the film Red Rain was directed by Tom Reed.", {("Red Rain", "Lucy Hale"), ("Red Rain", "Tom Reed")}),
        ("Built by Otto Dahl, the ship Vega has a length of 90 metres.", {("Vega", "Otto Dahl"), ("Vega", "90 metres")}),
    ],
)
def test_a_name_is_read_whole_and_what_is_said_is_said_of_it(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    two_units=[
        ("Blue Door has a length of 3 minutes and 16 seconds.", {("Blue Door", "3 minutes and 16 seconds")}),
        ("Ana Silva has a height of 6 feet 2 inches.", {("Ana Silva", "6 feet 2 inches")}),
        ("The Vega has a flight time of two hours and ten minutes.", {("Vega", "two hours and ten minutes")}),
    ],
    no_value_was_made=[
        ("The length of Blue Door is 35 minutes, followed by Red Rain.", {("Blue Door", "35 minutes"), ("Blue Door", "Red Rain")}),
        ("The height of Falcon Tower is 90 metres, designed by Otto Dahl.", {("Falcon Tower", "Otto Dahl")}),
        ("The date of Red Rain is 3 May 1990, produced by Joe Hart.", {("Red Rain", "Joe Hart")}),
    ],
    followed=[
        ("Bo Tong published Night Bus in 1990, followed by Red Rain.", {("Night Bus", "Red Rain")}),
        ("Falcon Works built the Vega I in 1990, succeeded by the Vega II.", {("Vega I", "Vega II")}),
        ("Moxette released Blue Door on 3 May 1990, preceded by Night Song.", {("Blue Door", "Night Song")}),
    ],
    parts_played=[
        ("Ann Lee had a leading role in Red Rain.", {("Red Rain", "Ann Lee")}),
        ("Tom Reed played the lead in the opera Vega.", {("Vega", "Tom Reed")}),
        ("Lucy Hale has a small role in the series Night Bus.", {("Night Bus", "Lucy Hale")}),
    ],
    roles_of_many=[
        ("Ann Lee was a writer of the song Blue Door.", {("Blue Door", "Ann Lee")}),
        ("Tom Reed is an editor of Acta Botanica.", {("Acta Botanica", "Tom Reed")}),
        ("Bo Tong is one of the stars of Red Rain.", {("Red Rain", "Bo Tong")}),
    ],
    kind_and_maker=[
        ("Blue Door is a folk song by Moxette.", {("Blue Door", "folk song"), ("Blue Door", "Moxette")}),
        ("Night Bus is a crime novel by Bo Tong.", {("Night Bus", "crime novel"), ("Night Bus", "Bo Tong")}),
        ("Falcon Arch is a steel bridge by Otto Dahl.", {("Falcon Arch", "steel bridge"), ("Falcon Arch", "Otto Dahl")}),
    ],
)
def test_values_and_makers_keep_their_side(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    places_are_no_persons=[
        ("The mayor of Ghent is Ann Smet, where Dutch is spoken.", {("Ghent", "Dutch")}),
        ("The leader of Malta is Joe Borg where the currency is the euro.", {("Malta", "euro")}),
        ("The governor of Suva is Bo Tong, where Fijian is spoken.", {("Suva", "Fijian")}),
    ],
    back_to_the_main_verb=[
        ("Red Rain was recorded at Falcon Studio, located in Bolton, and produced by Joe Hart.", {("Red Rain", "Joe Hart")}),
        ("The Vega was built at Lund Yard, based in Sweden, and launched by Eva Ek.", {("Vega", "Eva Ek")}),
        ("Night Bus was printed by Viking Press, based in Oslo, and edited by Ann Lee.", {("Night Bus", "Ann Lee")}),
    ],
    maker_was_born=[
        ("Red Rain was directed by Ann Lee, born in 1974.", {("Ann Lee", "1974")}),
        ("The Falcon Arch was designed by Otto Dahl, born in Oslo.", {("Otto Dahl", "Oslo")}),
        ("Curium was discovered by Eva Ek, born in Lund.", {("Eva Ek", "Lund")}),
    ],
    which_work=[
        ("Red Rain is a film directed by Ann Lee and Tom Reed which runs for 83 minutes.", {("Red Rain", "83 minutes")}),
        ("Blue Door is a song written by Bo Tong which was recorded in Oslo.", {("Blue Door", "Oslo")}),
        ("Falcon Arch is a bridge designed by Otto Dahl which was completed in 1990.", {("Falcon Arch", "1990")}),
    ],
    in_an_apposed_work=[
        ("Tom Reed starred in Red Rain, a film directed by Jane Reid.", {("Red Rain", "Jane Reid")}),
        ("Ann Lee sang on Blue Door, an album produced by Joe Hart.", {("Blue Door", "Joe Hart")}),
        ("Bo Tong lives in Falcon House, a villa designed by Otto Dahl.", {("Falcon House", "Otto Dahl")}),
    ],
)
def test_what_follows_is_said_of_what_it_can_be_said_of(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("A height of 90 metres was measured. Its architect was Otto Dahl.", "90 metres"),
        ("3 May 1990 was a cold day. Its winner was Ana Silva.", "3 May 1990"),
        ("A weight of 30 kg was planned. Its maker was Oslo.", "30 kg"),
    ],
)
def test_a_pronoun_stands_for_no_date_or_measure(text: str, wrong: str, pairs: Pairs) -> None:
    assert not any(left == wrong and right in ("Otto Dahl", "Ana Silva", "Oslo") for left, right in pairs(text))


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Moxette sang with the artist Bo Tong.", ("Bo Tong", "artist")),
        ("Lund College hired the chemist Eva Ek.", ("Eva Ek", "chemist")),
        ("The footballer Ana Silva plays for Boavista.", ("Ana Silva", "footballer")),
    ],
)
def test_a_bare_trade_before_a_name_is_no_claim_of_its_own(text: str, bare: tuple[str, str], pairs: Pairs) -> None:
    assert bare not in pairs(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Red Rain has the film id of 4319.", ("Red Rain", "4319")),
        ("The player id of Ana Silva is 4319.", ("Ana Silva", "4319")),
        ("The Vega has a ship id of 4319.", ("Vega", "4319")),
    ],
)
def test_id_is_one_word(text: str, wanted: tuple[str, str], pairs: Pairs) -> None:
    assert wanted in pairs(text)
