"""Lists of things in small letters, where several were asked for: "gin, vermouth and bitters", "The side effects include nausea"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, TURNING, is_benign
from schemas.triplet import Triplet
from streams.knowledge.english import DETERMINERS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED
from streams.knowledge.names import fold, words
from streams.knowledge.ontology import ValueKind

_LEAD = re.compile(
    r"[^,;:]*?\b(?:includes?|including|are|is|was|were|contains?|contained|has|have|of|with|from|uses?|needs?)\b:?\s+|[^,;:]*:\s+"
)
_ITEM = re.compile(r"\s*(?:,\s*(?:and|or|plus)\s+|[,;\n]|\band\b|\bplus\b|&|\s\+\s)\s*")
_AMOUNT = re.compile(
    r"^(?:\(?\d+[.)]\s+|[-*•]\s+)?"
    r"(?:(?:an?|one|two|three|four|equal|some|a few|\d+(?:[.,/]\d+)?|[½¼¾])\s*(?:(?:ml|cl|oz|g|kg|ounces?|grams?|cups?|parts?"
    r"|dash(?:es)?|slices?|pieces?|drops?|shots?|teaspoons?|tablespoons?|pinch|bit|splash|sprigs?|leaves)\b\s*)?(?:of\s+)?)?",
    re.IGNORECASE,
)
_UNLIKE = re.compile(rf"^(?:{'|'.join(sorted(listed('unlike_before')))})\b|(?:{'|'.join(sorted(listed('unlike_behind')))})$", re.IGNORECASE)
"""A thing with one of these before it is another: "alcohol-free rum"."""
_SAYS = listed("list_leads")
_MOST_WORDS, _MOST_ITEMS, _MOST_CHARS = 4, 12, 240


def plain_list(sentence: str, asked: Asked, graph: Hypergraph) -> list[Triplet]:
    """The claims of a list, of which the graph has an item as an object of what was asked. Hold the view's lock.

    Spans are those of the sentence.
    """
    missing = _several(asked, graph)
    if missing is None or len(sentence) > _MOST_CHARS:
        return []
    tokens = {word.text for word in words(sentence)} - asked.question.words - graph.ontology.vocabulary - _SAYS
    if not tokens.isdisjoint(DENIALS | DOUBT | TURNING):
        return []
    begin = _behind_lead(sentence, asked, graph)
    spans = [span for span in _items(sentence, begin) if fold(sentence[slice(*span)])]
    if not spans or len(spans) > _MOST_ITEMS or any(len(sentence[slice(*span)].split()) > _MOST_WORDS for span in spans):
        return []
    found = [_known_end(sentence, span, missing, graph) for span in spans]
    is_list = len(spans) > 1 or begin > 0 or found[0][0] > 0
    if not is_list or not any(_is_object(sentence[slice(*span)], missing, graph) for span in found):
        return []
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    return [
        Triplet(subject=owner, predicate=missing.predicate, object=sentence[slice(*span)], object_span=span, rule=OFFERED) for span in found
    ]


def _several(asked: Asked, graph: Hypergraph) -> Missing | None:
    """What was asked, where it is one thing that may have many answers, with names in small letters."""
    if len(asked.missing) != 1 or asked.statement is not None or asked.missing[0].side != "object":
        return None
    (missing,) = asked.missing
    predicate = graph.ontology[missing.predicate]
    objects = [one.fact.object for one in graph.statements(missing.entity, missing.predicate)]
    is_small = any(name.islower() for name in objects)
    return missing if predicate.value is ValueKind.ENTITY and not predicate.functional and is_small else None


def _behind_lead(sentence: str, asked: Asked, graph: Hypergraph) -> int:
    """Where a list begins behind words that only say the question again: "The side effects of X include"."""
    begin = 0
    while (lead := _LEAD.match(sentence, begin)) is not None and lead.end() < len(sentence):
        named = [
            word for one in graph.entities_in(lead.group(), ambiguous=True) if asked.is_echo(one.entity) for word in one.entity.split()
        ]
        said = [word.text for word in words(lead.group())]
        if not all(is_benign(word, asked, graph) or word in named or word in _SAYS or word in DETERMINERS for word in said):
            break
        begin = lead.end()
    return begin


def _items(sentence: str, begin: int) -> Iterator[tuple[int, int]]:
    """The items, without amounts, articles and the full stop."""
    end = len(sentence.rstrip(" .!\n"))
    starts = [begin, *(match.end() for match in _ITEM.finditer(sentence, begin, end))]
    stops = [*(match.start() for match in _ITEM.finditer(sentence, begin, end)), end]
    for start, stop in zip(starts, stops, strict=True):
        amount = _AMOUNT.match(sentence[start:stop])
        first = start + (amount.end() if amount is not None else 0)
        article = re.match(r"(?:an?|the)\s+", sentence[first:stop], re.IGNORECASE)
        yield first + (article.end() if article else 0), stop


def _known_end(sentence: str, span: tuple[int, int], missing: Missing, graph: Hypergraph) -> tuple[int, int]:
    """An item without words before it that say of what kind it is, where the graph has the rest: "fresh mint"."""
    start, stop = span
    for match in re.finditer(r"(?:^|\s)(?=\S)", sentence[start:stop]):
        at = start + match.end()
        if any(_UNLIKE.search(word) for word in sentence[start:at].split()):
            break
        if _is_object(sentence[at:stop], missing, graph):
            return at, stop
    return span


def _is_object(said: str, missing: Missing, graph: Hypergraph) -> bool:
    entity = graph.resolve(said).entity
    return entity is not None and bool(graph.statements_to(entity, missing.predicate))
