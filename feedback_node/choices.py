"""Questions that give the answers to choose from: "Which of the two built it: X or Y?", "Is it a X, a Y, a Z or something else?".

What such a question asks is told by the graph: the relation by which it says one of the choices of the thing that is asked of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.value_types import Mention

_OR = re.compile(r",?\s+or\s+(?:rather\s+)?", re.IGNORECASE)
_ELSE = re.compile(
    r"(?:(?:something|someone|somebody|anything|somewhere|none|neither|another|other)\b|by\s+(?:someone|somebody)\b)", re.IGNORECASE
)
_BEFORE = re.compile(r"(?:(?:by|in|at|from|into|to|on|of|for)\s+)?(?:(?:an?|the)\s+)?(?:\w+\s+of\s+)?", re.IGNORECASE)
"""What may stand before a choice: "or by an X", "or a kind of X"."""


def choices_of(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """The things that a text gives to choose from: those on both sides of an "or", and those before it that only commas part."""
    found: list[Mention] = []
    for match in _OR.finditer(text):
        left = [one for one in mentions if one.end == match.start()]
        right = [one for one in mentions if one.start >= match.end() and _BEFORE.fullmatch(text, match.end(), one.start)][:1]
        if not left or not (right or _ELSE.match(text, match.end())):
            continue
        while before := [one for one in mentions[1:] if _joins(text, one.end, left[0].start)]:  # the first is what is asked of
            left.insert(0, before[-1])
        if len(left) + len(right) > 1:
            found += [*left, *right]
    return found


def _joins(text: str, end: int, start: int) -> bool:
    return re.fullmatch(r",\s+(?:an?\s+|the\s+)?", text[end:start], re.IGNORECASE) is not None


def asked_by_choices(text: str, mentions: Sequence[Mention], spoken: Sequence[str], graph: Hypergraph) -> tuple[str, str] | None:
    """The predicate and the thing that a question asks for by its choices: that by which one of them, and not all, is so of the thing.

    Of several predicates the one that has the fewest other answers, then one that the question speaks of (`spoken`).
    """
    given = {root for one in choices_of(text, mentions) for root in graph.entities(one.entity)}
    things = [one.entity for one in mentions if given.isdisjoint(graph.entities(one.entity))]
    ranked: list[tuple[int, bool, str, str]] = []
    for thing in dict.fromkeys(things) if len(given) > 1 else ():
        for name in graph.predicates():
            answers = {root for one in graph.statements(thing, name) for root in graph.entities(one.object)}
            if graph.ontology[name].one_object and answers & given and not given <= answers:
                ranked.append((len(answers - given), name not in spoken, name, thing))
            owners = {root for one in graph.statements_to(thing, name) for root in graph.entities(one.subject)}
            if owners & given and not given <= owners and all(graph.statements(one, name) for one in given):
                ranked.append((0, name not in spoken, name, thing))  # "Which of these is by X: A, B or C?"
    if len({thing for *_, thing in ranked}) != 1:
        return None
    *_, name, thing = min(ranked)
    return name, thing
