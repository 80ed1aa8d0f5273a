"""Relative clauses hung on the noun that they stand behind, with what goes on in them: a small parser takes them for the sentence's."""

from __future__ import annotations

from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import participles, words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import NAMING, is_definite, noun_before
from feedback_node.extraction.spans import NUMBER

_BE = frozenset({"is", "was", "are", "were"})
_LOOSE = frozenset({"advcl", "ccomp", "conj", "relcl", "parataxis", "dep", "pcomp"})
_RUN = frozenset({"led", "governed", "owned", "operated", "managed", "headed", "chaired", "commanded", "aired", "portrayed"})
_OF_WORKS = frozenset({"runs", "ran", "lasts", "lasted", "stars", "starred"})
_OF_ONE = frozenset({"is", "was", "has"})
_BUILT = (frozenset(participles().values()) - _RUN) | {"completed", "erected", "inaugurated", "opened"} | _OF_WORKS
"""What is done to things that stand in a place, not to the place, and to works, not to their makers; what only works do."""
_PLACES = frozenset({"in", "at"})
_KINDS = words("kinds")
_SUBJECTS = ("nsubj", "nsubjpass", "csubj", "expl")


def mend_relatives(parse: Parse) -> None:
    """Mend heads in place, sentence by sentence."""
    for first, last in parse.sentences:
        for at in range(first + 1, last):
            if parse.tag[at] == "VBN" and parse.dep[at] == "conj" and parse.low[at - 1] == "and" and parse.low[at - 2] == ",":
                _mend_back(parse, at)
        for at in range(first + 1, last):
            if parse.low[at] in ("where", "wherein") or (parse.low[at] == "which" and parse.low[at - 1] == "in"):
                _mend_where(parse, at, last)
            elif parse.low[at] in ("which", "that", "who", "whose") and parse.tag[at] in ("WDT", "WP", "WP$"):
                _mend_relative(parse, at)
            elif parse.low[at] == "that" and parse.tag[at] == "DT" and parse.dep[at] in _SUBJECTS and parse.low[at - 1] in ("and", "but"):
                parse.tag[at] = "WDT"  # "that was built in X and that is owned by Y"
                _mend_relative(parse, at)
            elif parse.tag[at] == "VBN" and parse.dep[at] == "acl" and (name := _named_otherwise(parse, at)) is not None:
                parse.hang(at, name, "acl")
            elif parse.tag[at] == "VBN" and parse.dep[at] == "acl" and (above := _counted_above(parse, parse.head[at], at)) is not None:
                parse.hang(at, above, "acl")


def _named_otherwise(parse: Parse, at: int) -> int | None:
    """X in "the character X, also known as Y": the noun before X has its name, and Y is another."""
    name = parse.child(parse.head[at], "appos") if parse.low[at] == "known" or parse.low[at] in NAMING else None
    if name is None or name > at or not parse.is_name(name) or not parse.is_common(parse.head[at]):
        return None
    return name if name == parse.head[at] + 1 and parse.low[name + 1] == "," else None


def _mend_back(parse: Parse, at: int) -> None:
    """In "was recorded by X, whose label is Y, and produced by Z" the participle goes on from the first verb."""
    copula = parse.head[at]
    aside = parse.dep[copula] == "acl" and parse.low[copula - 1] == ","  # "was made at X, located in Y, and sold by Z"
    if not aside and (parse.low[copula] not in _BE or parse.dep[copula] != "relcl"):
        return
    if parse.child(at, "auxpass", *_SUBJECTS) is not None:
        return
    verb = parse.head[copula]
    while not parse.is_verb(verb) and parse.head[verb] != verb:
        verb = parse.head[verb]
    if parse.tag[verb] == "VBN" and parse.child(verb, "auxpass") is not None and verb < copula:
        parse.hang(at, verb, "conj")


def _clause(parse: Parse, at: int) -> int | None:
    """The verb of the clause that a relative word opens."""
    verb = parse.head[at]
    for _ in range(4):
        if parse.is_verb(verb):
            break
        verb = parse.head[verb]
    if not parse.is_verb(verb) or verb < at:
        return None
    while parse.dep[verb] == "conj" and parse.head[verb] > at and parse.is_verb(parse.head[verb]):
        verb = parse.head[verb]
    return verb


def _mend_where(parse: Parse, at: int, last: int) -> None:
    """For "in X, where Y is spoken and the leader is Z": both clauses are about X."""
    behind = at - 2 if parse.low[at - 1] in _BE and parse.low[at - 2] == "which" else at  # "X, which is where"
    behind -= parse.low[at] == "which" or parse.low[behind - 1] == ";"
    noun, verb = noun_before(parse, behind), _clause(parse, at)
    if noun is None or verb is None or parse.dep[verb] not in _LOOSE:
        return
    if parse.head[verb] != noun and (parse.is_name(noun) or not parse.is_noun(parse.head[verb])):
        parse.hang(verb, noun, "relcl")
    if parse.low[at] != "which" and not parse.is_noun(parse.head[at]):
        parse.hang(at, verb, "advmod")
    for other in range(verb + 1, last):
        if parse.is_verb(other) and parse.head[other] < at and parse.dep[other] in _LOOSE and _goes_on(parse, other, at):
            parse.hang(other, verb, "conj")


def _goes_on(parse: Parse, verb: int, at: int) -> bool:
    """Whether a clause behind "where …" says what there is, too: "and the leader is Z", "and Z is the leader", "and Z is spoken"."""
    own = parse.child(verb, "nsubj", "nsubjpass")
    if own is None and parse.is_noun(verb - 1) and parse.dep[verb - 1] == "conj":
        own = verb - 1
    if own is None or own < at or parse.tag[own] in ("PRP", "WP", "WDT", "DT"):
        return False
    if is_definite(parse, own) and parse.child(own, "prep", "poss") is None:
        return True
    value = parse.child(verb, "attr")
    if value is not None:
        inner = parse.child(value, "prep")
        return parse.low[value] == "one" or (not parse.is_name(value) and inner is None and parse.child(value, "acl", "relcl") is None)
    return parse.dep[own] == "nsubjpass" and not any(kid > verb and parse.dep[kid] in ("prep", "agent") for kid in parse.kids[verb])


def _mend_relative(parse: Parse, at: int) -> None:
    """For "in X, which is led by Y": X is, unless X is but where that was made which "which" means."""
    noun, verb = noun_before(parse, at), _clause(parse, at)
    if verb is not None and parse.low[at - 1] == "and" and parse.dep[verb] in _LOOSE and (first := _relative_before(parse, at)) is not None:
        parse.hang(verb, first, "conj")  # "whose A is B and which is C"
        return
    if noun is None or verb is None or parse.dep[verb] not in _LOOSE:
        return
    if not parse.is_name(noun):
        above = _person_above(parse, noun) if parse.low[at] == "who" else _kind_above(parse, noun) or _counted_above(parse, noun, verb)
        if above is not None:
            parse.hang(verb, above, "relcl")
        return
    if parse.low[at] != "whose" and (owned := _named_by(parse, noun, verb)) is not None:
        parse.hang(verb, owned, "relcl")
        return
    head, dep = parse.head[verb], parse.dep[verb]
    if parse.low[at] == "who":
        if (member := _who(parse, noun, verb)) is not None:
            parse.hang(verb, member, "relcl")
        elif dep != "relcl" or (head < noun and _is_of(parse, noun, head)):
            parse.hang(verb, noun, "relcl")
        return
    if parse.low[verb] in _BUILT and (thing := _standing_in(parse, noun)) is not None:
        parse.hang(verb, thing, "relcl")
    elif dep in ("advcl", "ccomp", "conj") and head < at:
        parse.hang(verb, noun, "relcl")
    elif dep == "relcl" and head < noun and (parse.low[at] != "that" or _is_far_subject(parse, head, noun)):
        parse.hang(verb, noun, "relcl")  # "the manager of X, whose ground is Y": the parser takes the manager, X is meant


def _named_by(parse: Parse, name: int, verb: int) -> int | None:
    """The capital in "the capital of X, which is Y": what Y names is not X, which has a name."""
    link = parse.head[name]
    above, value = parse.head[link], parse.child(verb, "attr")
    if parse.low[link] != "of" or parse.low[verb] not in _BE or value is None or not parse.is_name(value):
        return None
    return above if parse.is_common(above) and is_definite(parse, above) and parse.child(value, "prep", "det") is None else None


def _is_of(parse: Parse, name: int, noun: int) -> bool:
    """Whether a name without an article is whose the noun is: in "the pupil of X who", "who" is X."""
    link = parse.head[name]
    return parse.low[link] == "of" and parse.head[link] == noun and parse.child(name, "det") is None and parse.is_common(noun)


def _is_far_subject(parse: Parse, at: int, noun: int) -> bool:
    return parse.dep[at] in _SUBJECTS and parse.head[at] < noun


def _work_of(parse: Parse, by: int) -> int | None:
    """The album in "is an album of some kind by X, which was recorded": who made a thing is not what was made."""
    above = parse.head[by]
    for _ in range(3):
        if parse.dep[above] in ("attr", "appos") and parse.is_common(above):
            return above
        if (parse.is_verb(above) and parse.dep[above] != "acl") or parse.head[above] == above:
            return None
        above = parse.head[above]
    return None


def _who(parse: Parse, noun: int, verb: int) -> int | None:
    """M in "is a member M of the band X who plays": a band that is called one is no "who"."""
    kind = parse.head[noun] if parse.dep[noun] == "appos" else noun - 1
    if not parse.is_common(kind) or is_role(parse.low[kind]) or parse.low[kind + 1 : noun] or parse.tag[verb] not in ("VBZ", "VBD"):
        return None
    link = parse.head[kind] if parse.dep[noun] == "appos" else parse.head[noun]
    above = parse.head[link]
    return above if parse.dep[link] == "prep" and parse.is_common(above) and parse.dep[above] in ("attr", "appos") else None


def _person_above(parse: Parse, noun: int) -> int | None:
    """The performer in "is a performer of folk music who began": "who" is no music."""
    link = parse.head[noun]
    above = parse.head[link]
    person = parse.dep[noun] == "pobj" and parse.is_common(above) and is_role(parse.low[above]) and parse.dep[above] in ("attr", "appos")
    return above if person and parse.is_common(noun) and not is_role(parse.low[noun]) else None


def _kind_above(parse: Parse, noun: int) -> int | None:
    """The genus in "X is a genus of reptiles that lived": what is said of its kind is said of X."""
    kind = None
    while parse.is_common(noun) and parse.dep[noun] == "pobj" and parse.low[link := parse.head[noun]] == "of":
        noun = parse.head[link]
        if parse.low[noun] not in _KINDS:
            return None
        kind = noun
    return kind if kind is not None and parse.dep[kind] == "attr" else None


def _counted_above(parse: Parse, noun: int, verb: int) -> int | None:
    """The tower in "is a tower of 55 floors that was completed": floors are not completed, and "was" is not said of several."""
    above = parse.head[parse.head[noun]]
    counted = parse.kind[noun] == NUMBER or parse.child(noun, "nummod") is not None
    while parse.dep[above] == "pobj" and parse.is_common(parse.head[parse.head[above]]):
        above = parse.head[parse.head[above]]  # "a tower with a height of 90 metres that was completed"
    if not counted or parse.dep[noun] != "pobj" or not parse.is_common(above) or parse.dep[above] not in ("attr", "appos", "dobj", "pobj"):
        return None
    one = any(parse.low[word] in _OF_ONE for word in (verb, *parse.kids[verb]) if parse.dep[word] in ("relcl", "aux", "auxpass"))
    made = parse.low[verb] in _BUILT and parse.dep[above] in ("attr", "appos")
    return above if (one and parse.tag[noun] == "NNS") or made else None


def _relative_before(parse: Parse, at: int) -> int | None:
    """The verb of the last relative clause before a token of the same sentence."""
    for other in range(at - 1, max(at - 20, 0), -1):
        if parse.low[other] in (".", ";"):
            return None
        if parse.is_verb(other) and parse.dep[other] == "relcl":
            return other
    return None


def _standing_in(parse: Parse, place: int) -> int | None:
    """The hall in "the hall in X, which was built": places are not built where things that stand in them are named."""
    while parse.dep[place] == "conj" and parse.head[place] < place:
        place = parse.head[place]
    link = parse.head[place]
    if parse.dep[place] != "pobj" or parse.low[link] not in _PLACES:
        return _work_of(parse, link) if parse.dep[place] == "pobj" and parse.low[link] == "by" else None
    above = parse.head[link]
    if parse.is_verb(above):
        subject = parse.child(above, "nsubjpass", "nsubj")
        return subject if parse.low[above] in ("located", "situated", "is", "was", "stands") else None
    return above if parse.is_name(above) else None
