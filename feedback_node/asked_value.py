"""A question that gives a value and asks whose it is: "Which element has the atomic number 51?", "Which novel came out in 1846?"."""

from __future__ import annotations

from typing import NamedTuple

from feedback_node.value_spans import value_spans
from feedback_node.verification import value_key
from streams.knowledge.dates import parse_date
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import Predicate, ValueKind
from streams.knowledge.quantities import BESIDE, parse_quantity
from streams.knowledge.valued import Value, is_said

_KINDS = (ValueKind.NUMBER, ValueKind.DATE)


class AskedValue(NamedTuple):
    """A value whose owner is asked for."""

    predicate: str
    text: str
    """As the question says it."""
    key: str
    """As it stands in the key of a claim (`verification.ClaimKey.object`)."""


def value_asked_of(text: str, graph: Hypergraph) -> AskedValue | None:
    """The one value of a question, by the one predicate of its words that has such values; None where there is not one of each."""
    spans = list(value_spans(text, 0))
    if len(spans) != 1:
        return None
    start, end = spans[0]
    said = text[start:end].strip()
    outside = f"{text[:start]} {text[end:]}"
    for names in (graph.ontology.predicates_in(outside), graph.ontology.asked_by(outside)):
        found = [name for name in names if _is_value_of(graph.ontology[name], said)]
        if len(found) == 1 and not _counts(text[end:], found[0], graph):
            return AskedValue(found[0], said, value_key(said, graph.ontology[found[0]], graph))
    return None


def _counts(behind: str, predicate: str, graph: Hypergraph) -> bool:
    """Whether a number tells how many are asked for: "Name 3 countries with a large population", "the 5 longest rivers"."""
    follows = next(iter(words(behind)), None)
    if follows is None or follows.text in FUNCTION_WORDS | BESIDE:
        return False
    said = behind[follows.start : follows.end]
    return predicate not in {*graph.ontology.predicates_in(said), *graph.ontology.asked_by(said)}


def has_owner(value: AskedValue, graph: Hypergraph) -> bool:
    """Whether the graph knows of something that has the value."""
    return is_said(Value(parse_date(value.text), parse_quantity(value.text)), value.predicate, graph)


def _is_value_of(predicate: Predicate, said: str) -> bool:
    if predicate.value not in _KINDS:
        return False
    return (parse_quantity if predicate.value is ValueKind.NUMBER else parse_date)(said) is not None
