"""What stands in the place that was asked for though it is no name: the thing itself ("the capital of X is X"), or a quoted word.

A sentence that says the question again and then the bare name of what was asked of gives that name for its own property. A word in
quotation marks in that place is a word given. Both are wrong where the graph has other ones, also where its list of them may have gaps.
"""

from __future__ import annotations

import re

from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING
from schemas.triplet import Triplet
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import GIVEN
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.phrases import read

_SAYS = re.compile(
    r"^(?P<lead>[^,;:\"“]+?\s(?:is|are|was|were|in|at)(?:\s+(?P<called>called|named|known\s+as))?)\s+(?:(?P<a>an?|the)\s+)?"
    r"(?:[\"“](?P<quoted>[^\W\d_][\w-]{2,}(?:\s[\w-]+)?)[.,!]?[\"”]|(?P<bare>[^\W\d_][\w'-]*(?:\s[\w'-]+){0,3}?))(?=\s*[.!]?\s*$|\s+in\s)"
)
_MOST_CHARS = 200
_LEAST = 2
"""Telling words of the question that are said again, at least, where none is the relation's."""


def given_back(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claim that such a word is what was asked for; spans are those of the sentence. Hold the view's lock."""
    if len(asked.missing) != 1 or asked.statement is not None or len(sentence) > _MOST_CHARS:
        return []
    (missing,) = asked.missing
    predicate = graph.ontology[missing.predicate]
    match = _SAYS.match(sentence)
    if match is None or missing.side != "object" or predicate.value is not ValueKind.ENTITY or not predicate.one_object:
        return []
    group = "quoted" if match["quoted"] else "bare"
    if group == "bare" and not match["called"] and match["a"] in ("a", "an"):
        return []  # "A baby X is an X" says of what kind it is
    thing = read(graph, match[group])
    is_owner = thing.sure and thing.entity == missing.entity and {word.text for word in words(match[group])}.isdisjoint(predicate.nouns)
    if not _says_again(match["lead"], missing, asked, graph) or not (is_owner or (group == "quoted" and _is_word(match["quoted"], asked))):
        return []
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    return [Triplet(subject=owner, predicate=missing.predicate, object=match[group], object_span=match.span(group), rule=GIVEN)]


def _is_word(said: str, asked: Asked) -> bool:
    """Whether it is more than words of the question: a "baby X" is no word for one."""
    return not any(word.text in asked.question.words for word in words(said))


def _says_again(lead: str, missing: Missing, asked: Asked, graph: Hypergraph) -> bool:
    """Whether words say again what was asked of the thing, which they name, and nothing else."""
    mentions = graph.entities_in(lead, ambiguous=True)
    if not any(missing.entity in (one.entity, *graph.entities(one.entity)) for one in mentions):
        return False
    said = [word.text for word in words(lead) if not any(one.start <= word.start < one.end for one in mentions)]
    beside = set(said)
    known = asked.question.words | graph.ontology.vocabulary | graph.ontology.classes | FRAME
    telling = beside - FRAME
    if not beside <= known or not beside.isdisjoint(DENIALS | DOUBT | TURNING - asked.question.words):
        return False
    if missing.predicate in graph.ontology.predicates_in(" ".join(said)):
        return True
    return len(telling) >= _LEAST and telling <= asked.question.words  # "The language of X is called X" says nothing of its maker
