"""An ontology's phrases tried on sentences of their own: one in which its claim is not found can never match a text."""

from __future__ import annotations

from collections.abc import Iterator

from feedback_node.extraction.extractor import TripletExtractor
from schemas.triplet import Triplet
from streams.knowledge.ontology import Ontology, Predicate, ValueKind
from streams.knowledge.quantities import parse_quantity

_SUBJECT = "Peru"
_OBJECTS = {ValueKind.ENTITY: "Berlin", ValueKind.NUMBER: "12", ValueKind.DATE: "1990"}


def unheard_phrases(extractor: TripletExtractor, ontology: Ontology) -> list[str]:
    """A line for each phrase that is not heard in its own rendering; it names predicate and phrase, and says what to do."""
    tried = list(_renderings(ontology))
    names = [sorted(_places(sentence)) for _, _, sentence in tried]
    found = extractor.extract([sentence for _, _, sentence in tried], names)
    return [
        f"ontology: predicate {predicate.name}: phrase {phrase!r} can never match: its claim is not found in "
        f"{sentence!r}; say it as a plain sentence"
        for (predicate, phrase, sentence), claims in zip(tried, found, strict=True)
        if not any(_says(claim, predicate, ontology) for claim in claims)
    ]


def _renderings(ontology: Ontology) -> Iterator[tuple[Predicate, str, str]]:
    for predicate in ontology.predicates.values():
        for phrase in predicate.phrases:
            sentence = phrase.replace("{subject}", _SUBJECT).replace("{object}", _OBJECTS[predicate.value]).rstrip(" .")
            yield predicate, phrase, f"{sentence[0].upper()}{sentence[1:]}."


def _places(sentence: str) -> Iterator[tuple[int, int]]:
    for name in (_SUBJECT, _OBJECTS[ValueKind.ENTITY]):
        if (at := sentence.find(name)) >= 0:
            yield at, at + len(name)


def _says(claim: Triplet, predicate: Predicate, ontology: Ontology) -> bool:
    if not any(match.name == predicate.name for match in ontology.match_all(claim.predicate)):
        return False
    said = {claim.subject, claim.object}
    wanted = _OBJECTS[predicate.value]
    if predicate.value is ValueKind.NUMBER and _SUBJECT in said:
        values = [parse_quantity(one) for one in said - {_SUBJECT}]
        return any(value is not None and value.low == float(wanted) for value in values)
    return said == {_SUBJECT, wanted}
