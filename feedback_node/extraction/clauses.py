"""Verbal clauses: who does what to whom, where and when; passives, participles, relative clauses and shared subjects."""

from __future__ import annotations

from collections.abc import Iterator

from feedback_node.extraction import nouns
from feedback_node.extraction.claims import Mention
from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import MAX_DEPTH, NAMING, PRONOUNS, is_bare, is_definite, members, owners
from feedback_node.extraction.reading import Reading
from feedback_node.extraction.spans import NUMBER

_MAKER_VERBS = words("maker_verbs")
_PERSON_VERBS = words("person_verbs")
_PLAYED_IN = words("played_in")
_TAKER_VERBS = words("taker_verbs")
_THING_VERBS = words("thing_verbs")

BE = frozenset({"is", "was", "are", "were", "be", "been", "being", "'s", "’s", "am"})
_HAVE = frozenset({"has", "have", "had", "having"})
_HAVE_ROLE = _HAVE | {"use", "uses", "used"}
_SHARES_SUBJECT = frozenset({"conj", "xcomp", "advcl", "ccomp", "pcomp", "dep", "parataxis"})
_NOT_ARGUMENTS = frozenset({"according", "due", "because", "despite", "like"})


def read_verb(reading: Reading, verb: int) -> None:
    """All claims of the clause that a verb heads."""
    parse = reading.parse
    if parse.dep[verb] in ("aux", "auxpass", "amod", "compound", "prep") or (parse.dep[verb] == "acl" and _is_part_of_noun(reading, verb)):
        return
    subjects = subjects_of(reading, verb)
    place = nouns.where_of(reading, verb)
    if parse.low[verb] in BE:
        nouns.read_copula(reading, verb, subjects, place)
    else:
        if place is not None and not any(mention == place for mention, _ in subjects):
            _add_place(reading, verb, subjects, place)
        _read_arguments(reading, verb, subjects)
    _read_there(reading, verb, subjects)
    _remember(reading, verb, subjects)


def _is_part_of_noun(reading: Reading, verb: int) -> bool:
    """ "the dish called X" and "the languages spoken in X": the participle leads from a noun to its name or owner."""
    parse = reading.parse
    head = parse.head[verb]
    if (parse.low[verb] in NAMING and parse.is_common(head)) or (parse.low[verb] == "known" and nouns.same_thing(parse, head) != head):
        return True
    owned = owners(parse, head) if parse.dep[head] in ("nsubj", "attr", "pobj") and is_definite(parse, head) else None
    return owned is not None and verb < owned[0]


def _read_there(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    """ "Y lives there", "Y comes from there": the last other thing that was spoken of."""
    parse = reading.parse
    for kid in parse.kids[verb]:
        at = kid
        if parse.dep[kid] == "prep" and (inner := parse.child(kid, "pcomp", "advmod", "pobj")) is not None:
            at = inner
        if parse.low[at] == "there" and parse.tag[at] == "RB" and subjects and (place := reading.topics.other(subjects[0][0])) is not None:
            for subject, prefix in subjects:
                here = Mention(place.text, parse.start[at], parse.end[at], at)
                reading.add(subject, f"{prefix} {verb_words(reading, verb)} there".strip(), here, "there", verb, (verb, verb))


def _remember(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    """The subject of a main clause is what pronouns after it stand for."""
    parse = reading.parse
    if not subjects:
        return
    mention = subjects[0][0]
    if parse.low[verb] in _PERSON_VERBS or (
        parse.low[verb] in BE and any(parse.dep[kid] == "attr" and is_role(parse.low[kid]) for kid in parse.kids[verb])
    ):
        reading.topics.is_person(mention)
    elif parse.low[verb] in _THING_VERBS:
        reading.topics.is_thing(mention)
    aside = parse.dep[verb] in ("relcl", "acl") or (parse.dep[verb] == "advcl" and parse.child(verb, "nsubj", "nsubjpass") is not None)
    if not aside:
        reading.topics.subject(mention)


def subjects_of(reading: Reading, verb: int, depth: int = 0) -> list[tuple[Mention, str]]:
    """The things a clause is about, each with the property words that lead to it ("X's construction began": X, "construction")."""
    if verb in reading.subjects:
        return reading.subjects[verb]
    parse = reading.parse
    own = parse.child(verb, "nsubj", "nsubjpass")
    if own is None:
        own = _subject_on_the_left(reading, verb)
    if own is not None and (shared := _after_complement(reading, verb, own)) is not None:
        own = shared
    place = nouns.where_of(reading, verb) if own is not None and is_bare(parse, own) else None
    if own is not None and place is not None:
        found = [(place, nouns.property_words(parse, own))]
    elif own is not None:
        found = [pair for at in members(parse, own) if (pair := subject_at(reading, at)) is not None]
    else:
        found = _inherited(reading, verb, depth)
    reading.subjects[verb] = found
    return found


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
    if parse.tag[verb] not in ("VBZ", "VBD", "VBP"):
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
    owned = owners(parse, at)
    if owned is not None:
        named = parse.child(at, "appos")
        if named is not None and parse.is_name(named):
            mention = reading.name(named)
            return (mention, "") if mention else None
        mention = reading.owner(owned[0])
        return (mention, owned[1]) if mention else None
    event = (
        parse.low[at].endswith("tion") and not parse.kids[at] and parse.is_common(at + 0)
        if parse.text[parse.start[at]].islower()
        else (parse.low[at].endswith("tion") and parse.tag[at] == "NN" and not parse.kind[at] and not parse.kids[at])
    )
    if event or (is_definite(parse, at) and nouns.same_thing(parse, at) == at):
        known = reading.topics.noun(parse.low[at])
        topic = known or (reading.topics.described(parse.low[at]) if is_bare(parse, at) else reading.topics.current)
        if topic is not None and topic.text[0].isupper():
            mention = Mention(topic.text, parse.start[at], parse.end[at], at)
            return mention, "" if known else nouns.property_words(parse, at)
    resolved = reading.name(at)
    return (resolved, "") if resolved else None


def _read_arguments(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> None:
    parse = reading.parse
    if _made_for(reading, verb, subjects):
        return
    made: list[tuple[Mention, str]] = []
    for at, relation, last, rule in _arguments(reading, verb):
        if rule == "object" and _inverted(reading, verb, at, relation, subjects):
            continue
        for member in [at] if rule == "object" and parse.is_common(at) else members(parse, at):
            loose = rule in ("prepositional", "object-of") and subjects
            target = reading.thing(member, subjects[0][0]) if loose else reading.name(member)
            if rule == "stranded":
                target = reading.referent(member)
            if target is None:
                continue
            for subject, prefix in made if rule != "object" and made else subjects:
                if _add(reading, subject, f"{prefix} {relation}".strip(), target, rule, verb, last):
                    made.append((target, ""))


def _add(reading: Reading, subject: Mention, relation: str, target: Mention, rule: str, verb: int, last: int) -> bool:
    """Keep the claim, turned where the object is what has the property ("X wrote Y"): True for that, where the object is new."""
    parse = reading.parse
    passive = relation.endswith(" by")
    if rule == "object" and parse.low[verb] in _MAKER_VERBS and not parse.is_common(target.at):
        reading.topics.is_thing(target)
        reading.add(subject, relation, target, "maker", verb, (verb, last), True, f"{parse.low[verb]} by")
        return True
    elif rule == "prepositional" and parse.low[verb] in _PLAYED_IN and relation.endswith(f"{parse.low[verb]} in"):
        reading.add(subject, relation, target, "played-in", verb, (verb, last), True, parse.low[verb])
    elif passive and parse.low[verb] in _TAKER_VERBS:
        reading.add(subject, relation, target, "taker", verb, (verb, last), True, relation.removesuffix(" by"))
    else:
        if passive and (parse.low[verb] in _MAKER_VERBS or parse.low[verb] in _THING_VERBS):
            reading.topics.is_thing(subject)
            if " " in target.text:
                reading.topics.is_person(target)
        reading.add(subject, relation, target, rule, verb, (verb, last))
    return False


def _made_for(reading: Reading, verb: int, subjects: list[tuple[Mention, str]]) -> bool:
    """ "Y composed the music for X": (X, composed the music by, Y)."""
    parse = reading.parse
    made = parse.child(verb, "dobj")
    if parse.low[verb] not in _MAKER_VERBS or made is None or not parse.is_common(made):
        return False
    for kid in [*parse.kids[made], *parse.kids[verb]]:
        if parse.dep[kid] == "prep" and kid > made and parse.low[kid] in ("for", "of"):
            inner = parse.child(kid, "pobj")
            if inner is not None and (parse.is_name(inner) or parse.tag[inner] in PRONOUNS):
                noun = nouns.property_words(parse, made)
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
    """ "Y composed the music", said of X before: (X, composed the music by, Y)."""
    parse = reading.parse
    topic = reading.topics.current
    if topic is None or parse.low[verb] not in _MAKER_VERBS or (not is_definite(parse, at) and parse.child(at, "poss") is None):
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
            noun = nouns.property_words(parse, at)
            reading.add(subject, f"{relation} the {noun} of", topic, "topic", verb, (verb, at), True, f"{relation} {noun} by")
            done = True
    return done


def _add_place(reading: Reading, verb: int, subjects: list[tuple[Mention, str]], place: Mention) -> None:
    """ "Y, where English is spoken": Y has the clause's subject; other clauses happen in Y."""
    parse = reading.parse
    for subject, prefix in subjects:
        relation = f"{prefix} {verb_words(reading, verb)} in".strip()
        turned = parse.low[verb] in ("live", "lives") or (
            parse.child(verb, "nsubjpass") is not None and parse.low[verb] not in ("located", "situated", "born", "found", "based")
        )
        reading.add(subject, relation, place, "where", verb, (verb, verb), turned, parse.low[verb])


def verb_words(reading: Reading, verb: int) -> str:
    """The words of a verb with its auxiliaries and particle: "was born", "is made up"."""
    parse = reading.parse
    before = [parse.low[kid] for kid in parse.kids[verb] if kid < verb and parse.dep[kid] in ("aux", "auxpass", "neg")]
    after = [parse.low[kid] for kid in parse.kids[verb] if kid > verb and parse.dep[kid] == "prt"]
    return " ".join([*before, parse.low[verb], *after])


def _arguments(reading: Reading, verb: int) -> Iterator[tuple[int, str, int, str]]:
    """(head of the phrase, relation words, last token of the relation, rule) for each thing the verb links its subject to."""
    parse = reading.parse
    base = verb_words(reading, verb)
    noun = ""
    for kid in parse.kids[verb]:
        dep = parse.dep[kid]
        if (dep in ("dobj", "oprd", "attr", "dative") and parse.low[kid] not in ("which", "that")) or (dep == "dobj" and kid > verb):
            if parse.low[verb] in _HAVE_ROLE and dep == "dobj" and (role := _role(reading, verb)) is not None:
                yield kid, f"{base} as {role}", verb, "role"
            elif parse.is_common(kid) and dep == "dobj":
                noun = " " + nouns.property_words(parse, kid)
                yield from _object(reading, verb, kid, base)
            elif parse.tag[kid] == "IN":
                yield from _prepositional(reading, kid, base)
            else:
                yield kid, base, verb, "object" if dep in ("dobj", "dative") else "complement"
        elif dep in ("dobj", "pobj"):
            yield kid, base, verb, "object"
        elif dep in ("prep", "agent"):
            if parse.low[kid] not in _NOT_ARGUMENTS and not (parse.low[kid] == "as" and _role(reading, verb)):
                yield from _prepositional(reading, kid, base + noun)
        elif dep in ("advmod", "advcl", "ccomp", "npadvmod") and kid > verb and parse.kind[kid] in ("name", "quote"):
            yield kid, base, verb, "object"
        elif dep == "npadvmod" and (parse.kind[kid] or parse.tag[kid] == "CD"):
            yield kid, base + noun, verb, "adverbial"
        elif dep == "acomp" or (dep == "advmod" and parse.tag[kid] == "JJ"):
            for inner in parse.kids[kid]:
                if parse.dep[inner] == "prep":
                    yield from _prepositional(reading, inner, f"{base} {parse.low[kid]}")
                elif parse.dep[inner] == "npadvmod" and parse.is_noun(inner):
                    yield inner, f"{base} {parse.low[kid]}", kid, "measure"


def _role(reading: Reading, verb: int) -> str | None:
    """`manager` in "has Y as its manager": the object is what the subject has in that role."""
    parse = reading.parse
    if parse.low[verb] not in _HAVE_ROLE or parse.child(verb, "dobj") is None:
        return None
    for kid in parse.kids[verb]:
        if parse.dep[kid] == "prep" and parse.low[kid] == "as" and (inner := parse.child(kid, "pobj")) is not None:
            if parse.low[inner] == "one" and (link := parse.child(inner, "prep")) is not None:
                inner = parse.child(link, "pobj") or inner
            return nouns.property_words(parse, inner)
    return None


def _object(reading: Reading, verb: int, at: int, base: str) -> Iterator[tuple[int, str, int, str]]:
    """A common noun as object: "has a population of 5,000" and "has its seat in Y" link to what the noun's preposition brings."""
    parse = reading.parse
    lone: list[int] = []
    own_poss = any(parse.dep[kid] == "poss" and parse.tag[kid] == "PRP$" for kid in parse.kids[at])
    noun = nouns.property_words(parse, at)
    have = parse.low[verb] in _HAVE
    owned = parse.child(at, "poss") is not None
    named = nouns.same_thing(parse, at)
    if named != at and have:
        yield named, f"{base} {noun}", at, "object-of"
        return
    for member in members(parse, at):
        own_link = False
        member_noun = noun if member == at else nouns.property_words(parse, member)
        for kid in parse.kids[member]:
            if (
                parse.dep[kid] == "prep"
                and kid > member
                and (parse.low[kid] != "of" or have or _is_number(parse, kid))
                and nouns.same_thing(parse, member) == member
            ):
                for inner in parse.kids[kid]:
                    if parse.dep[inner] == "pobj" and (nouns.names_value(reading, inner) or parse.low[kid] == "of" or (have and owned)):
                        own_link = True
                        yield inner, f"{base} {member_noun} {parse.low[kid]}", kid, "object-of"
        if not own_link or not (have or own_poss or any(parse.low[kid] in ("a", "an") for kid in parse.kids[member])):
            lone.append(member)
    if own_poss and any(parse.dep[kid] == "prep" and kid > at for kid in parse.kids[verb]):
        return
    for member in lone:
        yield member, base, verb, "object"


def _is_number(parse: Parse, prep: int) -> bool:
    inner = parse.child(prep, "pobj")
    return inner is not None and (parse.kind[inner] == NUMBER or parse.tag[inner] == "CD")


def _prepositional(reading: Reading, prep: int, base: str, depth: int = 0) -> Iterator[tuple[int, str, int, str]]:
    """The objects of a preposition, and of one that hangs on it ("from Texas to Ohio", "in a town in Texas")."""
    parse = reading.parse
    relation = f"{base} {parse.low[prep]}"
    rule = "agent" if parse.dep[prep] == "agent" or parse.low[prep] == "by" else "prepositional"
    for kid in parse.kids[prep] if depth < MAX_DEPTH else ():
        if parse.dep[kid] == "pobj":
            if rule == "prepositional" and parse.low[prep] == "with" and (parts := list(nouns.measures(reading, kid))):
                yield from ((value, f"has {noun} of", at, "with") for value, noun, at in parts)
                continue
            if parse.low[kid] != "time":
                yield kid, relation, prep, rule
            if parse.is_common(kid) and (not is_definite(parse, kid) or parse.low[kid] == "time"):
                for link in parse.kids[kid]:
                    if parse.dep[link] == "prep" and parse.low[link] != "of":
                        yield from _prepositional(reading, link, f"{relation} {parse.low[kid]}", depth + 1)
        elif parse.dep[kid] == "prep":
            yield from _prepositional(reading, kid, base, depth + 1)
    if not parse.kids[prep] and parse.dep[parse.head[prep]] == "relcl" and depth == 0:
        # "the country X comes from": what the clause hangs on
        yield parse.head[parse.head[prep]], relation, prep, "stranded"
