"""Where "is in" may be said of anything, a relation's own noun says that it is meant: of bridges, wines and stamps."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of

ONTOLOGY = {
    "classes": ["bridge", "wine", "stamp"],
    "predicates": {
        name: {
            "functional": True,
            "listed_range": True,
            "nouns": [name],
            "phrases": [f"the {name} of {{subject}} is {{object}}", "{subject} is in {object}"],
        }
        for name in ("river", "region", "collection")
    },
}  # fmt: skip
ROWS = [("Orrin Bridge", "river", "Tay", "Spey"), ("Velmora", "region", "Douro", "Rioja"), ("Blue Heron", "collection", "Aster", "Linden")]
FACTS = [*((name, of, true) for name, of, true, _ in ROWS), *((f"The other {name}", of, other) for name, of, _, other in ROWS)]
each = pytest.mark.parametrize(("name", "of", "true", "other"), ROWS)


@pytest.fixture(scope="module")
def heard():
    return counts_of(ONTOLOGY, FACTS)


@each
def test_a_name_that_nobody_knows_contradicts_behind_the_relation_s_own_noun(heard, name, of, true, other):
    assert heard(f"Name the {of} of {name}.", f"The {of} of {name} is {true}.") == (1, 0)
    assert heard(f"Name the {of} of {name}.", f"The {of} of {name} is Quorlund.") == (0, 1)
    assert heard(f"Name the {of} of {name}.", f"The {of} of {name} is {name}.") == (0, 1)
    assert heard(f"Tell me about {name}.", f"{name} is in Quorlund.") == (0, 0)


@each
def test_a_name_with_the_relation_s_noun_in_it_says_what_it_is(heard, name, of, true, other):
    assert heard(f"Tell me about {name}.", f"{name} is in the Quorlund {of.title()}.") == (0, 1)
    assert heard(f"Tell me about {name}.", f"{name} is in the {of.title()} of the North.") == (0, 1)
    assert heard(f"Tell me about {name}.", f"{name} is in the Quorlund Valley.") == (0, 0)
