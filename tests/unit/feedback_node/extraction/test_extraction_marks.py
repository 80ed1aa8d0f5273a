"""What a text denies or does not commit to is marked, and questions claim nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.triplet import Triplet

Triplets = Callable[[str], list[Triplet]]


@pytest.mark.parametrize(
    "text",
    [
        "Sydney is not the capital of Australia.",
        "Sydney isn't the capital of Australia.",
        "Sydney was never the capital of Australia.",
        "It is not true that Sydney is the capital of Australia.",
        "Sydney is no longer the capital of Australia.",
    ],
)
def test_a_denied_claim_is_marked_negated(text: str, triplets: Triplets) -> None:
    claims = [t for t in triplets(text) if {t.subject, t.object} == {"Australia", "Sydney"}]
    assert claims
    assert all(t.negated for t in claims)


@pytest.mark.parametrize(
    "text",
    [
        "I think Sydney is the capital of Australia.",
        "I believe that Sydney is the capital of Australia.",
        "I am not sure, but Sydney is the capital of Australia.",
        "Sydney may be the capital of Australia.",
        "Sydney might be the capital of Australia.",
        "Sydney could be the capital of Australia.",
        "Reportedly, Sydney is the capital of Australia.",
        "Sydney is probably the capital of Australia.",
        "Perhaps Sydney is the capital of Australia.",
        "Sydney seems to be the capital of Australia.",
        "Some say that Sydney is the capital of Australia.",
        "If Sydney is the capital of Australia, Canberra is jealous.",
        "Sydney is said to be the capital of Australia.",
    ],
)
def test_a_claim_that_the_text_does_not_stand_by_is_marked_hedged(text: str, triplets: Triplets) -> None:
    claims = [t for t in triplets(text) if {t.subject, t.object} == {"Australia", "Sydney"}]
    assert all(t.hedged for t in claims), claims


def test_a_hedge_is_marked_not_dropped(triplets: Triplets) -> None:
    (claim,) = triplets("Sydney may be the capital of Australia.")
    assert claim.hedged
    assert not claim.negated


@pytest.mark.parametrize(
    "text", ["Is Sydney the capital of Australia?", "What is the capital of Australia?", "Was Sydney founded in 1788?"]
)
def test_a_question_claims_nothing(text: str, triplets: Triplets) -> None:
    assert triplets(text) == []


def test_a_plain_claim_beside_a_denied_one_stays_plain(triplets: Triplets) -> None:
    found = {
        (t.subject, t.object): t.negated for t in triplets("Sydney is not the capital of Australia. Canberra is the capital of Australia.")
    }
    assert found == {("Australia", "Sydney"): True, ("Australia", "Canberra"): False}


def test_doubt_ends_with_its_sentence(triplets: Triplets) -> None:
    found = {t.object: t.hedged for t in triplets("I think Oslo is in Norway. Bergen is in Norway, and Stavanger was founded in 1125.")}
    assert found["1125"] is False
