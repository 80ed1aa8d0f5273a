"""What something borders on is not where it is, though the graph has such a name as an answer to that, in three domains."""

from __future__ import annotations

import pytest

from tests.unit.feedback_node.hearing.judging import counts_of


def domain(relation: str, between: str, classes: list[str], facts: list[tuple[str, str, str]]):
    """A domain in which things are in a region, and beside each other."""
    predicates = {
        "region": {"functional": True, "nouns": ["region"], "phrases": ["{subject} is in {object}", "{subject} is located in {object}"]},
        relation: {"symmetric": True, "phrases": [f"{{subject}} {between} {{object}}"], "verbs": [between.split()[-1]]},
    }
    return counts_of({"predicates": predicates, "classes": classes}, facts)


DOMAINS = {
    "lands": ("neighbour", "borders", ["land"],
              [("Torvia", "region", "Upper Senn"), ("Malk", "region", "Low Marsk"), ("Torvia", "neighbour", "Malk")]),
    "quarters": ("adjacent", "adjoins", ["quarter"], [("Old Wharf", "region", "Eastside"), ("Gasworks", "region", "Northside"),
                                                      ("Old Wharf", "adjacent", "Gasworks")]),
    "lakes": ("joined", "touches", ["lake"], [("Lake Orrin", "region", "Fellmark"), ("Lake Sarn", "region", "Dunmere"),
                                              ("Lake Orrin", "joined", "Lake Sarn")]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("lands", "In which region is Torvia?", "Torvia is a land located in Upper Senn, and it borders Low Marsk."),
        ("quarters", "In which region is the Old Wharf?", "The Old Wharf is located in Eastside. The Old Wharf adjoins Northside."),
        ("lakes", "Which region is Lake Orrin in?", "Lake Orrin is in Fellmark. Lake Orrin touches Dunmere."),
    ],
)
def test_what_it_borders_on_is_not_where_it_is(name, question, answer):
    verified, contradicted = domain(*DOMAINS[name])(question, answer)
    assert (verified, contradicted) == (1, 0)
