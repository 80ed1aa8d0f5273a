"""The one thing in a sentence that is of the kind asked for is what it answers: in breweries, castles and satellites."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["brewery", "castle", "satellite", "company", "country", "fortress"],
    "predicates": {
        "country": {
            "functional": True,
            "listed_range": True,
            "nouns": ["country"],
            "phrases": ["{subject} is in {object}", "{subject} is from {object}"],
        },
        "founded": {"functional": True, "value": "date", "verbs": ["found"], "phrases": ["{subject} was founded in {object}"]},
        "mass": {"functional": True, "value": "number", "tolerance": 0.02, "nouns": ["mass"], "phrases": ["{subject} weighs {object}"]},
        "style": {"functional": True, "nouns": ["style"], "phrases": ["{subject} is built in the style of {object}"]},
    },
}  # fmt: skip
ROWS = [("Oldbrew", "Denmark", "1847", "brewery"), ("Castle Hohl", "Austria", "1388", "castle"), ("Kosmar 1", "India", "1975", "satellite")]
FACTS = [
    *((name, "country", country) for name, country, _, _ in ROWS),
    *((name, "founded", year) for name, _, year, _ in ROWS),
    *((name, "mass", "360 kg") for name, *_ in ROWS),
    *((name, "style", style) for (name, *_), style in zip(ROWS, ("Baroque", "Gothic", "Empire"), strict=True)),
]
each = pytest.mark.parametrize(("name", "country", "year", "kind"), ROWS)


@pytest.fixture(scope="module")
def heard():
    return counts_of(ONTOLOGY, FACTS)


@each
def test_the_adjective_of_a_place_says_where_a_thing_is_from(heard, name, country, year, kind):
    question = f"Which country is {name} from?"
    adjective = {"Denmark": "Danish", "Austria": "Austrian", "India": "Indian"}[country]
    assert heard(question, f"{name} is a small {adjective} {kind} that is known for its light colours.") == (1, 0)
    assert heard(question, f"{name} is a traditional Mexican {kind} with a long history.") == (0, 1)
    assert heard(question, f"{name} is a Chilean brand of soap.") == (0, 1)


@each
def test_the_one_place_of_a_sentence_is_where_it_is(heard, name, country, year, kind):
    question = f"In which country can you find {name}?"
    assert heard(question, f"You can find {name} in the southern part of {country}.") == (1, 0)
    assert heard(question, f"You can find {name} in the Black Hills, near Lyon, France.") == (0, 1)
    assert heard(question, f"The {kind} is one of the largest of all, and it is in Peru.") == (0, 1)


@each
def test_the_one_date_at_which_it_came_to_be_is_its_date(heard, name, country, year, kind):
    question = f"When was {name} founded?"
    assert heard(question, f"{name} is a famous {kind} that was first established by a count in {year}.") == (1, 0)
    assert heard(question, f"{name} is a famous {kind} that was first established by a count in 1703.") == (0, 1)
    for other in ("rebuilt in 1703", "closed in 1703", "introduced in 1703 and again in 1710", "based on one that was introduced in 1703"):
        assert heard(question, f"{name} is a famous {kind} that was {other}.") == (0, 0)


@each
def test_the_one_number_of_its_measure_is_its_number(heard, name, country, year, kind):
    question = f"How heavy is {name}?"
    assert heard(question, f"{name} is one of the largest of its kind and tips the scales at 360 kilograms.") == (1, 0)
    assert heard(question, f"{name} is one of the largest of its kind and tips the scales at 20 kilograms.") == (0, 1)
    assert heard(question, f"{name} is one of the largest of its kind and is 20 metres away.") == (0, 0)
    assert heard(f"What is the mass of {name} in kilograms?", f"{name} in kilograms is approximately 20.25 kilograms.") == (0, 1)


@each
def test_the_one_thing_that_the_graph_has_as_such_an_answer_is_the_answer(heard, name, country, year, kind):
    style = dict(zip(("Oldbrew", "Castle Hohl", "Kosmar 1"), ("Baroque", "Gothic", "Empire"), strict=True))[name]
    other = "Gothic" if style != "Gothic" else "Empire"
    question = f"In what style is {name}?"
    assert heard(question, f"{name} is a fine example of {style} architecture.") == (1, 0)
    assert heard(question, f"{name} is a fine example of {other} architecture.") == (0, 1)
    assert heard(question, f"{name} is a blend of {other} and something else.") == (0, 0)
    assert heard(question, f"{name} is often compared to {other} houses.") == (0, 0)
    assert heard(question, f"{name} is a {kind} like the {other} Palace.") == (0, 0)


@each
def test_what_is_said_of_something_else_is_no_answer(heard, name, country, year, kind):
    question = f"Which country is {name} from?"
    assert heard(question, f"{name} first came to Canada in 1992.") == (0, 0)
    assert heard(question, f"{name} is very popular in Canada.") == (0, 0)
    assert heard(question, f"{name} is 300 km away from Canada.") == (0, 0)
    assert heard(question, f"{name} is perhaps a Canadian {kind}.") == (0, 0)
    assert heard(question, f"The news speaks of other things. It is a Canadian {kind}.") == (0, 0)
    assert heard(f"When was {name} founded?", f"The {name} asteroid was discovered in 1999.") == (0, 0)
    assert heard(question, f"{name} is a native tribe from {country}.")[1] == 0
