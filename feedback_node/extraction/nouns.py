"""What nouns say without a verb: titles, possessives, appositions, "X in Y"."""

from __future__ import annotations

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.descriptions import describe
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.phrases import (
    clean,
    is_class,
    is_definite,
    is_kind_of,
    left_edge,
    members,
    noun_before,
    owners,
)
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.values import PLACES, add_all, measures

_BEFORE_NAME = ("amod", "compound", "nmod")
_PLACE_NOUNS = words("same_as")
_ROLES = words("titles")
_WORK_NOUNS = words("work_nouns")


def read_noun(reading: Reading, at: int) -> None:
    """Claims inside a noun phrase."""
    parse = reading.parse
    for kid in parse.kids[at]:
        dep = parse.dep[kid]
        if dep == "appos":
            read_apposition(reading, at, kid)
        elif dep == "prep" and parse.is_name(at):
            _name_in(reading, at, kid)
        elif dep == "poss" and parse.is_name(at):
            _owned_name(reading, at, kid)
    _titled_name(reading, at)


def _titled_name(reading: Reading, at: int) -> None:
    """For "the Danish architect X": X is a Danish architect."""
    parse = reading.parse
    role = at - 1
    if (
        role < 0
        or not parse.is_name(at)
        or not (parse.is_common(role) and (is_role(parse.low[role]) or parse.low[role] in _ROLES))
        or parse.low[role] in _PLACE_NOUNS
    ):
        return
    if not (parse.head[role] == at and parse.dep[role] in _BEFORE_NAME) and not (parse.head[at] == role and parse.dep[at] == "appos"):
        return
    kids = [kid for kid in parse.kids[parse.head[role] if parse.head[role] == at else role] if kid <= role]
    if any(parse.dep[kid] == "poss" for kid in kids) or (mention := reading.name(at)) is None:
        return
    start = parse.start[min([role, *(kid for kid in kids if parse.dep[kid] in _BEFORE_NAME)])]
    said = Mention(clean(parse.text[start : parse.end[role]]), start, parse.end[role], role)
    reading.topics.is_person(mention)
    reading.add(mention, "is", said, "title", at, (role, role))


def read_apposition(reading: Reading, at: int, kid: int) -> None:
    """For "X, the capital of Y" and "its leader, Y"."""
    parse = reading.parse
    if parse.low[kid - 1] == "(" or (parse.child(at, "nummod") is not None and kid in members(parse, at)):
        return
    if is_class(parse, kid):
        at = renamed_before(reading, kid) or at
    named = parse.is_name(at) or (parse.child(at, "det") is None and parse.child(kid, "det") is not None) or is_kind_of(parse, at, kid)
    if is_class(parse, kid) and named:
        if (mention := reading.name(at)) is not None:
            describe(reading, mention, kid, at)
        return
    if is_class(parse, kid) and is_definite(parse, at) and (known := reading.topics.noun(parse.low[at])) is not None:
        describe(reading, known._replace(start=parse.start[at], end=parse.end[at], at=at), kid, at)
        return
    owned = owners(parse, at)
    if owned is not None and parse.is_name(kid):
        owner, target = reading.name(owned[0]), reading.name(kid)
        if owner is not None and target is not None:
            if is_role(owned[1]):
                reading.topics.is_person(target)
            reading.add(owner, owned[1], target, "apposition", at, (at, at))


def renamed_before(reading: Reading, at: int) -> int | None:
    """The name before the comma in "is X, a company": what the parser may take for a second complement."""
    parse = reading.parse
    first = left_edge(parse, at)
    if first > 0 and parse.low[first - 1] in ("a", "an", "the"):
        first -= 1
    near = noun_before(parse, first)
    return near if near is not None and near < first - 1 and parse.is_name(near) else None


def _name_in(reading: Reading, at: int, prep: int) -> None:
    """For "the 3Arena in Dublin": a claim about the 3Arena."""
    parse = reading.parse
    for kid in parse.kids[prep]:
        if parse.dep[kid] != "pobj":
            continue
        if parse.low[prep] == "with":
            for value, noun, link in measures(reading, kid):
                target, owner = reading.name(value), reading.name(at)
                if target is not None and owner is not None:
                    reading.add(owner, f"has {noun}", target, "with", at, (prep, link))
        elif parse.low[prep] in PLACES:
            verb = parse.head[parse.head[at]]
            if parse.dep[parse.head[at]] == "agent" and parse.dep[at] == "pobj" and (done := reading.subjects.get(verb)):
                # "was made by X in Y" tells where it was made
                add_all(reading, done, f"{parse.low[verb]} {parse.low[prep]}", members(parse, kid), "prepositional", verb, (prep, prep))
                continue
            mention = reading.name(at)
            for member in members(parse, kid):
                if mention is not None and parse.is_name(member) and (target := reading.name(member)) is not None:
                    reading.add(mention, parse.low[prep], target, "name-in", at, (prep, prep))


def _owned_name(reading: Reading, at: int, owner: int) -> None:
    """For "Azerbaijan's leader Artur Rasizade": the common noun between owner and name is the property."""
    parse = reading.parse
    between = [parse.low[kid] for kid in parse.kids[at] if owner < kid < at and parse.dep[kid] in ("amod", "compound", "nmod")]
    if between and (mention := reading.owner(owner)) is not None and (target := reading.name(at)) is not None:
        turned = between[-1] in _WORK_NOUNS
        reading.add(mention, " ".join(between), target, "possessive", at, (owner + 1, at - 1), turned, f"{between[-1]} by")
