"""What the inflection of verbs promises."""

from __future__ import annotations

import pytest

from streams.knowledge.english import inflections


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("compose", {"compose", "composes", "composed", "composing"}),
        ("write", {"write", "writes", "wrote", "written", "writing"}),
        ("marry", {"marry", "marries", "married", "marrying"}),
        ("border", {"border", "borders", "bordered", "bordering"}),
        ("stop", {"stop", "stops", "stopped", "stopping"}),
        ("teach", {"teach", "teaches", "taught", "teaching"}),
        ("play", {"play", "plays", "played", "playing"}),
        ("be", {"was", "were", "been", "being"}),
        ("agree", {"agree", "agrees", "agreeing"}),
    ],
)
def test_every_form_of_a_verb_is_known(verb, forms):
    assert forms <= inflections(verb)
