"""Questions that compare two things: "Which is deeper, X or Y?", "Which came first, X or Y?".

What is compared is told by the adjective's noun in the ontology ("deep": the depth), by the date that the question speaks of, or by the one
date that both have. Where the graph does not have it of both, or they may be alike, nothing is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from feedback_node.yes_no import is_yes_no
from streams.knowledge.dates import Date, parse_date
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.ontology import ValueKind
from streams.knowledge.quantities import parse_quantity

_ASKS = re.compile(r"\b(?:which|who|what)\b", re.IGNORECASE)
_LESS = {
    "shallow": "deep", "short": "long", "small": "large", "low": "high", "light": "heavy", "slow": "fast", "narrow": "wide",
    "cheap": "expensive", "cold": "hot", "young": "old", "little": "large",
}  # fmt: skip
_EARLY = frozenset({"first", "earlier", "earliest", "older", "oldest"})
_LATE = frozenset({"later", "latest", "newer", "newest", "younger", "youngest", "last"})
_ENDS = frozenset({"died", "death", "dead", "closed", "ended", "end", "destroyed", "dissolved", "abolished", "last", "eruption", "sank"})
"""What a date with one of these dates is no beginning."""


class Comparison(NamedTuple):
    """Two things that are compared."""

    predicate: str
    winner: str
    """The one that is the answer."""
    loser: str
    said: frozenset[str]
    """The words of the question that compare."""
    adjective: str
    """As it stands in "as deep as"; empty for dates."""


def compared_in(text: str, graph: Hypergraph) -> Comparison | None:
    """What a question compares. Hold the view's lock."""
    mentions = graph.entities_in(text, ambiguous=True)
    roots = list(dict.fromkeys(root for one in mentions for root in graph.entities(one.entity)))
    if len(mentions) != 2 or len(roots) != 2 or not _ASKS.search(text) or is_yes_no(text):
        return None
    outside = [word.text for word in words(text) if not any(one.start <= word.start < one.end for one in mentions)]
    if "than" in outside:
        return None
    found = [*_by_number(outside, roots, graph)] or [*_by_date(outside, roots, graph)]
    return found[0] if len(found) == 1 else None


def bases(comparative: str) -> Iterator[str]:
    """The adjectives that a comparative or a superlative may be made of: "deeper" -> deep, "heaviest" -> heavy."""
    for ending in ("er", "est"):
        if comparative.endswith(ending) and len(comparative) > len(ending) + 2:
            stem = comparative[: -len(ending)]
            yield from (stem, stem + "e")
            if stem.endswith("i"):
                yield stem[:-1] + "y"
            if stem[-1] == stem[-2]:
                yield stem[:-1]


def _by_number(outside: list[str], roots: list[str], graph: Hypergraph) -> Iterator[Comparison]:
    for before, word in zip(["", *outside], outside, strict=False):
        adjectives = [word] if before in ("more", "most") else [*bases(word)]
        for adjective in adjectives:
            positive = _LESS.get(adjective, adjective)
            names = {*graph.ontology.predicates_in(f"how {positive}"), *graph.ontology.asked_by(f"how {positive}")}
            told = [name for name in sorted(names) if graph.ontology[name].value is ValueKind.NUMBER and _numbers(name, roots, graph)]
            if len(told) == 1 and (ends := _numbers(told[0], roots, graph)) is not None:
                first, second = ends
                is_more = adjective not in _LESS
                if first[0] > second[1] or second[0] > first[1]:
                    winner, loser = roots if (first[0] > second[1]) == is_more else roots[::-1]
                    said = frozenset({word, before, "more", "most"})
                    yield Comparison(told[0], winner, loser, said, adjective)
                return


def _numbers(predicate: str, roots: list[str], graph: Hypergraph) -> list[tuple[float, float]] | None:
    """The number of each, from its lower to its upper end; None where one has none, or several, or another measure."""
    told = [[parse_quantity(one.fact.object) for one in graph.statements(root, predicate)] for root in roots]
    numbers = [one[0] for one in told if len(one) == 1 and one[0] is not None and one[0].bound is None]
    if len(numbers) != 2 or numbers[0].dimension != numbers[1].dimension or numbers[0].counted != numbers[1].counted:
        return None
    return [(one.low, one.high) for one in numbers]


def _by_date(outside: list[str], roots: list[str], graph: Hypergraph) -> Iterator[Comparison]:
    said = (_EARLY | _LATE).intersection(outside)
    if len(said) != 1:
        return
    text = " ".join(outside)
    known = [
        name for name, one in graph.ontology.predicates.items() if one.value is ValueKind.DATE and _dates(name, roots, graph) is not None
    ]
    spoken = {*graph.ontology.predicates_in(text), *graph.ontology.asked_by(text)}
    names = [name for name in known if name in spoken] or [name for name in known if _is_beginning(name, graph)]
    if len(names) != 1 or (dates := _dates(names[0], roots, graph)) is None or dates[0] == dates[1]:
        return
    is_more = not _LATE.isdisjoint(said)
    winner, loser = roots if (dates[0] > dates[1]) == is_more else roots[::-1]
    yield Comparison(names[0], winner, loser, said | {"came"}, "")


def _is_beginning(predicate: str, graph: Hypergraph) -> bool:
    known = graph.ontology[predicate]
    return _ENDS.isdisjoint(word.text for text in (predicate, *known.nouns, *known.phrases) for word in words(text.replace("_", " ")))


def _dates(predicate: str, roots: list[str], graph: Hypergraph) -> list[tuple[int, ...]] | None:
    """The date of each, as exactly as both are known; None where one has none, or several, or a vague one."""
    told = [[parse_date(one.fact.object) for one in graph.statements(root, predicate)] for root in roots]
    dates = [one[0] for one in told if len(one) == 1 and one[0] is not None and _is_plain(one[0])]
    if len(dates) != 2:
        return None
    parts = [[part for part in (one.year, one.month, one.day) if part is not None] for one in dates]
    size = min(map(len, parts))
    return [tuple(one[:size]) for one in parts]


def _is_plain(date: Date) -> bool:
    return not (date.decade or date.century or date.either or date.about or date.part or date.until is not None)
