"""Of whom clauses, participles, agents and places are said, each kind in three domains. Sentences are not those of the development sets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Pairs = Callable[[str], set[tuple[str, str]]]
Set = set[tuple[str, str]]


def kinds(**rows: list[tuple[str, Set]]) -> pytest.MarkDecorator:
    cases = [pytest.param(text, wanted, id=f"{kind}-{at}") for kind, found in rows.items() for at, (text, wanted) in enumerate(found)]
    return pytest.mark.parametrize(("text", "wanted"), cases)


@kinds(
    where_and=[
        ("Waterzooi comes from Ghent where Dutch is spoken and the mayor is Ann Smet.", {("Ghent", "Dutch"), ("Ghent", "Ann Smet")}),
        ("The airline flies to Tarawa, where the euro is used and Bo Tong is the president.", {("Tarawa", "euro"), ("Tarawa", "Bo Tong")}),
        ("Lund Hospital is in Sweden, where the king is Carl Gustaf and the capital is Stockholm.", {("Sweden", "Stockholm")}),
    ],
    which=[
        ("The Nile Hotel stands in Egypt which is led by Adly Mansour.", {("Egypt", "Adly Mansour")}),
        ("Ana Silva plays for Sporting Clube which has the nickname of Leões.", {("Sporting Clube", "Leões")}),
        ("Curium was named in Chicago that has O Lake as its anthem.", {("Chicago", "O Lake")}),
    ],
    place_of_what_was_built=[
        ("The Turning Torso is located in Malmö, which was designed by Santiago Calatrava.", {("Turning Torso", "Santiago Calatrava")}),
        ("The Vasa Museum is located in Stockholm, which was completed in 1990.", {("Vasa Museum", "1990")}),
        ("Ann Lee owns the Falcon Mill in Bolton, which was built by George Stott.", {("Falcon Mill", "George Stott")}),
    ],
    in_which=[
        ("Ann Lee performs country music, in which the banjo is an instrument of note.", {("Ann Lee", "country music")}),
        ("Jan Bok fought in the Boer War in which Piet Joubert was a commander.", {("Boer War", "Piet Joubert")}),
        ("Lea Roy sailed on the Vega, in which Otto Dahl was the captain.", {("Vega", "Otto Dahl")}),
    ],
    whose=[
        ("Ana Silva was born in Peru whose leader is Luis Ro and anthem is Somos Libres.", {("Peru", "Luis Ro"), ("Peru", "Somos Libres")}),
        ("Sabena flew to Zaire, whose capital is Kinshasa and currency is the Zaire.", {("Zaire", "Kinshasa")}),
        ("Ann Lee is the coach of the Bolton Bees, whose ground is Falcon Park.", {("Bolton Bees", "Falcon Park")}),
    ],
    who=[
        ("Ann Lee is a member of the band Moxette who plays the cello.", {("Ann Lee", "cello")}),
        ("Bo Tong is a performer of folk music who began his career in 1963.", {("Bo Tong", "1963")}),
        ("Ana Silva is a player of the club Boavista who comes from Porto.", {("Ana Silva", "Porto")}),
    ],
    whose_pupil_who=[
        ("Nils Alm was the doctoral student of Eva Ek who discovered 77 Frigga.", {("77 Frigga", "Eva Ek")}),
        ("Lund College is the alma mater of Ann Lee, who edited Acta Botanica.", {("Acta Botanica", "Ann Lee")}),
        ("Red Rain is the work of Jane Reid who composed Night Song.", {("Night Song", "Jane Reid")}),
    ],
    where_who=[
        ("Blue Door was written in Malta where Joe Borg is President.", {("Malta", "Joe Borg")}),
        ("The Vega was built in Suva; where Fijian is a language.", {("Suva", "Fijian")}),
        ("Waterzooi is eaten in Ghent, where Ann Smet is a mayor and Dutch is the language.", {("Ghent", "Ann Smet"), ("Ghent", "Dutch")}),
    ],
    back_to_the_first_verb=[
        ("Blue Morning was recorded by Ann Lee, whose label is Falcon Records, and produced by Joe Hart.", {("Blue Morning", "Joe Hart")}),
        ("The Vega was built by Falcon Works, whose seat is Hove, and launched by Eva Ek.", {("Vega", "Eva Ek")}),
        ("Acta Botanica is edited by Ann Lee, whose field is botany, and published by Lund Press.", {("Acta Botanica", "Lund Press")}),
    ],
    what_was_made_by=[
        ("Northern Sky is an album by Ann Lee, which was produced by Joe Hart.", {("Northern Sky", "Joe Hart")}),
        ("Blue Door is a novel by Eva Ek, which was published in 1999.", {("Blue Door", "1999")}),
        ("Falcon House is a tower by Nils Alm, which was completed in 1972.", {("Falcon House", "1972")}),
    ],
    and_which=[
        ("Ann Lee sings on Northern Sky, an album whose length is 44 minutes and which was released in 2004.", {("Northern Sky", "2004")}),
        ("Eva Ek lives in Lund, a town whose river is the Höje and which was founded in 990.", {("Lund", "990")}),
        ("Bo Tong owns the Vega, a ship whose port is Hove and which was built in 1911.", {("Vega", "1911")}),
    ],
    governed=[
        ("The Falcon Mill is found in Bolton, led by Ann Lee.", {("Bolton", "Ann Lee")}),
        ("The orchid is found in Borneo, inhabited by the Dayak.", {("Borneo", "Dayak")}),
        ("Waterzooi is served in Ghent, governed by Bo Smet.", {("Ghent", "Bo Smet")}),
    ],
)
def test_a_relative_clause_is_said_of_what_it_stands_behind(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    apart=[
        ("The Lexus LS, classed as a saloon car, is assembled in Tahara.", {("Lexus LS", "Tahara"), ("Lexus LS", "saloon car")}),
        ("Created by Ann Lee, Moxette, is a character in Blue Dogs.", {("Moxette", "Ann Lee"), ("Moxette", "Blue Dogs")}),
        ("Bo Tong (born in Suva) went to Fiji College.", {("Bo Tong", "Suva"), ("Bo Tong", "Fiji College")}),
    ],
    second_clause=[
        ("The head of Lund Choir is called Eva Ek and Nils Alm is the head of Malmö Choir.", {("Lund Choir", "Eva Ek")}),
        ("Blue Morning was recorded by Ann Lee and its producer was Joe Hart.", {("Blue Morning", "Joe Hart")}),
        ("The director of Red Rain is Jane Reid and the film's editor is Mark Dean.", {("Red Rain", "Mark Dean")}),
    ],
    renamed=[
        ("Northern Sky, Ann Lee's second album, was released by Falcon Records.", {("Northern Sky", "Falcon Records")}),
        ("Bo Tong from the band Moxette plays the oboe.", {("Bo Tong", "oboe")}),
        ("His wife, born in Suva, was Ana Silva.", {("Ana Silva", "Suva")}),
    ],
    opening_participle=[
        ("Written by Joe Hart, Grey Evening is a rock song.", {("Grey Evening", "Joe Hart"), ("Grey Evening", "rock song")}),
        ("Starring Tom Reed, Red Rain was directed by Jane Reid.", {("Red Rain", "Tom Reed"), ("Red Rain", "Jane Reid")}),
        ("Designed by Nils Alm, Falcon House is a tower of 90 metres.", {("Falcon House", "Nils Alm")}),
    ],
    between_commas=[
        ("Blue Morning, by Ann Lee, was preceded by Last Train.", {("Blue Morning", "Ann Lee"), ("Blue Morning", "Last Train")}),
        ("The painter Bo Tong, from Suva, was taught by Eva Ek.", {("Bo Tong", "Suva"), ("Bo Tong", "Eva Ek")}),
        ("The winner of the Falcon Prize, Nils Alm, was born in Lund.", {("Falcon Prize", "Nils Alm"), ("Nils Alm", "Lund")}),
    ],
    role_of_a_work=[
        ("Lucy Hale was one of the stars of Grey Road, distributed by Falcon Pictures.", {("Grey Road", "Falcon Pictures")}),
        ("Eva Ek is the editor of Acta Botanica, published by Lund Press.", {("Acta Botanica", "Lund Press")}),
        ("Nils Alm was the architect of Falcon House, owned by Lund Bank.", {("Falcon House", "Lund Bank")}),
    ],
    second_verb=[
        ("Red Rain was produced by Ann Lee and stars Lucy Hale.", {("Red Rain", "Ann Lee"), ("Red Rain", "Lucy Hale")}),
        ("Iberia is led by Luis Ro and borders Gaul.", {("Iberia", "Luis Ro"), ("Iberia", "Gaul")}),
        ("The Vega was built by Falcon Works and weighs 12 tonnes.", {("Vega", "Falcon Works"), ("Vega", "12 tonnes")}),
    ],
    two_subjects=[
        ("Blue Door and Red Door were both novels written by Ann Lee.", {("Blue Door", "Ann Lee"), ("Red Door", "Ann Lee")}),
        ("Tom Reed and Lucy Hale star in Red Rain, directed by Jane Reid.", {("Tom Reed", "Red Rain"), ("Red Rain", "Jane Reid")}),
        ("Vega I and Vega II were both probes built by Falcon Works.", {("Vega I", "Falcon Works"), ("Vega II", "Falcon Works")}),
    ],
    starring=[
        ("Moxette first appeared in Blue Dogs, starring Ann Lee.", {("Blue Dogs", "Ann Lee")}),
        ("Bo Tong acts in the film Red Rain, starring Lucy Hale.", {("Red Rain", "Lucy Hale")}),
        ("Tom Reed played in the show Night Bus, featuring Ana Silva.", {("Night Bus", "Ana Silva")}),
    ],
    kind_first=[
        ("A traditional dish from Ghent is Waterzooi.", {("Waterzooi", "Ghent")}),
        ("A film by Jane Reid is Red Rain.", {("Red Rain", "Jane Reid")}),
        ("A footballer from Porto is Ana Silva.", {("Ana Silva", "Porto")}),
    ],
    deeper_owner=[
        ("6,573 feet is the length of the first runway at Suva Airport.", {("Suva Airport", "6,573 feet")}),
        ("Eva Ek is the head of the second faculty of Lund College.", {("Lund College", "Eva Ek")}),
        ("One of the Royal Guard's garrisons was in Hove.", {("Royal Guard", "Hove")}),
    ],
)
def test_a_clause_keeps_its_own_subject(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    before_a_name=[
        ("Suva born Bo Tong is a member of the Fiji Party.", {("Bo Tong", "Suva"), ("Bo Tong", "Fiji Party")}),
        ("Ann Lee is signed to the Oslo based Falcon Records.", {("Falcon Records", "Oslo")}),
        ("Ana Silva was a pilot of the Sabena operated Vega II.", {("Vega II", "Sabena"), ("Ana Silva", "Vega II")}),
    ],
    taken_up=[
        ("Ann Lee was born in Malta. Maltese is spoken there.", {("Malta", "Maltese")}),
        ("The Vega is from Finland. Kim Ek is the leader of the country.", {("Finland", "Kim Ek")}),
        ("Waterzooi is from Ghent. The city uses the euro.", {("Ghent", "euro")}),
    ],
    as_its=[
        ("Red Rain was shown in 1999, starring Lucy Hale and with Paul Hart as its composer.", {("Red Rain", "Paul Hart")}),
        ("The Vega was launched from Kiruna with Nils Alm as its captain.", {("Vega", "Nils Alm")}),
        ("Lund Choir has a budget of 5 million dollars, with Eva Ek as its head.", {("Lund Choir", "Eva Ek")}),
    ],
)
def test_what_stands_beside_a_name_is_said_of_it(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@kinds(
    colon=[
        ("Waterzooi has the ingredients: fish, leeks and cream.", {("Waterzooi", "fish"), ("Waterzooi", "leeks"), ("Waterzooi", "cream")}),
        ("Ann Lee has worked with the following artists: Bo Tong and Eva Ek.", {("Ann Lee", "Bo Tong"), ("Ann Lee", "Eva Ek")}),
        ("The Vega II carries the instruments: a camera and a radar.", {("Vega II", "camera"), ("Vega II", "radar")}),
    ],
    prepositions=[
        (
            "Ana Silva has played in the Primeira Liga and for the Porto Bears.",
            {("Ana Silva", "Primeira Liga"), ("Ana Silva", "Porto Bears")},
        ),
        ("Grey Evening came after Blue Morning and before Red Night.", {("Grey Evening", "Blue Morning"), ("Grey Evening", "Red Night")}),
        ("Eva Ek sailed from Hove and to Dieppe.", {("Eva Ek", "Hove"), ("Eva Ek", "Dieppe")}),
    ],
    titles=[
        ("Ann Lee has written the books Blue Door, Red Door and Last Key.", {("Red Door", "Ann Lee"), ("Last Key", "Ann Lee")}),
        ("Jane Reid directed the films Red Rain and Night Bus.", {("Red Rain", "Jane Reid"), ("Night Bus", "Jane Reid")}),
        ("Falcon Works built the ships Vega and Altair.", {("Vega", "Falcon Works"), ("Altair", "Falcon Works")}),
    ],
    measures=[
        ("3 Juno travels at an average speed of 17.93 kilometres per second.", {("3 Juno", "17.93 kilometres per second")}),
        ("Suva College has an outlook ranking of 63.", {("Suva College", "63")}),
        ("The Falcon Bridge has a span measuring 420 metres.", {("Falcon Bridge", "420 metres")}),
    ],
    titles_that_look_like_sentences=[
        ("To Catch a Falcon was directed by Jane Reid.", {("To Catch a Falcon", "Jane Reid")}),
        ("I Am Water, recorded by Ann Lee, has 12 songs.", {("I Am Water", "Ann Lee")}),
        ("Murder on the Danube was written by Eva Ek and stars Tom Reed.", {("Murder on the Danube", "Tom Reed")}),
    ],
    titles_whole=[
        ("Ann Lee is the author of 1702: The Last Key.", {("1702: The Last Key", "Ann Lee")}),
        ("Bo Tong plays Rhythm and Blues.", {("Bo Tong", "Rhythm and Blues")}),
        ("The single Blue Morning by Ann Lee is 3.5 minutes long.", {("Blue Morning", "Ann Lee"), ("Blue Morning", "3.5 minutes")}),
    ],
    names=[
        ("The School of Arts and Letters has 900 students.", {("School of Arts and Letters", "900 students")}),
        ("Ann Lee attended the University of Wisconsin at Madison.", {("Ann Lee", "University of Wisconsin at Madison")}),
        ("Bo Tong performs rhythm and blues.", {("Bo Tong", "rhythm and blues")}),
    ],
)
def test_each_item_of_a_list_is_found_whole(text: str, wanted: Set, pairs: Pairs) -> None:
    assert wanted <= pairs(text)


@pytest.mark.parametrize(
    ("text", "thing"),
    [
        ("Waterzooi is a dish found in Belgium.", "Waterzooi"),
        ("The Vasa is a ship located in Stockholm.", "Vasa"),
        ("Falcon Works is a firm based in Bolton.", "Falcon Works"),
    ],
)
def test_what_says_where_a_thing_is_says_nothing_else(text: str, thing: str, pairs: Pairs) -> None:
    assert len({right for left, right in pairs(text) if left == thing}) == 1


@pytest.mark.parametrize("text", ["The character Moxette sings.", "Roses are of the order Rosales.", "He rode the river Tweed."])
def test_a_word_that_only_ends_like_a_person_is_no_title(text: str, pairs: Pairs) -> None:
    assert not pairs(text) & {("Moxette", "character"), ("Rosales", "order"), ("Tweed", "river")}


@pytest.mark.parametrize(
    "text",
    [
        "When Queen Victoria was crowned, Melbourne led the cabinet.",
        "His Prime Minister was Ann Lee.",
        "All Native Americans are citizens of Peru.",
    ],
)
def test_a_sentence_that_opens_with_a_small_word_is_no_title(text: str, pairs: Pairs) -> None:
    assert not any(left.startswith(("When", "His", "All")) for left, _ in pairs(text))
