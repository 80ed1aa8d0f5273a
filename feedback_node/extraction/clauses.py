"""Verbal clauses: who does what to whom, where and when, and which way round it is kept."""

from __future__ import annotations

from feedback_node.extraction.arguments import arguments, verb_words
from feedback_node.extraction.claims import Mention
from feedback_node.extraction.copulas import read_copula
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import participles, words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import NAMING, PRONOUNS, is_date_or_number, is_definite, members, owners, property_words, same_thing
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import NUMBER
from feedback_node.extraction.subjects import BE, subjects_of
from feedback_node.extraction.values import where_of

_PARTICIPLES = participles()
_PERSON_VERBS = words("person_verbs")
_PLAYED_IN = words("played_in")
_STAYS = frozenset({"located", "situated", "born", "found", "based"})
_PARTS_IN = ("role in", "lead in", "roles in")
_TAKER_VERBS = words("taker_verbs")
_THING_VERBS = words("thing_verbs")


def read_verb(reading: Reading, verb: int) -> None:
    """All claims of the clause that a verb heads."""
    parse = reading.parse
    if parse.dep[verb] in ("aux", "auxpass", "amod", "compound", "prep") or (parse.dep[verb] == "acl" and _is_part_of_noun(reading, verb)):
        return
    subjects = subjects_of(reading, verb)
    place = where_of(reading, verb)
    if parse.low[verb] in BE:
        read_copula(reading, verb, subjects, place)
    else:
        if place is not None and not any(mention == place for mention, _ in subjects):
            _add_place(reading, verb, subjects, place)
        _read_arguments(reading, verb, subjects)
    _read_there(reading, verb, subjects)
    _remember(reading, verb, subjects)


def _is_part_of_noun(reading: Reading, verb: int) -> bool:
    """For "the dish called X" and "the languages spoken in X": the participle leads from a noun to its name or owner."""
    parse = reading.parse
    head = parse.head[verb]
    if (parse.low[verb] in NAMING and parse.is_common(head)) or (parse.low[verb] == "known" and same_thing(parse, head) != head):
        return True
    owned = owners(parse, head) if parse.dep[head] in ("nsubj", "attr", "pobj") and is_definite(parse, head) else None
    return owned is not None and verb < owned[0]


def _read_there(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    """For "Y lives there", "Y comes from there": the last other thing that was spoken of."""
    parse = reading.parse
    for kid in parse.kids[verb]:
        at = kid
        if parse.dep[kid] == "prep" and (inner := parse.child(kid, "pcomp", "advmod", "pobj")) is not None:
            at = inner
        if parse.low[at] == "there" and parse.tag[at] == "RB" and subjects and (place := _there(reading, subjects)) is not None:
            for subject, prefix in subjects:
                here = Mention(place.text, parse.start[at], parse.end[at], at)
                relation = f"{prefix} {verb_words(reading, verb)} there".strip()
                had = _is_had(parse, verb) and not (parse.is_name(subject.at) and parse.low[verb][:4] == "live")
                reading.add(subject, relation, here, "there", verb, (verb, verb), had, parse.low[verb])


def _there(reading: Reading, subjects: list[tuple[Mention, str]]) -> Mention | None:
    place, other = reading.topics.place(subjects[0][0]), reading.topics.other(subjects[0][0])
    return max((one for one in (place, other) if one is not None), key=lambda one: one.start, default=None)


def _remember(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    """The subject of a main clause is what pronouns after it stand for."""
    parse = reading.parse
    if not subjects:
        return
    mention = subjects[0][0]
    passive = parse.low[verb] not in ("born", "married") and parse.child(verb, "nsubjpass") is not None
    if (parse.low[verb] in _PERSON_VERBS and not passive) or (
        parse.low[verb] in BE and any(parse.dep[kid] == "attr" and is_role(parse.low[kid]) for kid in parse.kids[verb])
    ):
        reading.topics.is_person(mention)
    elif parse.low[verb] in _THING_VERBS:
        reading.topics.is_thing(mention)
    if parse.low[verb] in _PARTICIPLES and not passive and parse.child(verb, "dobj") is not None:
        reading.topics.is_maker(mention)
    aside = parse.dep[verb] in ("relcl", "acl") or (parse.dep[verb] == "advcl" and parse.child(verb, "nsubj", "nsubjpass") is not None)
    if not aside and not is_date_or_number(parse, mention.at):
        reading.topics.subject(mention)


def _read_arguments(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    parse = reading.parse
    if _made_for(reading, verb, subjects):
        return
    made: list[tuple[Mention, str]] = []
    changed: list[tuple[Mention, str]] = []
    for at, relation, last, rule in arguments(reading, verb):
        if rule == "object" and _inverted(reading, verb, at, relation, subjects):
            continue
        for member in _things(parse, at, rule):
            loose = rule in ("prepositional", "object-of") and subjects
            target = reading.thing(member, subjects[0][0]) if loose else reading.name(member)
            if rule == "stranded":
                target = reading.referent(member)
            if target is None:
                continue
            if parse.tag[member] in PRONOUNS and subjects and target.text == subjects[0][0].text and parse.low[member][-4:] != "self":
                # what a clause does to "it" it does not do to its own subject
                if (apart := reading.topics.other(subjects[0][0])) is None:
                    continue
                target = target._replace(text=apart.text)
            if rule == "object" and not parse.is_common(at):
                changed.append((target, ""))
            becomes = changed if rule == "prepositional" and parse.low[last] == "into" else []  # "turned X into Y": X is Y now
            if parse.low[verb] in NAMING and rule == "complement" and any(prefix for _, prefix in subjects):
                for subject, prefix in subjects:  # "the currency of X is called Y"
                    reading.add(subject, prefix, target, "property", verb, (verb, last))
                continue
            for subject, prefix in becomes or (made if rule != "object" and made else subjects):
                if _add(reading, subject, f"{prefix} {relation}".strip(), target, rule, verb, last):
                    made.append((target, ""))


def _things(parse: Parse, at: int, rule: str) -> list[int]:
    """The heads of a list beside a verb: "by X and Y", and the names behind its noun, "the books X and Y"."""
    named = same_thing(parse, at)
    if rule == "object" and parse.is_common(at):
        return members(parse, named) if named != at else [at]
    return list(dict.fromkeys([*members(parse, at), *(members(parse, named)[1:] if named != at else [])]))


def _add(reading: Reading, subject: Mention, relation: str, target: Mention, rule: str, verb: int, last: int) -> bool:
    """Keep the claim, turned where the object is what has the property ("X wrote Y"): True for that, where the object is new."""
    parse = reading.parse
    passive = relation.endswith(" by")
    number = parse.kind[target.at] == NUMBER  # "made 12 million"
    if rule in ("prepositional", "object-of") and relation.endswith(_PARTS_IN):
        reading.topics.is_person(subject)
        reading.add(subject, relation, target, "played-in", verb, (verb, last), True, relation.removesuffix(" in"))
    elif rule == "object" and parse.low[verb] in _PARTICIPLES and not parse.is_common(target.at) and not number:
        reading.topics.is_thing(target)
        reading.add(subject, relation, target, "maker", verb, (verb, last), True, f"{_PARTICIPLES[parse.low[verb]]} by")
        return True
    elif rule == "prepositional" and parse.low[verb] in _PLAYED_IN and relation.endswith(f"{parse.low[verb]} in"):
        if parse.low[verb][:4] == "star":
            reading.topics.is_person(subject)
        reading.add(subject, relation, target, "played-in", verb, (verb, last), True, parse.low[verb])
    elif passive and parse.low[verb] in _TAKER_VERBS and not parse.is_common(target.at):
        reading.add(subject, relation, target, "taker", verb, (verb, last), True, relation.removesuffix(" by"))
    else:
        if passive and (parse.low[verb] in _PARTICIPLES or parse.low[verb] in _THING_VERBS):
            reading.topics.is_thing(subject)
            if " " in target.text:
                reading.topics.is_person(target)
        reading.add(subject, relation, target, rule, verb, (verb, last))
    return False


def _made_for(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> bool:
    """For "Y composed the music for X": (X, composed the music by, Y)."""
    parse = reading.parse
    made = parse.child(verb, "dobj")
    if parse.low[verb] not in _PARTICIPLES or made is None or not parse.is_common(made) or parse.child(made, "nummod") is not None:
        return False
    for kid in [*parse.kids[made], *parse.kids[verb]]:
        if parse.dep[kid] == "prep" and kid > made and parse.low[kid] in ("for", "of"):
            inner = parse.child(kid, "pobj")
            if inner is not None and (parse.is_name(inner) or parse.tag[inner] in PRONOUNS):
                noun = property_words(parse, made)
                for member in members(parse, inner):
                    whole = reading.name(member)
                    if whole is None:
                        continue
                    for subject, _ in subjects:
                        relation = f"{parse.low[verb]} {noun}"
                        reading.add(subject, f"{relation} {parse.low[kid]}", whole, "maker-of", verb, (verb, kid), True, f"{relation} by")
                return True
    return False


def _inverted(reading: Reading, verb: int, at: int, relation: str, subjects: list[tuple[Mention, str]]) -> bool:
    """For "Y composed the music", said of X before: (X, composed the music by, Y)."""
    parse = reading.parse
    topic = reading.topics.current
    if topic is None or parse.low[verb] not in _PARTICIPLES or same_thing(parse, at) != at:
        return False
    if not is_definite(parse, at) and parse.child(at, "poss") is None:
        return False
    owned = owners(parse, at)
    if owned is not None:
        if parse.tag[owned[0]] not in PRONOUNS:
            return False
    elif not is_definite(parse, at) or reading.topics.noun(parse.low[at]):
        return False
    done = False
    for subject, _ in subjects:
        if subject.text != topic.text:
            noun = property_words(parse, at)
            reading.add(subject, f"{relation} the {noun} of", topic, "topic", verb, (verb, at), True, f"{relation} {noun} by")
            done = True
    return done


def _add_place(reading: Reading, verb: int, subjects: list[tuple[Mention, str]], place: Mention) -> None:
    """For "Y, where English is spoken": Y has the clause's subject; other clauses happen in Y."""
    parse = reading.parse
    for subject, prefix in subjects:
        relation = f"{prefix} {verb_words(reading, verb)} in".strip()
        reading.add(subject, relation, place, "where", verb, (verb, verb), _is_had(parse, verb), parse.low[verb])


def _is_had(parse: Parse, verb: int) -> bool:
    """Whether a place has what a clause says to be there: the language that is spoken there, not the house that stands there."""
    passive = parse.child(verb, "nsubjpass") is not None or parse.child(verb, "auxpass") is not None
    return parse.low[verb] in ("live", "lives") or (passive and parse.low[verb] not in _STAYS)
