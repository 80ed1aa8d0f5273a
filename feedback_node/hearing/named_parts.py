"""Answers to a question of several parts that name the part: "The capital is X and the currency is the yen", the second in small letters.

Looked for where nothing that can be judged was heard of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.plain_offers import is_description
from feedback_node.hearing.utterance import Utterance
from schemas.triplet import Triplet, Verdict
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED, judge
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind

_PART = re.compile(
    r"(?:^|(?<=[.;,!?]\s)|(?<=\band\s)|(?<=\n))(?:the|its|their|his|her)\s+(?P<noun>[a-z][a-z -]{1,40}?)\s+"
    r"(?:(?:is|was|are|were)\s+)?(?:called\s+)?(?:the\s+|an?\s+)?(?P<said>[^\W\d_][^,.;:!?\n]*?)(?=\s*(?:[,.;!?\n]|$)|\s+and\s+(?:the|its|their)\s)",
    re.IGNORECASE,
)
_MOST_WORDS = 3


def with_named_parts(heard: list[Triplet], utterance: Utterance, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims with those that an answer makes by the nouns of what was asked, for each part of which nothing told was heard."""
    if len(asked.missing) < 2:
        return heard
    for missing in asked.missing:
        on_it = [one for one in heard if missing.predicate in {match.name for match in graph.ontology.match_all(one.predicate)}]
        if all(judge(graph, one).verdict is Verdict.UNKNOWN for one in on_it):
            heard = [*heard, *list(_named(utterance.text, missing, asked, graph))[:1]]
    return heard


def _named(text: str, missing: Missing, asked: Asked, graph: Hypergraph) -> Iterator[Triplet]:
    """What a text says by a noun of the predicate alone."""
    predicate = graph.ontology[missing.predicate]
    if missing.side != "object" or predicate.value is not ValueKind.ENTITY:
        return
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    for match in _PART.finditer(text):
        noun = " ".join(word.text for word in words(match["noun"]))
        if not any(noun == one or noun.endswith(f" {one}") for one in predicate.nouns):
            continue
        said = match["said"].strip(" \"'")
        tokens = [word.text for word in words(said)]
        if len(tokens) <= _MOST_WORDS and (graph.resolve(said).candidates or not is_description(tokens, asked, graph)):
            yield Triplet(subject=owner, predicate=missing.predicate, object=said, object_span=match.span("said"), rule=OFFERED)
