"""Copulas seen through "N of X": whichever side of "S is A" names the property, adjectives, places, and what there is."""

from __future__ import annotations

import re

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.descriptions import describe
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.nouns import read_apposition, renamed_before
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    is_bare,
    is_definite,
    members,
    owners,
    property_words,
    same_thing,
)
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import DATE
from feedback_node.extraction.values import PLACES, add_all, measures, names_value, opening_place

_CODE_NOUNS = words("code_nouns")
_OCCUPATIONS = words("occupations")
_YEAR = re.compile(r"\d{4}")
_YEARS = re.compile(r"(\d{4})[-–—](\d{4})")


def read_copula(reading: Reading, verb: int, subjects: list[tuple[Mention, str]], place: Mention | None) -> None:
    """For "S is A", whichever of the two names the property."""
    parse = reading.parse
    subject = parse.child(verb, "nsubj")
    kids = parse.kids[verb]
    if not any(kid > verb and parse.dep[kid] in ("attr", "acomp", "prep", "oprd") for kid in kids):
        _stolen_complement(reading, verb, subject, place)
    if subject is not None and parse.is_name(subject) and any(parse.dep[kid] == "attr" and _is_person(parse, kid) for kid in kids):
        _lifetime(reading, subject)
    for kid in kids:
        dep = parse.dep[kid]
        if dep == "attr" and (earlier := renamed_before(reading, kid)) is not None:
            read_apposition(reading, earlier, kid)
        elif dep == "attr" or (dep in ("nsubj", "oprd") and kid != subject and kid > verb) or (dep == "acomp" and parse.is_noun(kid)):
            if parse.child(verb, "expl") is not None:
                _existential(reading, verb, kid, place)
            elif (owned := _owned_before(parse, verb, subject, kid)) is not None:
                _property_subject(reading, verb, owned, kid, None)
            elif subject is not None and _is_kind_first(parse, subject, kid):
                for member in members(parse, kid):  # "A dish from X is Y": Y is a dish from X
                    if (target := reading.name(member)) is not None:
                        describe(reading, target, subject, verb)
            elif not _property_subject(reading, verb, subject, kid, place):
                for mention, prefix in subjects:
                    for member in members(parse, kid):
                        describe(reading, mention, member, verb, prefix, place)
        elif dep == "acomp":
            if _property_subject(reading, verb, subject, kid, None):
                continue
            _adjective(reading, verb, kid, subjects)
        elif dep == "prep" and (kid > verb or parse.low[kid] == "with"):
            _located(reading, verb, kid, subjects)
        elif dep == "prep" and parse.low[kid] == "among":
            _among(reading, verb, kid)
        elif dep == "npadvmod" and parse.kind[kid]:
            for mention, prefix in subjects:
                if (value := reading.name(kid)) is not None:
                    reading.add(mention, f"{prefix} {parse.low[verb]}".strip(), value, "copula", verb, (verb, verb))


def _is_person(parse: Parse, at: int) -> bool:
    return parse.is_common(at) and (is_role(parse.low[at]) or parse.low[at] in _OCCUPATIONS)


def _lifetime(reading: Reading, at: int) -> None:
    """For "X (1901-1987) was a painter": X was born in 1901 and died in 1987."""
    parse = reading.parse
    first = at + 2
    if first + 1 >= len(parse.low) or parse.low[at + 1] != "(" or (mention := reading.name(at)) is None:
        return
    if parse.low[first + 1] == ")" and (years := _YEARS.fullmatch(parse.low[first])) is not None:
        spans = [(parse.start[first] + years.start(side), parse.start[first] + years.end(side), first) for side in (1, 2)]
    else:
        last = first + 2
        if last + 1 >= len(parse.low) or parse.low[first + 1] not in ("-", "–", "—") or parse.low[last + 1] != ")":
            return
        if not all(parse.kind[side] == DATE or _YEAR.fullmatch(parse.low[side]) for side in (first, last)):
            return
        spans = [(parse.start[side], parse.end[side], side) for side in (first, last)]
    for word, (start, end, side) in zip(("born", "died"), spans, strict=True):
        reading.add(mention, word, Mention(parse.text[start:end], start, end, side), "lifetime", at, (side, side))


def _owned_before(parse: Parse, verb: int, subject: int | None, value: int) -> int | None:
    """The capital in "the capital of X, which is Y"."""
    above = parse.head[verb]
    if subject is None or parse.dep[verb] != "relcl" or parse.low[subject] not in ("which", "who", "that") or not parse.is_name(value):
        return None
    return above if parse.is_common(above) and is_definite(parse, above) and owners(parse, above) is not None else None


def _is_kind_first(parse: Parse, subject: int, value: int) -> bool:
    """Whether "A N from X is Y" says what Y is: an indefinite noun that names nobody's property, and a name."""
    if not parse.is_common(subject) or not parse.is_name(value) or parse.child(value, "prep") is not None:
        return False
    indefinite = any(parse.low[kid] in ("a", "an", "another") for kid in parse.kids[subject])
    link = parse.child(subject, "prep")
    return indefinite and link is not None and parse.low[link] in ("from", "with", "by")


def _stolen_complement(reading: Reading, verb: int, subject: int | None, place: Mention | None) -> None:
    """For "The leader is Y and Z lives there": Y, which the parser made a subject of the next verb."""
    parse = reading.parse
    at = verb + 1
    if at < len(parse.dep) and parse.dep[at] == "det":
        at += 1
    if (
        at < len(parse.dep)
        and parse.dep[at] == "nsubj"
        and parse.is_name(at)
        and parse.child(at, "conj") is not None
        and parse.head[at] > at
    ):
        _property_subject(reading, verb, subject, at, place, alone=True)


def _property_subject(reading: Reading, verb: int, subject: int | None, value: int, place: Mention | None, alone: bool = False) -> bool:
    """For "The leader of X is Y", "its leader is Y", "where the leader is Y", "the leader is Y" said of a topic."""
    parse = reading.parse
    if subject is None:
        return False
    for head in members(parse, subject):
        if parse.low[head] in ("one", "some", "many", "two"):
            link = parse.child(head, "prep")
            inner = parse.child(link, "pobj") if link is not None else None
            head = inner if inner is not None else head
        owner: Mention | None = None
        noun = ""
        named = parse.child(head, "appos")
        if same_thing(parse, head) != head or (named is not None and parse.is_name(named)):
            return False
        if (owned := owners(parse, head) or _meant_for(parse, head)) is not None:
            owner, noun = reading.owner(owned[0]), owned[1]
        elif parse.is_common(head) and is_definite(parse, head) and (owner := opening_place(reading, verb, head)) is not None:
            noun = property_words(parse, head)
        elif (people := _people_of(parse, head)) is not None and names_value(reading, value):
            owner = Mention(parse.text[parse.start[people] : parse.end[people]], parse.start[people], parse.end[people], people)
            noun = property_words(parse, head).removeprefix(parse.low[people]).strip()
        elif parse.is_common(head) and (names_value(reading, value) or (place and is_bare(parse, head))):
            owner = place or (reading.topics.current if is_definite(parse, head) and not reading.topics.noun(parse.low[head]) else None)
            noun = property_words(parse, head)
        if owner is None:
            return False
        for member in [value] if alone else members(parse, value):
            if (target := reading.name(member)) is not None:
                if is_role(noun):
                    reading.topics.is_person(target)
                if parse.low[head] not in _CODE_NOUNS:
                    reading.topics.called(target, parse.low[head])
                reading.add(owner, noun, target, "property", verb, (head, verb))
    return True


def _people_of(parse: Parse, at: int) -> int | None:
    """`Greek` in "the Greek capital is Y": whose capital it is."""
    before = [kid for kid in parse.kids[at] if kid < at and parse.dep[kid] in ("amod", "compound", "nmod")]
    if not before or not parse.is_common(at) or not is_definite(parse, at):
        return None
    first = before[0]
    code = parse.text[parse.start[first] : parse.end[first]].isupper()  # "the ISSN number is"
    return first if parse.cased[first] and parse.tag[first] in ("JJ", "NNP") and not code else None


def _meant_for(parse: Parse, at: int) -> tuple[int, str] | None:
    """(X, "chemical symbol") in "the chemical symbol for X is": only a copula makes what it is for its owner."""
    link = parse.child(at, "prep")
    inner = parse.child(link, "pobj") if link is not None and parse.low[link] == "for" else None
    return (inner, property_words(parse, at)) if inner is not None and is_definite(parse, at) else None


def _adjective(reading: Reading, verb: int, at: int, subjects: list[tuple[Mention, str]]) -> None:
    """For "is native to X", "is 12 metres long", "is American"."""
    parse = reading.parse
    linked = False
    for kid in parse.kids[at]:
        if parse.dep[kid] == "prep":
            for inner in parse.kids[kid]:
                if parse.dep[inner] == "pobj":
                    linked = True
                    relation = f"{parse.low[verb]} {parse.low[at]} {parse.low[kid]}"
                    add_all(reading, subjects, relation, members(parse, inner), "adjective", verb, (verb, kid))
        elif parse.dep[kid] == "npadvmod" and parse.is_noun(kid):
            linked = True
            add_all(reading, subjects, f"{parse.low[verb]} {parse.low[at]}", [kid], "measure", verb, (verb, at))
        elif parse.dep[kid] in ("xcomp", "ccomp"):
            linked = True
    if at + 1 < len(parse.dep) and parse.dep[at + 1] == "prep" and parse.head[at + 1] == verb:
        linked = True
    if not linked:
        add_all(reading, subjects, parse.low[verb], members(parse, at), "adjective", verb, (verb, verb))


def _located(reading: Reading, verb: int, prep: int, subjects: list[tuple[Mention, str]]) -> None:
    parse = reading.parse
    for kid in parse.kids[prep]:
        if parse.low[prep] in ("in", "on", "under") and parse.tag[kid] == "NN" and parse.is_common(kid) and not parse.kids[kid]:
            continue  # "is in use", "is under construction": a state
        if parse.dep[kid] == "pobj" and parse.low[prep] == "among" and (owned := owners(parse, kid)) is not None:
            owner = reading.owner(owned[0])
            for mention, _ in subjects if owner is not None else []:
                reading.add(owner or mention, owned[1], mention, "property", verb, (verb, kid))
        elif parse.dep[kid] == "pobj" and parse.low[prep] == "with":
            for value, noun, link in measures(reading, kid):
                add_all(reading, subjects, f"has {noun}", [value], "with", verb, (prep, link))
        elif parse.dep[kid] == "pobj" and is_bare(parse, kid) and subjects:
            target = reading.thing(kid, subjects[0][0])
            for mention, prefix in subjects if target is not None else []:
                relation = f"{prefix} {parse.low[verb]} {parse.low[prep]}".strip()
                reading.add(mention, relation, target or mention, "prepositional", verb, (verb, prep))
        elif parse.dep[kid] == "pobj":
            add_all(reading, subjects, f"{parse.low[verb]} {parse.low[prep]}", members(parse, kid), "prepositional", verb, (verb, prep))


def _among(reading: Reading, verb: int, prep: int) -> None:
    """For "Among the ethnic groups of X are the Y and the Z": X has these."""
    parse = reading.parse
    group = parse.child(prep, "pobj")
    value = next((kid for kid in parse.kids[verb] if kid > verb and parse.dep[kid] in ("attr", "nsubj")), None)
    owned = owners(parse, group) if group is not None else None
    owner = reading.owner(owned[0]) if owned is not None else None
    if group is None or value is None or owned is None or owner is None:
        return
    for member in members(parse, value):
        if (target := reading.name(member)) is not None:
            reading.add(owner, owned[1], target, "property", verb, (group, verb))


def _existential(reading: Reading, verb: int, at: int, place: Mention | None) -> None:
    """For "There are 700 students at X": X has 700 students."""
    parse = reading.parse
    owner = place
    for kid in [*parse.kids[at], *parse.kids[verb]]:
        if owner is None and parse.dep[kid] == "prep" and parse.low[kid] in PLACES:
            inner = parse.child(kid, "pobj")
            owner = reading.name(inner) if inner is not None else None
    owner = owner or reading.topics.current
    if owner is None:
        return
    for member in members(parse, at):
        if (target := reading.name(member)) is not None:
            reading.add(owner, "has", target, "existential", verb, (verb, verb))
