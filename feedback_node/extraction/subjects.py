"""Whom a clause is about: its own subject, the one it shares with another clause, or the noun that it hangs on."""

from __future__ import annotations

from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.phrases import PRONOUNS, is_bare, is_definite, members, owners, property_words, same_thing
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import NUMBER
from feedback_node.extraction.values import where_of

BE = frozenset({"is", "was", "are", "were", "be", "been", "being", "'s", "’s", "am"})
"""Forms of "to be"."""
_SHARES_SUBJECT = frozenset({"conj", "xcomp", "advcl", "ccomp", "pcomp", "dep", "parataxis"})
_PARTS = words("part_nouns") | words("kinds") | {"serving", "portion", "variations", "variants", "versions", "ingredients", "languages"}
_TELLING = frozenset({"include", "includes", "included", "contain", "contains", "contained", "comprise", "comprises", "called", "named"})
_FINITE = ("VBZ", "VBD", "VBP")


def subjects_of(reading: Reading, verb: int, depth: int = 0) -> list[tuple[Mention, str]]:
    """The things a clause is about, each with the property words that lead to it ("X's construction began": X, "construction")."""
    if verb in reading.subjects:
        return reading.subjects[verb]
    parse = reading.parse
    own = parse.child(verb, "nsubj", "nsubjpass")
    if (
        own is not None
        and own + 1 < verb
        and parse.is_common(own)
        and parse.dep[own + 1] in ("nsubj", "nsubjpass")
        and parse.is_name(own + 1)
    ):
        own += 1  # "the dish Batchoy" taken for two subjects
    if own is None:
        own = _subject_on_the_left(reading, verb)
    if own is not None and (shared := _after_complement(reading, verb, own)) is not None:
        own = shared
    place = where_of(reading, verb) if own is not None and _is_property_there(reading, verb, own) else None
    if own is not None and place is not None:
        found = [(place, property_words(parse, own))]
    elif own is not None and is_definite(parse, own) and owners(parse, own) is None and where_of(reading, verb) is not None:
        found = [(mention, "")] if (mention := reading.name(own)) is not None else []  # "where the X language is spoken"
    elif own is not None:
        found = [pair for at in members(parse, own) if (pair := subject_at(reading, at)) is not None]
    else:
        found = _inherited(reading, verb, depth)
    reading.subjects[verb] = found
    return found


def _is_property_there(reading: Reading, verb: int, own: int) -> bool:
    """For "where the ethnic groups include X": a property of the place; in "where the euro is used" the euro is only what is there."""
    parse = reading.parse
    if not is_definite(parse, own) or parse.child(own, "prep", "poss", "acl", "relcl", "appos") is not None:
        return False
    takes = any(kid > verb and parse.dep[kid] in ("prep", "agent", "oprd", "dobj", "attr", "acomp") for kid in parse.kids[verb])
    return is_bare(parse, own) if parse.low[verb] in BE else takes and parse.low[own] not in ("people",)


def _after_complement(reading: Reading, verb: int, own: int) -> int | None:
    """In "the leader is Y and Z lives there" the parser may take "Y and Z" for the subject of "lives": it is Z."""
    parse = reading.parse
    before = own - 1
    if before >= 0 and parse.dep[before] == "det":
        before -= 1
    second = parse.child(own, "conj")
    if before < 0 or second is None or parse.low[before] not in BE or parse.child(before, "nsubj") is None or second > verb:
        return None
    return second


def _subject_on_the_left(reading: Reading, verb: int) -> int | None:
    """The noun right before a finite verb, where the parse made it a conjunct of what came before."""
    parse = reading.parse
    loose = parse.child(verb, "dep")
    if loose is not None and loose < verb and parse.is_noun(loose):
        return loose
    if parse.tag[verb] not in _FINITE:
        return None
    at = verb - 1
    while at > 0 and parse.tag[at] in ("RB", "MD"):
        at -= 1
    while at >= 0 and parse.dep[at] in ("pobj", "prep") and parse.head[at] < at and parse.is_noun(at):
        at = parse.head[parse.head[at]]
    if at >= 0 and parse.dep[at] == "conj" and parse.is_noun(at) and parse.low[at - 1] != ",":
        return at
    return None


def _inherited(reading: Reading, verb: int, depth: int) -> list[tuple[Mention, str]]:
    parse = reading.parse
    head, dep = parse.head[verb], parse.dep[verb]
    clause = parse.child(verb, "csubj", "csubjpass")
    if depth > 8:
        return []
    if clause is not None and parse.is_verb(clause):
        return subjects_of(reading, clause, depth + 1)
    if dep in ("acl", "relcl"):
        referent = None if parse.tag[verb] == "VB" else reading.referent(head)
        same = reading.subjects.get(parse.head[head]) if parse.dep[head] == "attr" else None
        if referent is not None and same is not None and len(same) > 1 and same[0][0] == referent:
            return same  # "A and B were both novels written by Y"
        return [(referent, "")] if referent else []
    if dep in _SHARES_SUBJECT and head != verb:
        if dep == "pcomp" or not parse.is_verb(head):
            head = parse.head[head]
        if parse.is_verb(head) and head != verb:
            return subjects_of(reading, head, depth + 1)
        if parse.is_noun(head) and dep in ("conj", "advcl", "pcomp", "xcomp", "ccomp", "dep"):
            referent = reading.referent(head)
            return [(referent, "")] if referent else []
    if dep == "ROOT" and parse.tag[verb] in ("VBN", "VBD", "VBZ") and reading.topics.current is not None:
        return [(reading.topics.current, "")]
    return []


def subject_at(reading: Reading, at: int) -> tuple[Mention, str] | None:
    """What a subject's phrase is about: its owner where it names a property, the topic for "the city", itself otherwise."""
    parse = reading.parse
    if parse.low[at] == "one" and (link := parse.child(at, "prep")) is not None and parse.low[link] == "of":
        inner = parse.child(link, "pobj")
        at = inner if inner is not None and parse.is_common(inner) else at  # "one of its parts"
    owned = None if _is_doer(reading, at) else owners(parse, at)
    if owned is not None:
        named = parse.child(at, "appos")
        if named is not None and parse.is_name(named):
            mention = reading.name(named)
            return (mention, "") if mention else None
        mention = reading.owner(owned[0])
        return (mention, owned[1]) if mention else None
    named = parse.child(at, "appos")
    if named is not None and parse.is_name(named) and is_definite(parse, at) and same_thing(parse, at) == at:
        mention = reading.name(named)  # "the manager, X, is"
        return (mention, "") if mention else None
    # "Construction began in 1990", said of what was spoken of before
    event = parse.low[at].endswith("tion") and parse.tag[at] == "NN" and not parse.kind[at] and not parse.kids[at]
    if event or (is_definite(parse, at) and same_thing(parse, at) == at):
        known = reading.topics.noun(parse.low[at])
        topic = known or (reading.topics.described(parse.low[at]) if is_bare(parse, at) else reading.topics.current)
        if topic is not None and (not topic.text[0].islower() or parse.low[at - 1] == "this"):
            mention = Mention(topic.text, parse.start[at], parse.end[at], at)
            return mention, "" if known or parse.low[at - 1] == "this" else property_words(parse, at)
    resolved = reading.name(at)
    return (resolved, "") if resolved else None


def _is_doer(reading: Reading, at: int) -> bool:
    """Whether a clause is about a noun, not whose it is: "an earthquake of size 6 struck Y", "the roots of the plant take up Y".

    "The ingredients of X include Y" and "the price of X rose to 5 euros" tell of X.
    """
    parse = reading.parse
    verb = parse.head[at]
    if parse.low[verb] in BE or parse.dep[at] not in ("nsubj", "nsubjpass") or parse.child(at, "poss", "acl", "appos") is not None:
        return False
    if parse.low[at] in _PARTS or parse.low[verb] in _TELLING or (link := parse.child(at, "prep")) is None:
        return False
    owner, det, target = parse.child(link, "pobj"), parse.child(at, "det"), parse.child(verb, "dobj")
    if owner is None or parse.tag[owner] in PRONOUNS:
        return False
    if (parse.low[det] in ("a", "an")) if det is not None else parse.tag[at] == "NNS":
        return True
    acts = target is not None and parse.kind[target] != NUMBER
    if not parse.is_common(at) or not (acts or any(parse.low[kid] == "as" for kid in parse.kids[verb])):
        return False
    return is_role(parse.low[at]) or (parse.is_common(owner) and same_thing(parse, owner) == owner)
