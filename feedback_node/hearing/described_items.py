"""Items of a list that each have a description: "1. X – founder", "X, a pilot, and Y, a farmer", "- X: it flows past Z".

A description is no item, and behind one the list goes on: without them it is read as "X and Y" is. What is left as it stands: a label with
its value ("Author: X"), a description that denies, doubts or says something of its own, and, beside items that have the role that was
asked for, one that has another ("X – composer", "Y – lyrics").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from feedback_node.hearing.frame import DENIALS, DOUBT, FRAME, TURNING
from feedback_node.hearing.items import LINKS, NAME, as_one_list, is_item, lines
from feedback_node.hearing.mapped import Mapped
from streams.knowledge.english import DETERMINERS, FUNCTION_WORDS
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import words
from streams.knowledge.near_words import stems

_UPPER = r"(?:[^\W\d_a-z][^\s,;:?!()\n]*)"
_ITEM = rf"(?:[Tt]he\s)?{_UPPER}(?:\s(?:{LINKS}\s)?{_UPPER}){{0,5}}"
_ARTICLE = r"(?:an?|the|his|her|their|its|another|one of the)\s+(?=[^\W\d_A-Z])"
_WHO = r"(?:who|which|whose)\s+"
_LINE = re.compile(rf"(?P<name>{_ITEM})(?:\s*:|\s+[–—-]|,(?=\s+(?:{_ARTICLE}|{_WHO}))|(?=\s\())\s+(?P<said>\S.*)", re.DOTALL)
_INLINE = re.compile(
    rf"(?<!\w)(?P<name>{_ITEM})(?:,\s+(?P<said>(?:{_ARTICLE}|{_WHO})[^,;:.()\n]{{2,80}}?)|\s(?P<aside>\([^()\n]{{2,80}}\)))"
    rf"(?=[,;!]|[.](?:\s|$)|\s*$|\s+(?:and|&)\s+{_ITEM}(?:,\s+(?:{_ARTICLE}|{_WHO})|\s\())"
)
_AND = r"(?:,?\s+(?:and|&|plus|as well as|along with)\s+|,\s+)"
_JOINT = re.compile(rf"{_AND}(?:{_ITEM}{_AND})*")
_THEN_NAMED = re.compile(rf"(?:,\s+{_ITEM})*,\s+(?:and|&|as well as)\s+(?P<name>{_ITEM})(?=\W*$|[.,;]|\s[a-z])")
_OTHERWISE = re.compile(r"\b(?:how|when|why|year|date)\b|\band\b.*\b(?:who|whom|where|what|which)\b", re.IGNORECASE)
"""A question that asks for more than names: what stands beside them may be the answer."""
_ROLE_WORDS = 2
_CO = re.compile(r"\bco-")


class _Item(NamedTuple):
    start: int
    name: str
    said: str
    """Empty where it has no description."""
    cut: tuple[int, int]


def without_descriptions(mapped: Mapped, question: str, graph: Hypergraph) -> None:
    """Take the descriptions of a list's items out, and join lines that are items then. Hold the view's lock."""
    text = mapped.text
    if not any(mark in text for mark in ("\n", ", ", "; ", " (")) or _OTHERWISE.search(question):
        return
    reader = _Reader(question, graph)
    runs = [run for run in _runs(text) if reader.is_list(run)]
    if runs:
        mapped.drop([one.cut for run in runs for one in run if one.said])
        as_one_list(mapped)
    if groups := [group for group in _groups(mapped.text) if reader.is_list(group)]:
        mapped.drop([_with_comma(mapped.text, one.cut) for group in groups for one in group if one.said])


def _runs(text: str) -> Iterator[list[_Item]]:
    """Lines in a row that may be items, of which one at least has a description."""
    run: list[_Item] = []
    for start, end in (*lines(text), (len(text), len(text))):
        said = text[start:end]
        described = _LINE.fullmatch(said.strip())
        at = start + len(said) - len(said.lstrip())
        if described is not None:
            cut = (at + described.end("name"), start + len(said.rstrip()))
            run.append(_Item(at, described["name"], described["said"], cut))
        elif said.strip() and is_item(said, NAME):
            run.append(_Item(at, said.strip(), "", (end, end)))
        else:
            if len(run) > 1 and any(one.said for one in run):
                yield run
            run = []


def _groups(text: str) -> Iterator[list[_Item]]:
    """Items within a line, with only "and", commas and bare names between them; one is enough where ", and Y" follows it."""
    group: list[_Item] = []
    end = -1
    for match in _INLINE.finditer(text):
        if group and not _JOINT.fullmatch(text, end, match.start()):
            yield from _ended(text, group, end)
            group = []
        end = match.end()
        group.append(_Item(match.start(), match["name"], match["said"] or match["aside"], (match.end("name"), end)))
    yield from _ended(text, group, end)


def _ended(text: str, group: list[_Item], end: int) -> Iterator[list[_Item]]:
    then = _THEN_NAMED.match(text, end) if group else None
    if then is not None:
        yield [*group, _Item(then.start("name"), then["name"], "", (then.end(), then.end()))]
    elif len(group) > 1:
        yield group


def _with_comma(text: str, cut: tuple[int, int]) -> tuple[int, int]:
    """With the comma that ends a description, where an "and" or a verb follows it."""
    start, end = cut
    return (start, end + 1) if re.match(r",\s+(?:and|&|plus|as well as|along with)\s", text[end:]) else cut


class _Reader:
    """Tells items with descriptions from labels with values, by the question and the graph."""

    def __init__(self, question: str, graph: Hypergraph) -> None:
        self._graph = graph
        ontology = graph.ontology
        mentions = graph.entities_in(question, ambiguous=True)
        asked = [word.text for word in words(question) if not any(one.start <= word.start < one.end for one in mentions)]
        self._asked = {*ontology.predicates_in(question), *ontology.asked_by(question)}
        self._words = stems(word for word in asked if word not in FUNCTION_WORDS)
        self._echoed = {root for one in mentions for root in (one.entity, *graph.entities(one.entity))}
        self._no_names = frozenset(asked) | ontology.vocabulary | ontology.classes | FRAME

    def is_list(self, items: Sequence[_Item]) -> bool:
        """Whether items are things, one of them known, and what stands behind them only says more of them."""
        if not all(self._is_thing(one) for one in items) or not any(self._is_known(one.name) for one in items):
            return False
        described = [one.said for one in items if one.said]
        if not all(self._only_describes(said) for said in described):
            return False
        roles = [said for said in described if self._is_role(said)]
        return all(self._speaks(said) for said in roles)

    def _is_thing(self, item: _Item) -> bool:
        said = [word.text for word in words(item.name)]
        if not said or all(word in self._no_names for word in said):
            return False
        return self._echoed.isdisjoint(self._roots(item.name))

    def _is_known(self, name: str) -> bool:
        return bool(self._graph.resolve(name).candidates)

    def _roots(self, name: str) -> set[str]:
        entity = self._graph.resolve(name).entity
        return {entity, *self._graph.entities(entity)} if entity is not None else set()

    def _only_describes(self, said: str) -> bool:
        """Whether a description is none of a value, of a thing, or of a relation to one, and neither denies nor doubts."""
        inner = said.strip(" .()")
        tokens = [word.text for word in words(inner)]
        if not tokens or not set(tokens).isdisjoint(DENIALS | DOUBT) or inner[0].isdigit() != (said[0] == "(" and inner.isdigit()):
            return False
        if len(tokens) <= _ROLE_WORDS and not set(tokens).isdisjoint(TURNING) and not self._speaks(said):
            return False
        behind = tokens[1:] if tokens[0] in DETERMINERS else tokens
        if NAME.fullmatch(inner) and not inner.isdigit() and not self._speaks(inner):
            return False  # "Peru: Lima"
        if self._graph.resolve(" ".join(behind)).candidates:
            return False
        named = self._graph.entities_in(inner, ambiguous=True)
        return not (named and self._graph.ontology.predicates_in(inner))

    def _is_role(self, said: str) -> bool:
        """Whether a description is a noun alone: "founder", "music"."""
        tokens = words(said)
        return len(list(tokens)) <= _ROLE_WORDS and not re.match(rf"\W*(?:{_ARTICLE}|{_WHO}|\d)", said)

    def _speaks(self, said: str) -> bool:
        """Whether a description speaks of what was asked: "co-founder" of who founded it."""
        plain = _CO.sub("", said.lower())
        told = {*self._graph.ontology.predicates_in(plain), *self._graph.ontology.asked_by(plain)}
        return not self._asked.isdisjoint(told) or not self._words.isdisjoint(stems(word.text for word in words(plain)))
