"""What a verb links its subject to: objects, complements, what prepositions bring, dates and measures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from feedback_node.extraction.lexicon import participles, words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import MAX_DEPTH, is_definite, members, property_words, same_thing
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import NUMBER
from feedback_node.extraction.values import measures, names_value

_CODE_NOUNS = words("code_nouns")
_TRANSITIVE = participles()
_HAVE = frozenset({"has", "have", "had", "having"})
_HAVE_ROLE = _HAVE | {"use", "uses", "used", "include", "includes", "included", "contain", "contains", "contained"}
_LEADING = _HAVE | words("leading_verbs")
_EMPTY = frozenset({"place", "part", "office", "effect", "birth", "rise", "care", "use", "shape", "charge"})
"""What "took place" and "took part" take is no thing."""
_NOT_ARGUMENTS = frozenset({"according", "due", "because", "despite", "like"})


class Argument(NamedTuple):
    """One thing beside a verb."""

    at: int
    """Head of its phrase."""
    relation: str
    """Words from the subject to it."""
    last: int
    """Last token of these words."""
    rule: str
    """Which construction brought it."""


def arguments(reading: Reading, verb: int) -> Iterator[Argument]:
    """Each thing that a verb links its subject to."""
    parse = reading.parse
    base = verb_words(reading, verb)
    noun = ""
    if (shared := _shared(parse, verb)) is not None:
        yield from _prepositional(reading, shared, base)
    elif (thing := _shared_object(parse, verb)) is not None:
        yield Argument(thing, base, verb, "object")
    for kid in parse.kids[verb]:
        dep = parse.dep[kid]
        if (dep in ("dobj", "oprd", "attr", "dative") and parse.low[kid] not in ("which", "that")) or (dep == "dobj" and kid > verb):
            if parse.low[verb] in _HAVE_ROLE and dep == "dobj" and (role := _role(reading, verb)) is not None:
                yield Argument(kid, f"{base} as {role}", verb, "role")
            elif parse.is_common(kid) and dep == "dobj":
                noun = " " + property_words(parse, kid)
                if parse.low[kid] not in _EMPTY or parse.kids[kid]:
                    yield from _object(reading, verb, kid, base)
            elif parse.tag[kid] == "IN":
                yield from _prepositional(reading, kid, base)
            else:
                yield Argument(kid, base, verb, "object" if dep in ("dobj", "dative") else "complement")
        elif dep in ("dobj", "pobj"):
            yield Argument(kid, base, verb, "object")
        elif dep in ("prep", "agent") or (dep == "conj" and parse.tag[kid] == "IN"):
            if (
                parse.low[kid] not in _NOT_ARGUMENTS
                and not _is_of_work(parse, verb, kid)
                and not (parse.low[kid] == "as" and _role(reading, verb))
            ):
                yield from _prepositional(reading, kid, base + noun)
        elif dep in ("advmod", "advcl", "ccomp", "npadvmod") and kid > verb and parse.kind[kid] in ("name", "quote"):
            yield Argument(kid, base, verb, "object")
        elif dep == "npadvmod" and (parse.kind[kid] or parse.tag[kid] == "CD" or parse.child(kid, "nummod") is not None):
            yield Argument(kid, base + noun, verb, "adverbial")
        elif dep == "acomp" or (dep == "advmod" and parse.tag[kid] == "JJ"):
            for inner in parse.kids[kid]:
                if parse.dep[inner] == "prep":
                    yield from _prepositional(reading, inner, f"{base} {parse.low[kid]}")
                elif parse.dep[inner] == "npadvmod" and parse.is_noun(inner):
                    yield Argument(inner, f"{base} {parse.low[kid]}", kid, "measure")


def _is_of_work(parse: Parse, verb: int, by: int) -> bool:
    """For "appeared in films by Y": Y made the films, and an active verb has no agent."""
    made = parse.child(by, "pobj")
    active = parse.tag[verb] in ("VBD", "VBZ", "VBP", "VB") and parse.child(verb, "auxpass") is None
    return (
        active
        and parse.low[by] == "by"
        and parse.is_common(by - 1)
        and parse.dep[by - 1] == "pobj"
        and made is not None
        and parse.is_name(made)
    )


def _shared(parse: Parse, verb: int) -> int | None:
    """For "written and directed by Y", "was born and died in Y": the preposition of the last verb, where the first brings nothing."""
    if parse.tag[verb] != "VBN" or any(
        kid > verb and parse.dep[kid] in ("agent", "prep", "dobj", "oprd", "advmod") for kid in parse.kids[verb]
    ):
        return None
    other = parse.child(verb, "conj")
    while other is not None and parse.tag[other] in ("VBN", "VBD") and parse.child(other, "nsubjpass", "nsubj", "auxpass") is None:
        if (link := parse.child(other, "agent", "prep")) is not None:
            return link if link == other + 1 else None
        other = parse.child(other, "conj")
    return None


def _shared_object(parse: Parse, verb: int) -> int | None:
    """For "wrote and directed X": X, the object of the second verb alone."""
    other = parse.child(verb, "conj")
    if other != verb + 2 or parse.low[verb] not in _TRANSITIVE or parse.low[verb + 1] != "and" or parse.child(other, "nsubj") is not None:
        return None
    return None if parse.child(verb, "dobj", "prep", "agent") is not None else parse.child(other, "dobj")


def verb_words(reading: Reading, verb: int) -> str:
    """The words of a verb with its auxiliaries and particle: "was born", "is made up"."""
    parse = reading.parse
    before = [parse.low[kid] for kid in parse.kids[verb] if kid < verb and parse.dep[kid] in ("aux", "auxpass", "neg")]
    after = [parse.low[kid] for kid in parse.kids[verb] if kid > verb and parse.dep[kid] == "prt"]
    return " ".join([*before, parse.low[verb], *after])


def _role(reading: Reading, verb: int) -> str | None:
    """`manager` in "has Y as its manager": the object is what the subject has in that role."""
    parse = reading.parse
    had = parse.child(verb, "dobj")
    if parse.low[verb] not in _HAVE_ROLE or had is None:
        return None
    if parse.is_common(had) and any(parse.low[kid] in ("a", "an") for kid in parse.kids[had]):
        return None  # "has a background as a singer"
    for kid in [*parse.kids[verb], *parse.kids[had]]:
        if parse.dep[kid] == "prep" and parse.low[kid] == "as" and (inner := parse.child(kid, "pobj")) is not None:
            if parse.low[inner] == "one" and (link := parse.child(inner, "prep")) is not None:
                inner = parse.child(link, "pobj") or inner
            return property_words(parse, inner)
    return None


def _object(reading: Reading, verb: int, at: int, base: str) -> Iterator[Argument]:
    """A common noun as object: "has a population of 5,000" and "has its seat in Y" link to what the noun's preposition brings."""
    parse = reading.parse
    lone: list[int] = []
    own_poss = any(parse.dep[kid] == "poss" and parse.tag[kid] == "PRP$" for kid in parse.kids[at])
    noun = property_words(parse, at)
    have = parse.low[verb] in _HAVE
    owned = parse.child(at, "poss") is not None
    named = same_thing(parse, at)
    if have and (codes := list(_codes(parse, at))):
        for member, value in codes:
            words = [parse.low[kid] for kid in parse.kids[member] if kid < member and parse.dep[kid] in ("compound", "amod")]
            yield Argument(value, " ".join([base, *words, parse.low[member]]), member, "object-of")
        return
    if named != at and have:
        yield Argument(named, f"{base} {noun}", at, "object-of")
        return
    for member in members(parse, at):
        own_link = False
        member_noun = noun if member == at else property_words(parse, member)
        for kid in parse.kids[member]:
            brought = parse.child(kid, "pobj") if parse.low[kid] == "with" else None
            if brought is not None and parse.is_name(brought) and (role := _as_role(parse, kid, brought)) is not None:
                yield Argument(brought, f"has as {role}", kid, "role")  # "has offices, with X as its seat"
                continue
            if (
                parse.dep[kid] == "prep"
                and kid > member
                and (parse.low[kid] != "of" or have or _is_number(parse, kid))
                and same_thing(parse, member) == member
            ):
                for inner in parse.kids[kid]:
                    if parse.dep[inner] == "pobj" and (
                        names_value(reading, inner) or parse.low[kid] == "of" or (have and (owned or parse.low[kid] == "as"))
                    ):
                        own_link = True
                        yield Argument(inner, f"{base} {member_noun} {parse.low[kid]}", kid, "object-of")
        measuring = parse.child(member, "acl")
        measured = parse.child(measuring, "dobj") if have and measuring is not None and parse.tag[measuring] == "VBG" else None
        if measured is not None and (parse.kind[measured] == NUMBER or parse.tag[measured] == "CD"):  # "has a length measuring 12 m"
            own_link = True
            yield Argument(measured, f"{base} {member_noun}", member, "object-of")
        if not own_link or not (have or own_poss or any(parse.low[kid] in ("a", "an") for kid in parse.kids[member])):
            lone.append(member)
    if own_poss and parse.low[verb] in _LEADING and any(parse.dep[kid] == "prep" and kid > at for kid in parse.kids[verb]):
        return
    for member in lone:
        yield Argument(member, base, verb, "object")


def _codes(parse: Parse, at: int) -> Iterator[tuple[int, int]]:
    """Each noun of a list with the code right behind it: "has the code 46011 and the symbol X"."""
    for member in members(parse, at):
        value = parse.child(member, "nummod", "appos")
        if value == member + 1 and not parse.kind[member] and (parse.dep[value] == "nummod" or parse.low[member] in _CODE_NOUNS):
            yield member, value


def _between(parse: Parse, at: int) -> tuple[int, int] | None:
    """(X, its preposition) in "the border between X and Y" and "the border of X and Y": a noun that two names share."""
    link = parse.child(at, "prep")
    inner = parse.child(link, "pobj") if link is not None and parse.low[link] in ("between", "of") else None
    if link is None or inner is None or not parse.is_common(at) or len(members(parse, inner)) < 2:
        return None
    return (inner, link) if all(parse.is_name(member) for member in members(parse, inner)) else None


def _by(parse: Parse, at: int) -> int | None:
    return next((kid for kid in parse.kids[at] if kid == at + 1 and parse.low[kid] == "by"), None)


def _as_role(parse: Parse, prep: int, at: int) -> str | None:
    """`composer` in "with X as its composer"."""
    for kid in [*parse.kids[at], *parse.kids[prep], *parse.kids[parse.head[prep]]]:
        if parse.low[kid] == "as" and kid == at + 1 and (inner := parse.child(kid, "pobj")) is not None and parse.is_common(inner):
            return property_words(parse, inner)
    return None


def _measured(parse: Parse, at: int) -> int | None:
    """16 km in "at an average speed of 16 km": the value, where an indefinite noun has one."""
    link = parse.child(at, "prep")
    indefinite = parse.is_common(at) and any(parse.low[kid] in ("a", "an") for kid in parse.kids[at])
    if link is None or parse.low[link] != "of" or not indefinite:
        return None
    return parse.child(link, "pobj") if _is_number(parse, link) else None


def _is_number(parse: Parse, prep: int) -> bool:
    inner = parse.child(prep, "pobj")
    return inner is not None and (parse.kind[inner] == NUMBER or parse.tag[inner] == "CD")


def _prepositional(reading: Reading, prep: int, base: str, depth: int = 0) -> Iterator[Argument]:
    """The objects of a preposition, and of one that hangs on it ("from Texas to Ohio", "in a town in Texas")."""
    parse = reading.parse
    relation = f"{base} {parse.low[prep]}"
    rule = "agent" if parse.dep[prep] == "agent" or parse.low[prep] == "by" else "prepositional"
    for kid in parse.kids[prep] if depth < MAX_DEPTH else ():
        if parse.dep[kid] == "pobj":
            if rule == "prepositional" and parse.low[prep] == "with" and (parts := list(measures(reading, kid))):
                yield from (Argument(value, f"has {noun}", at, "with") for value, noun, at in parts)
                continue
            if parse.low[prep] == "with" and parse.is_name(kid) and (role := _as_role(parse, prep, kid)) is not None:
                yield Argument(kid, f"has as {role}", prep, "role")  # "with X as its composer"
                continue
            if (both := _between(parse, kid)) is not None:
                yield Argument(both[0], f"{relation} {parse.low[kid]} {parse.low[both[1]]}", both[1], rule)
                continue
            if (value := _measured(parse, kid)) is not None:
                yield Argument(value, f"{relation} {property_words(parse, kid)} of", kid, "object-of")
                continue
            if parse.low[kid] != "time":
                yield Argument(kid, relation, prep, rule)
            if parse.is_common(kid) and (not is_definite(parse, kid) or parse.low[kid] == "time"):
                for link in parse.kids[kid]:
                    if parse.dep[link] == "prep" and parse.low[link] != "of":
                        yield from _prepositional(reading, link, f"{relation} {parse.low[kid]}", depth + 1)
            elif parse.is_common(kid) and (agent := _by(parse, kid)) is not None:
                yield from _prepositional(reading, agent, base, depth + 1)  # "was adapted for the screen by X"
        elif parse.dep[kid] == "prep" or (parse.dep[kid] == "conj" and parse.tag[kid] == "IN"):  # "in X and for Y"
            yield from _prepositional(reading, kid, base, depth + 1)
    if not parse.kids[prep] and parse.dep[parse.head[prep]] == "relcl" and depth == 0:
        # "the country X comes from": what the clause hangs on
        yield Argument(parse.head[parse.head[prep]], relation, prep, "stranded")
