"""Answers to a question that compares two things: "X", "X is", "X is deeper than Y", "Y is not as deep as X".

The right one claims what it has, the wrong one denies the other its number, or, by dates, claims that of the one that came first (or last).
"""

from __future__ import annotations

import re

from feedback_node.comparison import Comparison, bases, compared_in
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME
from feedback_node.sentences import sentences
from feedback_node.value_spans import value_spans
from schemas.triplet import Triplet
from streams.knowledge.dates import parse_date
from streams.knowledge.english import DETERMINERS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import parse_quantity

RULE = "compared"
_DEGREES = frozenset(
    ("much", "far", "slightly", "somewhat", "even", "considerably", "significantly", "a", "bit", "little", "lot", "by", "the", "two",
     "of", "them", "it", "is", "was")
)  # fmt: skip
_NOT_AS = re.compile(r"\s+(?:is|was)(?:\s+not|n't)\s+(?:as|so)\s+(?P<word>[a-z]+)\s+as\s+(?:the\s+)?$", re.IGNORECASE)
_THAN = re.compile(r"\s+(?:is|was|are)\s+(?:[a-z]+\s+){0,2}?(?P<word>(?:more\s+|less\s+)?[a-z]+)\s+than\s+(?:the\s+)?$", re.IGNORECASE)


def compared(text: str, question: str, graph: Hypergraph) -> list[Triplet]:
    """The claims of an answer's first sentence that chooses, where its question compares. Hold the view's lock."""
    comparison = compared_in(question, graph)
    if comparison is None:
        return []
    mentions = [(one.start, one.end) for one in graph.entities_in(text, ambiguous=True)]
    for start, end in sentences(text, mentions):
        if found := _in_sentence(text[start:end], start, comparison, question, graph):
            return found
        if any(start <= at < end for at, _ in mentions):
            break
    return []


def _in_sentence(sentence: str, start: int, comparison: Comparison, question: str, graph: Hypergraph) -> list[Triplet]:
    named = [
        (root, one.start, one.end)
        for one in graph.entities_in(sentence, ambiguous=True)
        for root in (comparison.winner, comparison.loser)
        if root in (one.entity, *graph.entities(one.entity))
    ]
    tokens = {word.text for word in words(sentence)}
    if not named or not tokens.isdisjoint(DOUBT):
        return []
    if len({root for root, _, _ in named}) == 1:
        return _alone(sentence, start, named[0], comparison, question, graph)
    if len(named) != 2 or sentence[: named[0][1]].strip(" \"'*").lower() not in ("", "the"):
        return []
    chosen = _of_both(sentence[named[0][2] : named[1][1]], comparison)
    behind = sentence[named[1][2] :].strip(" .!\"'*")
    if chosen is None or behind:
        return []
    root, at, end = named[chosen]
    return [_choice(root, (start + at, start + end), comparison, graph)]


def _alone(
    sentence: str, start: int, named: tuple[str, int, int], comparison: Comparison, question: str, graph: Hypergraph
) -> list[Triplet]:
    """For one that stands by itself, with words of a frame, of the question and of the comparison, and perhaps its value."""
    root, at, end = named
    spans = [*value_spans(sentence, end)]
    inside = [(at, end), *spans]
    beside = [word.text for word in words(sentence) if not any(first <= word.start < last for first, last in inside)]
    asked = {word.text for word in words(question)}
    plain = FRAME | DETERMINERS | _DEGREES | asked | comparison.said | graph.ontology.classes | graph.ontology.vocabulary | {"at", "one"}
    if len(spans) > 1 or not all(word in plain for word in beside) or not DENIALS.isdisjoint(beside):
        return []
    if any(_is_turned(word, comparison) for word in beside if word not in asked):
        return []
    claims = [_choice(root, (start + at, start + end), comparison, graph)]
    name = next(iter(graph.names_of(root)), root)
    is_date = graph.ontology[comparison.predicate].value is ValueKind.DATE
    for first, last in spans if root == comparison.winner else ():
        said = sentence[first:last].strip()
        quantity = None if is_date else parse_quantity(said)
        if (is_date and parse_date(said) is not None) or (quantity is not None and quantity.dimension is not None):
            span = (start + first, start + last)
            claims.append(Triplet(subject=name, predicate=comparison.predicate, object=said, object_span=span, rule=RULE))
    return claims


def _of_both(between: str, comparison: Comparison) -> int | None:
    """Which of two is chosen by what stands between them: 0 for the first, 1 for the second; None where it does not tell."""
    if (match := _NOT_AS.fullmatch(between)) is not None:
        if comparison.adjective == match["word"].lower():
            return 1
        return None
    match = _THAN.fullmatch(between)
    if match is None or not {word.text for word in words(between)}.isdisjoint(DENIALS):
        return None
    head, _, last = match["word"].lower().rpartition(" ")
    if head:
        return (0 if head == "more" else 1) if last == comparison.adjective else None
    return 0 if _is_same(last, comparison) else None


def _is_same(word: str, comparison: Comparison) -> bool:
    return word in comparison.said or (bool(comparison.adjective) and comparison.adjective in _adjectives(word))


def _is_turned(word: str, comparison: Comparison) -> bool:
    """Whether a word may compare otherwise than the question does: "shallower" of which is deeper."""
    return (word in ("less", "least", "before", "after", "later", "last") or word.endswith(("er", "est"))) and not _is_same(
        word, comparison
    )


def _adjectives(word: str) -> set[str]:
    return {*bases(word)}


def _choice(root: str, span: tuple[int, int], comparison: Comparison, graph: Hypergraph) -> Triplet:
    """The claim that a choice makes; it is so of the winner alone.

    A wrong one denies the winner its number: one that the loser has, or more, may agree with its own by the predicate's tolerance.
    """
    is_date = graph.ontology[comparison.predicate].value is ValueKind.DATE
    is_so = root == comparison.winner
    subject = root if is_date else comparison.winner
    value = next(one.fact.object for one in graph.statements(comparison.winner, comparison.predicate))
    name = next(iter(graph.names_of(subject)), subject)
    denied = not is_so and not is_date
    return Triplet(subject=name, predicate=comparison.predicate, object=value, subject_span=span, negated=denied, rule=RULE)
