"""Who made something, by a part of the name: "Purcell" and "H. Purcell" are Henry Purcell, where no other maker's name ends so."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

from streams.knowledge.english import COURTESIES, FUNCTION_WORDS, inflections
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold
from streams.knowledge.ontology import Predicate

_PIECES = re.compile(r"[.\s]+")
_ONCE = frozenset(
    ("written", "authored", "penned", "composed", "painted", "drawn", "sculpted", "carved", "built", "erected", "constructed",
     "designed", "invented", "discovered", "created", "founded", "established", "developed", "directed", "devised", "conceived",
     "engineered", "isolated")
)  # fmt: skip
"""What is done to a thing but once."""
_BY_PERSONS = frozenset(
    ("written", "authored", "penned", "composed", "painted", "drawn", "sculpted", "carved", "directed", "invented", "discovered")
)  # fmt: skip
"""What firms are hardly ever said to have done."""
_LIKE = 0.6
"""From here on two last names may be one that was misspelt."""
_WAS = frozenset({"was", "were"})
_BEHIND_NAMES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md", "obe", "cbe", "esq"})
_SHORTEST = 3
"""Letters of a last name that tells."""


def is_made(predicate: Predicate) -> bool:
    """Whether its object is who made its subject: "{subject} was written by {object}", "{object} wrote {subject}"."""
    templates = predicate.templates
    if any(one.between.endswith(" by") != one.reversed for one in templates if "by" in one.between.split()):
        return True
    return any(_is_deed(one.between, predicate.verbs) for one in templates if one.reversed and not one.before and not one.after)


@lru_cache(maxsize=1024)
def _is_deed(between: str, verbs: tuple[str, ...]) -> bool:
    """Whether words are the past of one of some verbs by which things are made: "discovered", of "discover"; a host makes no games."""
    said = between.lower()
    made = [inflections(verb) for verb in verbs if not _ONCE.isdisjoint(inflections(verb))]
    return any(said in forms and not said.endswith(("s", "ing")) for forms in made)


def is_done_once(predicate: Predicate) -> bool:
    """Whether who made its subject depends on no time: "was written by", unlike "was led by", of whom there may have been others."""
    between = (template.between.split() for template in predicate.templates)
    return any(said[-1:] == ["by"] and not _WAS.isdisjoint(said) and not _ONCE.isdisjoint(said) for said in between)


def is_another_person(said: str, truth: str, predicate: Predicate) -> bool:
    """Whether two folded names of who made something share no more than what comes before the last: Charles Darwin, Charles Dickens."""
    if not any(not _BY_PERSONS.isdisjoint(template.between.split()) for template in predicate.templates):
        return False
    ours, theirs = said.split(), truth.split()
    if len(ours) < 2 or len(theirs) < 2 or ours[-1] in theirs or theirs[-1] in ours or ours[0] != theirs[0]:
        return False
    return SequenceMatcher(None, ours[-1], theirs[-1], autojunk=False).ratio() < _LIKE


def is_short_for(graph: Hypergraph, said: str, entity: str, predicate: Predicate) -> bool:
    """Whether a name that the graph does not know is an entity's last name, alone or behind the given names that it has, or their initials.

    Not where another object of the predicate has the same last name, or where the last word is one of the ontology ("Records").
    """
    parts = [part for piece in _PIECES.split(said) for part in fold(piece).split()]
    if len(parts) > 1 and parts[0] in COURTESIES:
        parts = parts[1:]  # "Mr Purcell"
    while len(parts) > 2 and parts[-1] in _BEHIND_NAMES:
        parts = parts[:-1]  # "Henry Purcell Jr."
    if not parts or len(parts[-1]) < _SHORTEST or not is_made(predicate):
        return False
    if parts[-1] in graph.ontology.vocabulary or parts[-1] in graph.ontology.classes:
        return False
    if not any(_shortens(parts, name.split()) for name in graph.folded_names_of(entity)):
        return False
    return {other for other in graph.ending_with(parts[-1]) if graph.statements_to(other, predicate.name)} == {entity}


def _shortens(said: list[str], name: list[str]) -> bool:
    if len(name) < 2 or said[-1] != name[-1] or "and" in name or any(len(part) > 1 and part in FUNCTION_WORDS for part in said):
        return False
    if said[0] == name[0] and len(said) > len(name):  # "Henry J. Purcell", whose initial the graph does not have
        said = [said[0], *(part for part in said[1:-1] if len(part) > 1), said[-1]]
    given = iter(name[:-1])
    return all(any(part == whole or (len(part) == 1 and whole.startswith(part)) for whole in given) for part in said[:-1])
