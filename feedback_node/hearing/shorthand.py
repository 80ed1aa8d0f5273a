"""What an answer writes shorter or longer than the rules read it: "'94" for a year, "X together with Y" for "X and Y", a last name once."""

from __future__ import annotations

import re

from feedback_node.hearing.mapped import Mapped, Piece
from streams.knowledge import places
from streams.knowledge.dates import parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import ValueKind

_YEAR = re.compile(r"(?<![\w'])'(?P<year>\d\d)(?![\w'])")
_TOGETHER = re.compile(
    r"(?P<before>(?:(?<=\s)|^)[^\s,]+),?\s+(?:together|along|jointly|in\s+(?:collaboration|partnership|cooperation))\s+with\s+"
    r"(?=(?:the\s+)?[^\W\d_a-z])"
)
_ONE_SURNAME = re.compile(
    r"(?P<first>[^\W\d_a-z][^\W\d_]+)(?P<and>\s+(?:and|&)\s+)(?P<second>[^\W\d_a-z][^\W\d_]+)\s+(?P<last>[^\W\d_a-z][\w'-]+)"
)


def write_out(mapped: Mapped, question: str, graph: Hypergraph) -> None:
    """Write years and lists in full. Hold the view's lock."""
    if "'" in mapped.text and _YEAR.search(mapped.text) and (century := _century(question, graph)) is not None:
        mapped.sub(_YEAR, lambda match: [f"{century:02d}", match.span("year")])
    if (" and " in mapped.text or " & " in mapped.text) and _ONE_SURNAME.search(mapped.text):
        mapped.sub(_ONE_SURNAME, lambda match: _in_full(match, graph))
    if " with " in mapped.text:
        mapped.sub(_TOGETHER, lambda match: [match.span("before"), " and " if match["before"][:1].isupper() else " with "])


def _in_full(match: re.Match[str], graph: Hypergraph) -> list[Piece]:
    """ "Jacob and Wilhelm Grimm" are two, where the graph has both."""
    first, last = match["first"], match["last"]
    whole = [f"{first} {last}", f"{match['second']} {last}"]
    if any(graph.resolve(name).entity is None or places.of_name(fold(name)) for name in whole):
        return [match.span()]  # "Central and South America" is said of one place, mostly
    return [match.span("first"), f" {last}", (match.start("and"), match.end())]


def _century(question: str, graph: Hypergraph) -> int | None:
    """The hundreds of the years that the graph has of what a question names; None where they are of several centuries, or none."""
    names = graph.ontology.predicates.items()
    dates = [
        parse_date(told.fact.object)
        for one in graph.entities_in(question, ambiguous=True)
        for name, predicate in names
        if predicate.value is ValueKind.DATE
        for told in graph.statements(one.entity, name)
    ]
    found = {date.year // 100 for date in dates if date is not None}
    return found.pop() if len(found) == 1 and min(found) >= 0 else None
