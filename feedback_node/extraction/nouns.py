"""What nouns say without a verb: titles, possessives, appositions, "X in Y"."""

from __future__ import annotations

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.descriptions import describe
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    clean,
    is_class,
    is_definite,
    is_kind_of,
    left_edge,
    members,
    noun_before,
    owners,
    property_words,
    same_thing,
)
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.values import PLACES, add_all, measures

_BEFORE_NAME = ("amod", "compound", "nmod")
_PLACE_NOUNS = words("same_as")
_SAYING_NOUNS = words("code_nouns") | {"title", "word", "term", "phrase", "letter", "expression"}
"""Nouns for words, which are not what the word behind them names."""
_IN_PLACES = frozenset({"born", "based", "headquartered"})
_POINTERS = frozenset(
    {"similar", "same", "other", "new", "old", "next", "previous", "last", "main", "own", "only", "former", "famous", "late"}
)
_ROLES = words("titles") | words("occupations")
_WORK_NOUNS = words("work_nouns")


def read_noun(reading: Reading, at: int) -> None:
    """Claims inside a noun phrase."""
    parse = reading.parse
    for kid in parse.kids[at]:
        dep = parse.dep[kid]
        if dep == "appos":
            read_apposition(reading, at, kid)
        elif dep in ("prep", "agent") and parse.low[kid] == "by":
            _work_by(reading, at, kid)
        elif dep == "prep" and (parse.is_name(at) or (parse.low[kid - 1] == "," and parse.is_name(same_thing(parse, at)))):
            _name_in(reading, at, kid)
        elif dep == "poss" and parse.is_name(at):
            _owned_name(reading, at, kid)
        elif dep == "amod" and parse.tag[kid] == "VBN":
            _said_before(reading, at, kid)
    _titled_name(reading, at)


def _said_before(reading: Reading, at: int, verb: int) -> None:
    """For "the Oslo based X" and "the NASA operated X"."""
    parse = reading.parse
    place = parse.child(verb, "npadvmod")
    if place is None or not (parse.is_name(at) and parse.is_name(place)):
        return
    mention, target = reading.name(at), reading.name(place)
    if mention is not None and target is not None:
        link = "in" if parse.low[verb] in _IN_PLACES else "by"
        reading.add(mention, f"{parse.low[verb]} {link}", target, "before-name", at, (verb, verb))


def _work_by(reading: Reading, at: int, by: int) -> None:
    """For "Kind of Blue by Miles Davis was" and "the album Blue by Joni Mitchell"."""
    parse = reading.parse
    named = same_thing(parse, at)
    inner = parse.child(by, "pobj")
    if inner is None or not (parse.is_name(named) and parse.is_name(inner)) or (named == at and by != at + 1 and parse.low[at + 1] != ","):
        return
    if (mention := reading.name(named)) is not None:
        for member in members(parse, inner):
            if (maker := reading.name(member)) is not None:
                reading.add(mention, "by", maker, "name-by", at, (by, by))


def _titled_name(reading: Reading, at: int) -> None:
    """For "the Danish architect X": X is a Danish architect."""
    parse = reading.parse
    role = at - 1
    if (
        role < 0
        or not parse.is_name(at)
        or not parse.is_common(role)
        or parse.low[role] in _PLACE_NOUNS
        or parse.low[role] in _SAYING_NOUNS
    ):
        return
    person = (is_role(parse.low[role]) and parse.low[role] != "character") or parse.low[role] in _ROLES
    beside = parse.head[at] == parse.head[role] and parse.dep[at] == parse.dep[role] and parse.dep[at] in ("nsubj", "nsubjpass")
    if (
        not (parse.head[role] == at and parse.dep[role] in _BEFORE_NAME)
        and not (parse.head[at] == role and parse.dep[at] == "appos")
        and not beside
    ):
        return
    kids = [kid for kid in parse.kids[parse.head[role] if parse.head[role] == at else role] if kid <= role]
    if any(parse.dep[kid] == "poss" for kid in kids) or (mention := reading.name(at)) is None:
        return
    if (
        person
        and parse.low[role - 1] == "and"
        and parse.dep[role - 2] == "nmod"
        and parse.head[role - 2] == at
        and parse.is_common(role - 2)
    ):
        _two_roles(reading, at, mention)
        return
    first = role
    while first > 0 and parse.dep[first - 1] in _BEFORE_NAME and parse.head[first - 1] in (at, role, first):
        first -= 1
    if not person and not any(_is_quality(parse, token, role) for token in range(first, role)):
        return
    if person:
        reading.topics.is_person(mention)
    if first == role - 1 and parse.kind[first] == "name" and parse.low[role] in _WORK_NOUNS and (maker := reading.name(first)) is not None:
        reading.add(mention, f"{parse.low[role]} by", maker, "title", at, (role, role))  # "the Train song Mermaid"
        return
    start = parse.start[first]
    if first == role and not parse.text[start].isupper() and parse.low[role - 2] != "by":
        return  # "with the artist X" tells of X what else is said of X
    said = Mention(clean(parse.text[start : parse.end[role]]), start, parse.end[role], role)
    reading.add(mention, "is", said, "title", at, (role, role))


def _two_roles(reading: Reading, at: int, mention: Mention) -> None:
    """For "the Danish actress and singer X": X is both."""
    parse = reading.parse
    reading.topics.is_person(mention)
    for role in (at - 3, at - 1):
        start = parse.start[left_edge(parse, role)]
        said = Mention(clean(parse.text[start : parse.end[role]]), start, parse.end[role], role)
        reading.add(mention, "is", said, "title", at, (role, role))


def _is_quality(parse: Parse, at: int, role: int) -> bool:
    """Whether a word says what something is: "alternative" in "the alternative rock band X", "soul" in "the soul song X", not "similar"."""
    if parse.low[at] in _POINTERS or (parse.is_name(at) and parse.tag[at] != "NNP"):
        return False
    return parse.dep[at] == "amod" or parse.low[role] in _WORK_NOUNS


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
    alone = (
        owned is None and is_definite(parse, at) and kid == at + 2 and is_role(parse.low[at]) and parse.child(at, "prep", "relcl") is None
    )
    if (owned is not None or alone) and parse.is_name(kid):
        owner, target = reading.name(owned[0]) if owned else reading.topics.current, reading.name(kid)
        owned = owned or (at, property_words(parse, at))
        if owner is not None and target is not None:
            if is_role(owned[1]):
                reading.topics.is_person(target)
            turned = parse.low[at] in _WORK_NOUNS and kid == at + 1 and parse.child(at, "poss") is not None  # "X's song Y" is by X
            reading.add(owner, owned[1], target, "apposition", at, (at, at), turned, f"{owned[1]} by")


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
