"""Sentences that begin with "it", read with the name of what was asked of in its place: "It is a drug", "No, it comes from Cuba"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from feedback_node.hearing.asked import Asked
from feedback_node.hearing.reread import is_of_kind
from feedback_node.hearing.second_readings import last_words
from feedback_node.hearing.surface import Statement, statement_in
from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import judge
from streams.knowledge.names import words
from streams.knowledge.ontology import Predicate
from streams.knowledge.persons import is_made

RULE = "stand-in"
_IT = re.compile(
    r"^\W*(?:(?:yes|no|nope|actually|well|sure|right|and|but|however|in fact|instead|rather|because|since)\b[\s,:;–—-]+)*"
    r"(?P<it>it|this|he|she|they)\s+(?=\w)",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"(?<=[a-z]),\s+(?:from|between|beginning|starting|ending|until)\s(?=.*\d)")
"""What follows says more about a value: "872 days, from 1241 to 1243"."""
_PERSONS = frozenset({"he", "she", "they"})
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_AN = re.compile(r"\ban?\s+$", re.IGNORECASE)
_IS_A = re.compile(r"^\s*(?:is|was|are|were)\s+(?:actually\s+|originally\s+)?(?:an?|the)\s+", re.IGNORECASE)


def said_of_owner(sentence: str, owner: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """What a sentence that begins with "it" says of an entity; spans are those of the sentence. Hold the view's lock."""
    match = _IT.match(sentence)
    if any(one.side == "subject" for one in asked.missing) and asked.choices:
        return []  # "Which of these is by X: A or B?": it is A, not X
    if match is None or (match["it"].lower() in _PERSONS and _asks_who(asked, graph)):
        return []  # behind "X invented it.", "he" is X
    name = next(iter(graph.names_of(owner)), owner)
    text = name + _BESIDE.split(sentence[match.end("it") :])[0]
    by = match.end("it") - len(name)
    if any(one.start > len(name) and owner in (one.entity, *graph.entities(one.entity)) for one in graph.entities_in(text, ambiguous=True)):
        return []  # "It is the currency of Peru" is said of the currency
    stated = statement_in(text, graph)
    if stated is not None and (0, len(name)) in (stated.subject, stated.object) and not _is_of_somebody(text, stated, graph):
        sides: dict[str, Any] = {}
        for side, (start, end) in (("subject", stated.subject), ("object", stated.object)):
            is_name = (start, end) == (0, len(name))
            sides[side] = text[start:end].strip(" \"'")
            sides[f"{side}_span"] = match.span("it") if is_name else (start + by, end + by)
        return [_as_asked(Triplet(predicate=stated.predicate, rule=RULE, negated=stated.denied, **sides), asked, graph)]
    return _by_phrase(text, name, by, match.span("it"), asked, graph) or [*_of_kind(text, name, by, match.span("it"), asked, graph)]


def _as_asked(claim: Triplet, asked: Asked, graph: Hypergraph) -> Triplet:
    """A claim that tells nothing, by another predicate of which a phrase ends alike: "is in" of a city and of a land.

    By the one that was asked for; where the question has no predicate ("Where is X?"), by one by which it is so.
    """
    if judge(graph, claim).verdict is not Verdict.UNKNOWN:
        return claim
    wanted = [one.predicate for one in asked.missing if one.side == "object"]
    said = last_words(graph.ontology[claim.predicate])
    others = [
        one for one in wanted or graph.predicates() if one != claim.predicate and not said.isdisjoint(last_words(graph.ontology[one]))
    ]
    tried = [claim.model_copy(update={"predicate": one}) for one in others]
    telling = {Verdict.VERIFIED, Verdict.CONTRADICTED} if wanted else {Verdict.VERIFIED}
    told = [one for one in tried if judge(graph, one).verdict in telling]
    return told[0] if len(told) == 1 else claim


def _asks_who(asked: Asked, graph: Hypergraph) -> bool:
    """Whether it was asked who made the thing."""
    return any(part.predicate is not None and is_made(graph.ontology[part.predicate]) for part in asked.question.parts)


def _is_of_somebody(text: str, stated: Statement, graph: Hypergraph) -> bool:
    """Whether it only says of what kind its maker is: "It was invented by an Italian"."""
    return is_made(graph.ontology[stated.predicate]) and _AN.search(text, 0, stated.object[0]) is not None


@lru_cache(maxsize=1024)
def _phrase(between: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{_ARTICLES.sub('(?:an?|the)', re.escape(between.lower()))}\s+", re.IGNORECASE)


def _by_phrase(text: str, name: str, by: int, it: tuple[int, int], asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """By a phrase of the ontology as it stands, and behind it one thing that is known: "{subject} is a {object}".

    Where several predicates have the phrase: the one that was asked for, else one by which it is so.
    """
    rest = text[len(name) :].rstrip(" .!")
    end = len(name) + len(rest)
    ends = {one.start for one in graph.entities_in(text, ambiguous=True) if one.end == end}
    claims = [
        Triplet(
            subject=name, predicate=predicate.name, object=text[start:end], subject_span=it, object_span=(start + by, end + by), rule=RULE
        )
        for predicate in graph.ontology.predicates.values()
        for start in _objects_of(predicate, rest, len(name))
        if start in ends and is_of_kind(text[start:end], predicate.value)
    ]
    wanted = {one.predicate for one in asked.missing}
    claims = [one for one in claims if one.predicate in wanted] or claims
    return [one for one in claims if judge(graph, one).verdict is Verdict.VERIFIED][:1] or claims[:1]


def _objects_of(predicate: Predicate, rest: str, begin: int) -> Iterator[int]:
    """Where the object begins of a phrase of a predicate that stands behind its subject."""
    for template in predicate.templates:
        said = _phrase(template.between).match(rest)
        if said is not None and not (template.reversed or template.before or template.after):
            yield begin + said.end()


def _of_kind(text: str, name: str, by: int, it: tuple[int, int], asked: Asked, graph: Hypergraph) -> Iterator[Triplet]:
    """For "It is a Brazilian drink", where the country was asked: the one word that the graph has as an answer, before a class."""
    is_a = _IS_A.match(text[len(name) :])
    names = [one for one in graph.entities_in(text, ambiguous=True) if one.start > len(name)]
    if is_a is None or len(names) != 1 or names[0].start != len(name) + is_a.end():
        return
    (found,) = names
    behind = [word.text for word in words(text) if word.start >= found.end]
    if not behind or not all(word in graph.ontology.classes for word in behind):
        return
    for missing in asked.missing:
        if missing.side == "object" and any(
            graph.statements_to(one, missing.predicate) for one in (found.entity, *graph.entities(found.entity))
        ):
            yield Triplet(
                subject=name, predicate=missing.predicate, object=text[found.start : found.end],
                subject_span=it, object_span=(found.start + by, found.end + by), rule=RULE,
            )  # fmt: skip
