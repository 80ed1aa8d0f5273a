"""What is said of a thing beside its name: values, measures ("a length of 12 metres") and the place that a clause opens with."""

from __future__ import annotations

from collections.abc import Iterator

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    members,
    owners,
    property_words,
)
from feedback_node.extraction.reading import Reading

PLACES = frozenset({"in", "at", "on", "near", "from", "within"})
"""Prepositions of places."""


def where_of(reading: Reading, verb: int) -> Mention | None:
    """The place that a "where" clause is about."""
    parse = reading.parse
    for _ in range(3):
        if parse.dep[verb] == "conj":
            verb = parse.head[verb]
    if parse.dep[verb] != "relcl" or not any(parse.low[kid] in ("where", "wherein") or _in_which(parse, kid) for kid in parse.kids[verb]):
        return None
    return _place_led(reading, parse.head[verb]) or reading.referent(parse.head[verb])


def _place_led(reading: Reading, at: int) -> Mention | None:
    """X in "The leader of X is Y, where Z is spoken": no person is a place."""
    parse = reading.parse
    copula = parse.head[at]
    subject = parse.child(copula, "nsubj") if parse.dep[at] == "attr" and parse.is_name(at) else None
    owned = owners(parse, subject) if subject is not None and is_role(parse.low[subject]) else None
    return reading.owner(owned[0]) if owned is not None else None


def _in_which(parse: Parse, at: int) -> bool:
    copula = parse.low[parse.head[at]] in ("is", "are", "was", "were")
    return copula and parse.low[at] == "in" and any(parse.low[kid] == "which" for kid in parse.kids[at])


def opening_place(reading: Reading, verb: int, before: int) -> Mention | None:
    """X in "In X, one of the languages is Y"."""
    parse = reading.parse
    for kid in parse.kids[verb]:
        if kid < before and parse.dep[kid] == "prep" and parse.low[kid] in PLACES:
            inner = parse.child(kid, "pobj")
            return reading.name(inner) if inner is not None and parse.is_name(inner) else None
    return None


def names_value(reading: Reading, at: int) -> bool:
    """Whether a phrase is a value (a name, a date, a number) and not a description."""
    parse = reading.parse
    return parse.is_name(at) or bool(parse.kind[at]) or parse.tag[at] == "CD" or parse.child(at, "nummod") is not None


def measures(reading: Reading, at: int) -> Iterator[tuple[int, str, int]]:
    """(value, words that bring it, last of these) of "a length of 12 metres", "the atomic number 12" and "music by Y" in a list."""
    parse = reading.parse
    # the parser may hang the second of "music by X and a libretto by Y" on X
    heads = [inner for member in members(parse, at) for inner in (member, *_apart(parse, member))]
    for member in heads:
        link = parse.child(member, "prep")
        number = parse.child(member, "nummod")
        named = parse.child(member, "appos")
        if number is not None and number == member + 1 and parse.is_common(member):
            yield number, property_words(parse, member), member  # "the atomic number 12"
        elif named is not None and named == member + 1 and parse.is_common(member) and parse.is_name(named):
            yield named, property_words(parse, member), member  # "the code EDDP"
        elif number is not None and number < member and parse.is_common(member) and not parse.kind[member]:
            yield member, property_words(parse, member), member  # "194 species"
        elif parse.is_common(member) and link is not None and parse.low[link] in ("of", "by"):
            inner = parse.child(link, "pobj")
            if inner is not None and names_value(reading, inner):
                yield inner, f"{property_words(parse, member)} {parse.low[link]}", link


def _apart(parse: Parse, at: int) -> Iterator[int]:
    """Common nouns with a preposition of their own among the conjuncts of what a noun's "by" brings."""
    link = parse.child(at, "prep")
    inner = parse.child(link, "pobj") if link is not None and parse.low[link] == "by" else None
    for kid in members(parse, inner)[1:] if inner is not None else ():
        if parse.is_common(kid) and parse.child(kid, "prep") is not None:
            yield kid


def add_all(
    reading: Reading, subjects: list[tuple[Mention, str]], relation: str, heads: list[int], rule: str, verb: int, where: tuple[int, int]
) -> None:
    """Add one relation of every subject to every one of these phrases that is a name. `where`: the relation's first and last word."""
    for head in heads:
        if (target := reading.name(head)) is not None:
            for mention, prefix in subjects:
                reading.add(mention, f"{prefix} {relation}".strip(), target, rule, verb, where)
