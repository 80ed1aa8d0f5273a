"""What a question asks, as far as the graph can tell: which entities it names, and which predicates it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from schemas.triplet import JudgedTriplet, Verdict
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.value_types import Mention

if TYPE_CHECKING:
    from feedback_node.verification import ClaimKey


class Part(NamedTuple):
    """One thing that is asked: a predicate (None where the question's words do not tell) of an entity."""

    predicate: str | None
    entity: str


class Question(NamedTuple):
    """What is to be answered."""

    parts: tuple[Part, ...]
    """Empty where the graph knows nothing that the question names."""
    entities: frozenset[str]
    """All that the question names: to say them again is no answer."""
    words: frozenset[str] = frozenset()
    """Its words, folded: neither is to say these again."""
    yes_no: bool = False
    """It gives both sides, and asks whether it is so."""
    known: bool = False
    """The graph holds an answer to some part of it."""

    def is_answered(self, claims: Mapping[ClaimKey, JudgedTriplet]) -> bool:
        """Whether any claim is about something that was asked, right or wrong."""
        return any(self._about(part, key, claim) for part in self.parts for key, claim in claims.items())

    def coverage(self, claims: Mapping[ClaimKey, JudgedTriplet]) -> float:
        """Share of the parts that a verified claim answers; 1 where nothing can be told of the question."""
        if not self.parts:
            return 1.0
        true = {key: claim for key, claim in claims.items() if claim.verdict is Verdict.VERIFIED}
        return sum(any(self._about(part, *pair) for pair in true.items()) for part in self.parts) / len(self.parts)

    def _about(self, part: Part, key: ClaimKey, claim: JudgedTriplet) -> bool:
        """A claim with the part's entity on one side, by the asked predicate, and on the other side something new (or something true)."""
        if part.predicate is not None and key.predicate != part.predicate:
            return False
        if key.denied and not self.yes_no and claim.verdict is not Verdict.CONTRADICTED:
            return False  # to say what it is not is no answer
        for side, other in ((key.subject, key.object), (key.object, key.subject)):
            if side == part.entity and (claim.verdict is Verdict.VERIFIED or self.yes_no or self._is_new(other)):
                return True
        return False

    def _is_new(self, said: str) -> bool:
        """Whether it is more than an echo of the question."""
        return said not in self.entities and any(word not in self.words and word not in FUNCTION_WORDS for word in said.split())


def read_question(text: str, graph: Hypergraph) -> Question:
    """What a question asks. Entities and predicates that it names make its parts, where the graph knows the one of the other."""
    found = graph.entities_in(text, ambiguous=True)
    mentions = list(dict.fromkeys(mention.entity for mention in found))
    outside = _without_names(text, found)
    predicates = _asked_in(outside, graph)
    parts = [Part(name, entity) for name in predicates for entity in mentions if _is_known(graph, entity, name)]
    known = bool(parts)
    if not parts:
        asked: list[str | None] = list(predicates) or [None]
        parts = [Part(name, entity) for name in asked for entity in mentions]
    said = frozenset(word.text for word in words(text))
    return Question(tuple(parts), frozenset(_every(mentions, graph)), said, is_yes_no(text), known)


def _asked_in(text: str, graph: Hypergraph) -> list[str]:
    """The predicates of a question, of each of two parts that "and" joins: by their own words, else by like ones."""
    found = [name for clause in _AND.split(text) for name in _asked_by(clause, graph)] or _asked_by(text, graph)
    return list(dict.fromkeys(found))


def _asked_by(clause: str, graph: Hypergraph) -> list[str]:
    """Those of a clause; of several those whose objects are what its "when", "who" or "how many" asks for."""
    ontology = graph.ontology
    exact = ontology.predicates_in(clause)
    kind = next((kind for wanted, kind in _WANTED if wanted.search(clause)), None)
    if kind is None and exact:
        return exact
    if fitting := [name for name in exact if kind is not None and ontology[name].value in kind]:
        return fitting
    like = ontology.asked_by(clause)
    return [name for name in like if kind is None or ontology[name].value in kind] or exact or like


def _without_names(text: str, names: Iterable[Mention]) -> str:
    """The text with dots for each name in it: "Who wrote The Capital?" asks for no capital."""
    for _, start, end in names:
        if not text[start:end].islower():
            text = text[:start] + "." * (end - start) + text[end:]
    return text


_WANTED = (
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade)\b", re.IGNORECASE), (ValueKind.DATE,)),
    (re.compile(r"\bhow (?:many|much|long|tall|high|deep|wide|far|old|big|large|heavy|fast)\b", re.IGNORECASE), (ValueKind.NUMBER,)),
    (re.compile(r"\b(?:who|whom|whose|where)\b", re.IGNORECASE), (ValueKind.ENTITY,)),
)
"""What the words of a question ask for."""
_AND = re.compile(r"\band\b")
_YES_NO = re.compile(
    r"^\W*(?:so,?\s+|and\s+)?(?:is|are|was|were|do|does|did|has|have|had|can|could|would|will|true or false)\b", re.IGNORECASE
)


def is_yes_no(question: str) -> bool:
    """Whether a question wants yes or no."""
    return bool(_YES_NO.match(question)) and question.rstrip().endswith("?") and not re.search(r"\bor\b(?! false)", question)


def _is_known(graph: Hypergraph, entity: str, predicate: str) -> bool:
    return bool(graph.statements(entity, predicate) or graph.statements_to(entity, predicate))


def _every(entities: Iterable[str], graph: Hypergraph) -> Iterable[str]:
    for entity in entities:
        yield entity
        yield from graph.entities(entity)
