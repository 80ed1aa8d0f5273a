"""What several nouns or verbs of a clause share: properties in a list, the agent and the place of two verbs, a noun before a name."""

from __future__ import annotations

import pytest

from feedback_node.extraction.extractor import TripletExtractor


@pytest.fixture(scope="module")
def extractor():
    return TripletExtractor()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "The engine has a length of 9 metres, a diameter of 2 metres and a mass of 1200 kilograms.",
            {("engine", "9 metres"), ("engine", "2 metres"), ("engine", "1200 kilograms")},
        ),
        (
            "The asteroid 1147 Stavropolis has an orbital period of 1249.6 days and an apoapsis of 418476000 km.",
            {("1147 Stavropolis", "1249.6 days"), ("1147 Stavropolis", "418476000 km")},
        ),
        ("Big Hero was written and directed by Ray Griggs.", {("Big Hero", "Ray Griggs")}),
        ("Elliot See was born and raised in Dallas.", {("Elliot See", "Dallas")}),
    ],
)
def test_what_is_shared_is_said_of_each(extractor, text, wanted):
    (found,) = extractor.extract([text])
    assert {(one.subject, one.object) for one in found} == wanted
    assert len({one.predicate for one in found}) >= 2
