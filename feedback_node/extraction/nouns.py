"""What nouns say without a verb of their own: copulas seen through "N of X", possessives, appositions, "X in Y"."""

from __future__ import annotations

from collections.abc import Iterator

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    clean,
    is_bare,
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

_PART_NOUNS = words("part_nouns")
_PLACE_NOUNS = words("same_as")
_ROLES = words("titles")
_VALUE_NOUNS = words("value_nouns")
_WORK_NOUNS = words("work_nouns")

__all__ = ["measures", "names_value", "property_words", "read_copula", "read_noun", "same_thing", "where_of"]
_BEFORE_NAME = ("amod", "compound", "nmod")
_PLACES = frozenset({"in", "at", "on", "near", "from", "within"})


def where_of(reading: Reading, verb: int) -> Mention | None:
    """The place that a "where" clause is about."""
    parse = reading.parse
    for _ in range(3):
        if parse.dep[verb] == "conj":
            verb = parse.head[verb]
    if parse.dep[verb] != "relcl" or not any(parse.low[kid] in ("where", "wherein") for kid in parse.kids[verb]):
        return None
    return reading.referent(parse.head[verb])


def read_copula(reading: Reading, verb: int, subjects: list[tuple[Mention, str]], place: Mention | None) -> None:
    """For "S is A", whichever of the two names the property."""
    parse = reading.parse
    subject = parse.child(verb, "nsubj")
    kids = parse.kids[verb]
    if not any(kid > verb and parse.dep[kid] in ("attr", "acomp", "prep", "oprd") for kid in kids):
        _stolen_complement(reading, verb, subject, place)
    for kid in kids:
        dep = parse.dep[kid]
        if dep == "attr" and (earlier := _renamed(reading, kid)) is not None:
            _apposition(reading, earlier, kid)
        elif dep == "attr" or (dep in ("nsubj", "oprd") and kid != subject and kid > verb) or (dep == "acomp" and parse.is_noun(kid)):
            if parse.child(verb, "expl") is not None:
                _existential(reading, verb, kid, place)
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
        elif dep == "npadvmod" and parse.kind[kid]:
            for mention, prefix in subjects:
                if (value := reading.name(kid)) is not None:
                    reading.add(mention, f"{prefix} {parse.low[verb]}".strip(), value, "copula", verb, (verb, verb))


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


def _renamed(reading: Reading, at: int) -> int | None:
    """The name before the comma in "is X, a company": what the parser may take for a second complement."""
    parse = reading.parse
    first = left_edge(parse, at)
    if first > 0 and parse.low[first - 1] in ("a", "an", "the"):
        first -= 1
    near = noun_before(parse, first)
    return near if near is not None and near < first - 1 and parse.is_name(near) else None


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
        elif parse.is_common(head) and is_definite(parse, head) and (owner := _opening_place(reading, verb, head)) is not None:
            noun = property_words(parse, head)
        elif (people := _people_of(parse, head)) is not None and names_value(reading, value):
            owner = Mention(parse.text[parse.start[people] : parse.end[people]], parse.start[people], parse.end[people], people)
            noun = property_words(parse, head).removeprefix(parse.low[people]).strip()
        elif parse.is_common(head) and (place or names_value(reading, value)):
            owner = place or (reading.topics.current if is_definite(parse, head) and not reading.topics.noun(parse.low[head]) else None)
            noun = property_words(parse, head)
        if owner is None:
            return False
        for member in [value] if alone else members(parse, value):
            if (target := reading.name(member)) is not None:
                if is_role(noun):
                    reading.topics.is_person(target)
                reading.topics.called(target, parse.low[head])
                reading.add(owner, noun, target, "property", verb, (head, verb))
    return True


def _people_of(parse: Parse, at: int) -> int | None:
    """`Greek` in "the Greek capital is Y": whose capital it is."""
    before = [kid for kid in parse.kids[at] if kid < at and parse.dep[kid] in ("amod", "compound", "nmod")]
    if not before or not parse.is_common(at) or not is_definite(parse, at):
        return None
    first = before[0]
    return first if parse.cased[first] and parse.tag[first] in ("JJ", "NNP") else None


def _meant_for(parse: Parse, at: int) -> tuple[int, str] | None:
    """(X, "chemical symbol") in "the chemical symbol for X is": only a copula makes what it is for its owner."""
    link = parse.child(at, "prep")
    inner = parse.child(link, "pobj") if link is not None and parse.low[link] == "for" else None
    return (inner, property_words(parse, at)) if inner is not None and is_definite(parse, at) else None


def _opening_place(reading: Reading, verb: int, before: int) -> Mention | None:
    """X in "In X, one of the languages is Y"."""
    parse = reading.parse
    for kid in parse.kids[verb]:
        if kid < before and parse.dep[kid] == "prep" and parse.low[kid] in _PLACES:
            inner = parse.child(kid, "pobj")
            return reading.name(inner) if inner is not None and parse.is_name(inner) else None
    return None


def names_value(reading: Reading, at: int) -> bool:
    """Whether a phrase is a value (a name, a date, a number) and not a description."""
    parse = reading.parse
    return parse.is_name(at) or bool(parse.kind[at]) or parse.tag[at] == "CD" or parse.child(at, "nummod") is not None


def describe(reading: Reading, mention: Mention, at: int, verb: int, prefix: str = "", place: Mention | None = None) -> None:
    """What "S is A" says for one A: S's class, or that S is a property's value ("the capital of X")."""
    parse = reading.parse
    first = f"{prefix} {parse.low[verb]}".strip() if parse.is_verb(verb) else "is"
    noun = at
    if parse.low[at] in ("one", "some", "part") and (link := parse.child(at, "prep")) is not None and parse.low[link] == "of":
        inner = parse.child(link, "pobj")
        noun = inner if inner is not None and parse.is_common(inner) else at
    if not parse.is_common(noun):
        if (target := reading.name(at)) is not None:
            reading.add(mention, first, target, "copula", verb, (verb, verb))
        return
    name = property_words(parse, noun)
    if mention.at >= 0 and parse.low[mention.at] == "it" and (known := reading.topics.noun(parse.low[noun])) is not None:
        mention = mention._replace(text=known.text)  # "The currency of X is Y. It is the currency of Z": Y is
    reading.topics.called(mention, parse.low[noun])
    poss = parse.child(noun, "poss")
    if poss is not None:
        if (owner := reading.name(poss)) is not None:
            reading.add(mention, f"{first} {name} of", owner, "possessive", verb, (verb, noun), True, name)
        return
    if place is not None and (is_definite(parse, noun) or parse.low[noun] in _VALUE_NOUNS):
        reading.add(mention, f"{first} {name} of", place, "where", verb, (verb, noun), True, name)
        return
    if (parse.low[noun] in _VALUE_NOUNS or is_definite(parse, noun)) and (owned := owners(parse, noun)) and parse.child(noun, "acl"):
        if (owner := reading.name(owned[0])) is not None:
            reading.add(mention, f"{first} {name} of", owner, "noun-of", verb, (verb, noun), True, name)
        return
    if (whole := _role_holder(reading, mention, noun, verb)) is not None:
        reading.add(mention, f"{first} {name} of", whole, "role", verb, (verb, noun), True, name)
        return
    if not _describe_linked(reading, mention, noun, verb, first, name, definite=is_definite(parse, at)):
        target = reading.name(at)
        # "X, a company founded in Y" says what the participle says; "X, a Scottish physician born in Y" says what X is, too
        if target is not None and (" " in target.text or not (parse.is_noun(verb) and parse.child(noun, "acl", "relcl") is not None)):
            reading.add(mention, first, target, "copula", verb, (verb, verb))


def _role_holder(reading: Reading, mention: Mention, noun: int, verb: int) -> Mention | None:
    """Whose "the architect" is, said of X before; and whose "president" in "X was in office while Y was president"."""
    parse = reading.parse
    if any(parse.dep[kid] in ("prep", "relcl", "acl") for kid in parse.kids[noun]) or not parse.is_verb(verb):
        return None
    if parse.dep[verb] == "advcl" and parse.child(verb, "mark", "advmod") is not None and parse.child(noun, "det") is None:
        main = reading.subjects.get(parse.head[verb]) or []
        return main[0][0] if main else None
    if is_definite(parse, noun) and parse.is_name(mention.at):
        return _opening_place(reading, verb, noun) or reading.topics.other(mention)
    return None


def _describe_linked(reading: Reading, mention: Mention, noun: int, verb: int, first: str, name: str, definite: bool) -> bool:
    """For "is the capital of X" turns round, "is part of X" and "is a city in X" do not. True where a preposition linked something."""
    parse = reading.parse
    linked = False
    low = parse.low[noun]
    for kid in parse.kids[noun]:
        if parse.dep[kid] != "prep" or kid < noun:
            continue
        turns = (low not in _PART_NOUNS or parse.low[kid] == "for") and (
            (definite and parse.low[kid] in ("of", "for"))
            or (low in _VALUE_NOUNS and parse.low[kid] in ("of", "in", "for", "to"))
            or (definite and parse.low[kid] == "in" and any(parse.tag[k] == "JJS" for k in parse.kids[noun]))
        )
        for inner in parse.kids[kid]:
            if parse.dep[inner] != "pobj":
                continue
            if linked and parse.tag[inner] == "CD":
                continue
            linked = True
            if parse.low[kid] == "with" and (parts := list(measures(reading, inner))):
                for value, noun_of, at in parts:
                    if (target := reading.name(value)) is not None:
                        reading.add(mention, f"has {noun_of}", target, "with", verb, (kid, at))
                continue
            for member in members(parse, inner):
                if member != inner and _is_role_of(parse, member):  # "the daughter of X and the wife of Y"
                    describe(reading, mention, member, verb)
                elif (target := reading.thing(member, mention)) is not None:
                    reading.add(mention, f"{first} {name} {parse.low[kid]}", target, "noun-of", verb, (verb, kid), turns, name)
    return linked


def _is_role_of(parse: Parse, at: int) -> bool:
    return parse.is_common(at) and parse.child(at, "det") is not None and parse.child(at, "prep") is not None


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
                    _add_all(reading, subjects, relation, members(parse, inner), "adjective", verb, (verb, kid))
        elif parse.dep[kid] == "npadvmod" and parse.is_noun(kid):
            linked = True
            _add_all(reading, subjects, f"{parse.low[verb]} {parse.low[at]}", [kid], "measure", verb, (verb, at))
        elif parse.dep[kid] in ("xcomp", "ccomp"):
            linked = True
    if at + 1 < len(parse.dep) and parse.dep[at + 1] == "prep" and parse.head[at + 1] == verb:
        linked = True
    if not linked:
        _add_all(reading, subjects, parse.low[verb], members(parse, at), "adjective", verb, (verb, verb))


def _located(reading: Reading, verb: int, prep: int, subjects: list[tuple[Mention, str]]) -> None:
    parse = reading.parse
    for kid in parse.kids[prep]:
        if parse.dep[kid] == "pobj" and parse.low[prep] == "among" and (owned := owners(parse, kid)) is not None:
            owner = reading.owner(owned[0])
            for mention, _ in subjects if owner is not None else []:
                reading.add(owner or mention, owned[1], mention, "property", verb, (verb, kid))
        elif parse.dep[kid] == "pobj" and parse.low[prep] == "with":
            for value, noun, link in measures(reading, kid):
                _add_all(reading, subjects, f"has {noun}", [value], "with", verb, (prep, link))
        elif parse.dep[kid] == "pobj" and is_bare(parse, kid) and subjects:
            target = reading.thing(kid, subjects[0][0])
            for mention, prefix in subjects if target is not None else []:
                relation = f"{prefix} {parse.low[verb]} {parse.low[prep]}".strip()
                reading.add(mention, relation, target or mention, "prepositional", verb, (verb, prep))
        elif parse.dep[kid] == "pobj":
            _add_all(reading, subjects, f"{parse.low[verb]} {parse.low[prep]}", members(parse, kid), "prepositional", verb, (verb, prep))


def _add_all(
    reading: Reading, subjects: list[tuple[Mention, str]], relation: str, heads: list[int], rule: str, verb: int, where: tuple[int, int]
) -> None:
    for head in heads:
        if (target := reading.name(head)) is not None:
            for mention, prefix in subjects:
                reading.add(mention, f"{prefix} {relation}".strip(), target, rule, verb, where)


def _existential(reading: Reading, verb: int, at: int, place: Mention | None) -> None:
    """For "There are 700 students at X": X has 700 students."""
    parse = reading.parse
    owner = place
    for kid in [*parse.kids[at], *parse.kids[verb]]:
        if owner is None and parse.dep[kid] == "prep" and parse.low[kid] in _PLACES:
            inner = parse.child(kid, "pobj")
            owner = reading.name(inner) if inner is not None else None
    owner = owner or reading.topics.current
    if owner is None:
        return
    for member in members(parse, at):
        if (target := reading.name(member)) is not None:
            reading.add(owner, "has", target, "existential", verb, (verb, verb))


def measures(reading: Reading, at: int) -> Iterator[tuple[int, str, int]]:
    """(value, words that bring it, last of these) of "a length of 12 metres", "the atomic number 12" and "music by Y" in a list."""
    parse = reading.parse
    # the parser may hang the second of "music by X and a libretto by Y" on X
    heads = [inner for member in members(parse, at) for inner in (member, *_apart(parse, member))]
    for member in heads:
        link = parse.child(member, "prep")
        number = parse.child(member, "nummod")
        if number is not None and number == member + 1 and parse.is_common(member):
            yield number, property_words(parse, member), member  # "the atomic number 12"
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


def read_noun(reading: Reading, at: int) -> None:
    """Claims inside a noun phrase."""
    parse = reading.parse
    for kid in parse.kids[at]:
        dep = parse.dep[kid]
        if dep == "appos":
            _apposition(reading, at, kid)
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


def _apposition(reading: Reading, at: int, kid: int) -> None:
    """For "X, the capital of Y" and "its leader, Y"."""
    parse = reading.parse
    if parse.low[kid - 1] == "(" or (parse.child(at, "nummod") is not None and kid in members(parse, at)):
        return
    if is_class(parse, kid):
        at = _renamed(reading, kid) or at
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
        elif parse.low[prep] in _PLACES:
            verb = parse.head[parse.head[at]]
            if parse.dep[parse.head[at]] == "agent" and parse.dep[at] == "pobj" and (done := reading.subjects.get(verb)):
                # "was made by X in Y" tells where it was made
                _add_all(reading, done, f"{parse.low[verb]} {parse.low[prep]}", members(parse, kid), "prepositional", verb, (prep, prep))
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
