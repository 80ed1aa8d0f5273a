"""One extractor for all tests of extraction: the model takes a second to load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from feedback_node.extraction.extractor import TripletExtractor
from schemas.triplet import Triplet
from streams.knowledge.ontology import Ontology

ONTOLOGY = {
    "predicates": {
        "capital": {"functional": True, "nouns": ["capital", "capital city"], "phrases": ["{object} serves as the capital of {subject}"]},
        "composed_by": {"phrases": ["{subject} was composed by {object}"], "nouns": ["composer"], "verbs": ["compose"]},
        "currency": {
            "nouns": ["currency"],
            "phrases": ["people in {subject} pay with {object}", "{subject} uses {object} as its currency"],
        },
        "neighbour": {"symmetric": True, "verbs": ["border"]},
    }
}
Claims = Callable[[str], list[tuple[str, str, str]]]


@pytest.fixture(scope="session")
def extractor() -> TripletExtractor:
    """Open extraction only."""
    return TripletExtractor()


@pytest.fixture(scope="session")
def knowing() -> TripletExtractor:
    """With an ontology."""
    return TripletExtractor(Ontology.from_dict(ONTOLOGY))


@pytest.fixture
def pairs(extractor: TripletExtractor) -> Callable[[str], set[tuple[str, str]]]:
    """The (subject, object) pairs of a text's plain claims."""

    def find(text: str) -> set[tuple[str, str]]:
        return {(t.subject, t.object) for t in extractor.extract([text])[0] if not t.negated and not t.hedged}

    return find


@pytest.fixture
def triplets(extractor: TripletExtractor) -> Callable[[str], list[Triplet]]:
    """All triplets of a text."""
    return lambda text: extractor.extract([text])[0]
