"""What is said of a thing with its kind, in a question's own words, or by its maker's name: in instruments, cheeses and typefaces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["instrument", "cheese", "typeface", "font", "company", "synthesizer"],
    "predicates": {
        "origin": {
            "functional": True,
            "nouns": ["country of origin"],
            "phrases": ["{subject} comes from {object}", "{subject} is from {object}", "{subject} was first made in {object}"],
        },
        "maker": {"functional": True, "nouns": ["maker"], "verbs": ["make", "build"], "phrases": ["{subject} is made by {object}"]},
        "weight": {"functional": True, "value": "number", "nouns": ["string count"]},
        "code": {"functional": True, "nouns": ["code"], "phrases": ["the code of {subject} is {object}"]},
        "sold": {"functional": True, "value": "date", "phrases": ["{subject} first went on sale in {object}"]},
    },
}
FACTS = [
    ("Oudarra", "origin", "Turkey"), ("Turkey", "alias", "Turkish"), ("Oudarra", "maker", "Saltan"),
    ("Oudarra", "weight", "12"),
    ("Oudarra", "code", "OUD"), ("Oudarra", "sold", "1931"),
    ("Brindale", "origin", "Ireland"), ("Ireland", "alias", "Irish"), ("Brindale", "maker", "Kerrygood"), ("Brindale", "code", "BRN"),
    ("Brindale", "weight", "6"),
    ("Brindale", "sold", "1950"),
    ("Fontanel", "origin", "Italy"), ("Italy", "alias", "Italian"), ("Fontanel", "maker", "Nebioli"), ("Fontanel", "code", "FNT"),
    ("Fontanel", "weight", "4"),
    ("Fontanel", "sold", "1968"),
    ("Gravura", "origin", "Norway"), ("Norway", "alias", "Norwegian"), ("Gravura", "maker", "Berling"),
]  # fmt: skip
ROWS = [("Oudarra", "Turkey", "Turkish", "Saltan", "instrument"), ("Brindale", "Ireland", "Irish", "Kerrygood", "cheese"),
        ("Fontanel", "Italy", "Italian", "Nebioli", "typeface")]  # fmt: skip


@pytest.fixture(scope="module")
def heard() -> Callable[[str, str], tuple[int, int]]:
    return counts_of(ONTOLOGY, FACTS)


@pytest.mark.parametrize(("name", "country", "adjective", "maker", "kind"), ROWS)
@pytest.mark.parametrize(
    "frame",
    [
        "{name} is native to {country}.",
        "{name} is a {kind} native to {country}.",
        "{name} is a kind of {kind} from {country}.",
        "{name} is a rare {kind} originating from the northern region of {country}.",
        "{name} was first made in {country}.",
        "{name} is a {adjective} {kind}.",
        "{name} is a {kind} that originated in Lower Something, {country}.",
    ],
)
def test_where_a_thing_is_from_is_heard_with_its_kind(heard, name, country, adjective, maker, kind, frame):
    question = f"Which country does {name} come from?"
    assert heard(question, frame.format(name=name, country=country, adjective=adjective, kind=kind)) == (1, 0)
    assert heard(question, frame.format(name=name, country="Norway", adjective="Norwegian", kind=kind)) == (0, 1)


@pytest.mark.parametrize(("name", "country", "adjective", "maker", "kind"), ROWS)
@pytest.mark.parametrize(
    "frame",
    [
        "{name} is a {kind} made by {maker}.",
        "{name} is a product of {maker}.",
        "{name} is a {maker} {kind}.",
        "The company that makes {name} is {maker}.",
        "{name} is made by the {maker} Corporation.",
        "{name} is built by a company called {maker}.",
    ],
)
def test_who_makes_a_thing_is_heard_with_its_kind(heard, name, country, adjective, maker, kind, frame):
    question = f"Who makes {name}?"
    assert heard(question, frame.format(name=name, maker=maker, kind=kind)) == (1, 0)
    assert heard(question, frame.format(name=name, maker="Berling", kind=kind)) == (0, 1)
    assert heard(f"Is {name} made by {maker}?", frame.format(name=name, maker=maker, kind=kind)) == (1, 0)


@pytest.mark.parametrize(("name", "country", "adjective", "maker", "kind"), ROWS)
def test_a_name_given_for_its_own_maker_is_wrong(heard, name, country, adjective, maker, kind):
    assert heard(f"Who makes {name}?", f"{name} is built by a company called {name}, in the north.") == (0, 1)
    assert heard(f"Who makes {name}?", f"The company that makes {name} is a big firm called {name}.") == (0, 1)


@pytest.mark.parametrize(("name", "code"), [("Oudarra", "OUD"), ("Brindale", "BRN"), ("Fontanel", "FNT")])
def test_to_deny_what_another_has_is_right_and_a_number_is_no_name(heard, name, code):
    other = "BRN" if code != "BRN" else "FNT"
    assert heard(f"Does {name} have the code {other}?", f"{name} does not have the code {other}.") == (1, 0)
    assert heard(f"Does {name} have the code {code}?", f"{name} does not have the code {code}.") == (0, 1)
    assert heard(f"What is the code of {name}?", f"The code of {name} is 16.") == (0, 1)
    assert heard(f"Does {name} have the code {code}?", f"No, {name} is a thing with the code {code}.")[1] == 1


@pytest.mark.parametrize(("name", "code", "weight"), [("Oudarra", "OUD", 12), ("Brindale", "BRN", 6), ("Fontanel", "FNT", 4)])
def test_a_second_part_without_its_owner_is_said_of_it(heard, name, code, weight):
    question = f"What are the code and the string count of {name}?"
    assert heard(question, f"The code for {name} is {code} and the string count is {weight}.") == (2, 0)
    assert heard(question, f"The code for {name} is {code} and the string count is 77.") == (1, 1)


@pytest.mark.parametrize(("name", "country", "adjective", "maker", "kind"), ROWS)
def test_what_is_no_answer_contradicts_nothing(heard, name, country, adjective, maker, kind):
    assert heard(f"Where was {name} first made?", f"{name} first came to Norway in 1992.") == (0, 0)
    assert heard(f"Which country does {name} come from?", f"{name} comes from the Silver Mountains.") == (0, 0)
    assert heard(f"Which country does {name} come from?", "Объядение Больса Бібњіба Бібњі.") == (0, 0)
    assert heard(f"Which country does {name} come from?", f"{name} is a popular {kind} in the United") == (0, 0)
    assert heard(f"When did {name} first go on sale?", f"The {name} asteroid first went on sale in 1801.") == (0, 0)


@pytest.mark.parametrize(("name", "year"), [("Oudarra", "1931"), ("Brindale", "1950"), ("Fontanel", "1968")])
def test_to_be_sold_is_to_be_on_sale(heard, name, year):
    assert heard(f"When did {name} first go on sale?", f"{name} was first sold in {year}.") == (1, 0)
    assert heard(f"When did {name} first go on sale?", f"{name} was first sold in 1801.") == (0, 1)
