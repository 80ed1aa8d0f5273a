"""What "S is A" says of S for one A: its class, or whose property's value it is ("the capital of X")."""

from __future__ import annotations

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import (
    is_definite,
    members,
    owners,
    property_words,
)
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.values import measures, opening_place

_PART_NOUNS = words("part_nouns")
_STANDS = frozenset({"found", "located", "situated", "based"})
_VALUE_NOUNS = words("value_nouns")
_PLACE_KINDS = words("same_as") | {"town"}
_PLAIN_KINDS = _PLACE_KINDS | words("work_nouns") | words("plain_kinds")
"""What says little of a thing whose place or maker is told: "a town in Y", "a song by Y"."""


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
    plain = parse.is_name(mention.at) and parse.child(noun, "prep", "acl", "relcl") is None
    if place is not None and (is_definite(parse, noun) or parse.low[noun] in _VALUE_NOUNS or plain):
        reading.add(mention, f"{first} {name} of", place, "where", verb, (verb, noun), True, name)
        return
    if (parse.low[noun] in _VALUE_NOUNS or is_definite(parse, noun)) and (owned := owners(parse, noun)) and parse.child(noun, "acl"):
        if (owner := reading.name(owned[0])) is not None:
            reading.add(mention, f"{first} {name} of", owner, "noun-of", verb, (verb, noun), True, name)
        return
    if (whole := _role_holder(reading, mention, noun, verb)) is not None:
        reading.add(mention, f"{first} {name} of", whole, "role", verb, (verb, noun), True, name)
        return
    linked = _describe_linked(reading, mention, noun, verb, first, name, definite=is_definite(parse, at))
    by = parse.child(noun, "prep")
    if linked and " " in name and by is not None and parse.low[by] == "by" and not is_definite(parse, noun):
        linked = False
    if not linked or (noun == at and _is_telling(parse, noun)):
        target = reading.name(at)
        # "X, a company founded in Y" says what the participle says; "X, a Scottish physician born in Y" says what X is, too
        # and "X is a dish found in Y" says where
        clause = parse.child(noun, "acl", "relcl")
        said = clause is not None and (parse.is_noun(verb) or (parse.low[clause] in _STANDS and not is_role(parse.low[noun])))
        if target is not None and (" " in target.text or not said):
            reading.add(mention, first, target, "class-beside" if linked else "copula", verb, (verb, verb))


def _role_holder(reading: Reading, mention: Mention, noun: int, verb: int) -> Mention | None:
    """Whose "the architect" is, said of X before; and whose "president" in "X was in office while Y was president"."""
    parse = reading.parse
    if any(parse.dep[kid] in ("prep", "relcl", "acl") for kid in parse.kids[noun]) or not parse.is_verb(verb):
        return None
    if parse.dep[verb] == "advcl" and parse.child(verb, "mark", "advmod") is not None and parse.child(noun, "det") is None:
        main = reading.subjects.get(parse.head[verb]) or []
        return main[0][0] if main else None
    if is_definite(parse, noun) and parse.is_name(mention.at):
        return opening_place(reading, verb, noun) or reading.topics.other(mention)
    return None


def _describe_linked(reading: Reading, mention: Mention, noun: int, verb: int, first: str, name: str, definite: bool) -> bool:
    """For "is the capital of X" turns round, "is part of X" and "is a city in X" do not. True where a preposition linked something."""
    parse = reading.parse
    linked = False
    low = parse.low[noun]
    for kid in parse.kids[noun]:
        if parse.dep[kid] != "prep" or kid < noun:
            continue
        most = any(parse.tag[k] == "JJS" for k in parse.kids[noun])  # "the deepest lake in the world": the world's
        turns = (low not in _PART_NOUNS or parse.low[kid] == "for") and (
            (definite and parse.low[kid] in ("of", "for"))
            or (low in _VALUE_NOUNS and parse.low[kid] in ("of", "in", "for", "to", "at"))
            or (definite and parse.low[kid] == "in" and most)
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
                elif turns and is_definite(parse, member) and (deeper := owners(parse, member)) is not None and parse.is_name(deeper[0]):
                    # "6,500 feet is the length of the first runway at X"
                    whole = f"{name} {deeper[1]}"
                    if (owner := reading.name(deeper[0])) is not None:
                        reading.add(mention, f"{first} {whole} of", owner, "noun-of", verb, (verb, kid), True, whole)
                elif (target := reading.thing(member, mention) or (reading.name(member) if turns and most else None)) is not None:
                    reading.add(mention, f"{first} {name} {parse.low[kid]}", target, "noun-of", verb, (verb, kid), turns, name)
    return linked


def _is_telling(parse: Parse, at: int) -> bool:
    """Whether a class says something beside its place or maker: "an extinct volcano in Y", "a monument in Y", not "a town in Y"."""
    low = parse.low[at]
    if not any(parse.low[kid] in ("a", "an") for kid in parse.kids[at]) or low in _VALUE_NOUNS or low in _PART_NOUNS:
        return False
    link = parse.child(at, "prep")
    if link is not None and parse.low[link] == "of" and link == at + 1:
        return False  # "a genus of Y"
    told = [kid for kid in parse.kids[at] if kid < at and parse.dep[kid] in ("amod", "compound", "nmod") and not parse.kind[kid]]
    place = low in _PLACE_KINDS  # "a port town in Y"
    return low not in _PLAIN_KINDS or any(parse.dep[kid] == "amod" or not place for kid in told)


def _is_role_of(parse: Parse, at: int) -> bool:
    return parse.is_common(at) and parse.child(at, "det") is not None and parse.child(at, "prep") is not None
