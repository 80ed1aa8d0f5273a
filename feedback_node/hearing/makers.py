"""The one name in a sentence that says who made what was asked of: "a classic by the French writer, X", "a product of the X works".

A name that the graph does not know contradicts as well as one that it knows: there can be but one. Looked for where nothing else was heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from feedback_node.hearing.asked import Asked, Missing
from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME
from schemas.triplet import Triplet
from streams.knowledge import places
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.judge import OFFERED
from streams.knowledge.names import fold, words
from streams.knowledge.persons import is_done_once, is_made

_UPPER = r"(?:[A-Z]\.\s?)*[^\W\d_a-z][\w.'’&-]*"
_NAME = rf"{_UPPER}(?:\s+(?:(?:of|de|der|van|von|la|le|el|and|&)\s+)?{_UPPER})*"
_LINK = re.compile(
    r"(?P<before>[\w\x00\"'”)]+)?[\"'”)]*,?\s+(?:by|(?P<of>(?:product|brand|work|creation) of))\s+(?:(?:the|an?|its|his|her)\s+)?",
    re.IGNORECASE,
)
_DESCRIBING = re.compile(
    r"(?:(?!(?:at|in|on|for|from|to|with|by|who|whom|which|that|is|was|near|as)\b)[\w-]*[a-z0-9][\w-]*,?\s+){0,7}?(?=[A-Z])"
)
_PLACE_FIRST = re.compile(r"[A-Z][\w-]+(?:\s+|$)")
_OTHER_NAME = re.compile(r"\s[\"'*]*[A-Z]")
_YEAR = re.compile(r"\b[12]\d{3}\b")
_NAMED = re.compile(_NAME)
_CUT_OFF_CHARS = 100
_MOST_CHARS = 300


def sole_maker(sentence: str, begin: int, asked: Asked, missing: Missing, graph: Hypergraph) -> list[Triplet]:
    """The claim of who made what was asked of, where a sentence about it names one by whom it is; spans are those of the sentence.

    `begin`: where the sentence goes on behind the thing's name. Hold the view's lock.
    """
    if len(sentence) > _MOST_CHARS or not is_made(graph.ontology[missing.predicate]):
        return []
    found = list(_names(sentence, begin, asked, missing, graph))
    if len({fold(sentence[slice(*span)]) for span in found}) != 1 or places.of_name(fold(sentence[slice(*found[0])])):
        return []  # "It was invented by an Italian"
    if _YEAR.search(sentence) and not is_done_once(graph.ontology[missing.predicate]):
        return []  # there may have been others at another time
    start, end = found[0]
    tokens = {word.text for word in words(sentence[:start])} - asked.question.words
    is_cut_off = end >= len(sentence.rstrip()) and sentence.rstrip()[-1:] not in ".!?\"'”)" and len(sentence) > _CUT_OFF_CHARS
    if is_cut_off or not tokens.isdisjoint(DENIALS | DOUBT):
        return []
    owner = next(iter(graph.names_of(missing.entity)), missing.entity)
    said = sentence[start:end].strip(" .,'’")
    return [Triplet(subject=owner, predicate=missing.predicate, object=said, object_span=(start, start + len(said)), rule=OFFERED)]


def _names(text: str, begin: int, asked: Asked, missing: Missing, graph: Hypergraph) -> Iterator[tuple[int, int]]:
    """The names behind a "by" that speaks of making."""
    is_named = _is_owner(text[:begin], missing, graph)
    for link in _LINK.finditer(text, max(0, begin - 1)):
        if link.start() > begin and not is_named and _OTHER_NAME.search(text, begin, link.start()):
            return  # "The book is Lord Jim by X", where another was asked of
        if link["of"] is None and not _makes(text, link, begin, asked, missing, graph):
            continue
        at = link.end()
        while (describing := _DESCRIBING.match(text, at)) is not None and (first := _PLACE_FIRST.match(text, describing.end())):
            if not places.of_name(fold(first.group())) and fold(first.group()) not in FUNCTION_WORDS:
                break
            at = first.end()  # "the French writer X"
        if describing is None or (name := _NAMED.match(text, describing.end())) is None:
            continue
        known = next((one for one in graph.entities_in(text, ambiguous=True) if one.start == name.start() and one.end > name.end()), None)
        yield name.start(), known.end if known is not None else name.end()


def _is_plain(head: str, asked: Asked, missing: Missing, graph: Hypergraph) -> bool:
    """Whether words say only of what kind the thing is that they end with: "The novel Y by", unlike "The libretto of Y by"."""
    names = {word for name in graph.folded_names_of(missing.entity) for word in name.split()}
    known = names | FRAME | graph.ontology.classes | asked.question.words
    return all(word.text in known for word in words(head))


def _is_owner(head: str, missing: Missing, graph: Hypergraph) -> bool:
    return any(missing.entity in (one.entity, *graph.entities(one.entity)) for one in graph.entities_in(head, ambiguous=True))


def _makes(text: str, link: re.Match[str], begin: int, asked: Asked, missing: Missing, graph: Hypergraph) -> bool:
    """Whether the word before a "by" is the relation's, the thing, or its kind: "written by", "the novel by", "it is by"."""
    said = fold(link["before"] or "")
    if link["before"] is not None and link.start() <= begin <= link.end("before"):
        return _is_plain(text[:begin], asked, missing, graph)
    if said in ("is", "was", "are", "were"):
        return True
    ontology = graph.ontology
    if said in ontology.classes or missing.predicate in ontology.predicates_in(f"{said} by"):
        return True
    return said in asked.question.words and said not in FUNCTION_WORDS and not said.endswith("ed")
