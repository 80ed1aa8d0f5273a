"""Subjects that a small parser loses or takes from another clause, given back to their verbs."""

from __future__ import annotations

from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import NAMING, is_definite

_BE = frozenset({"is", "was", "are", "were"})
_FINITE = frozenset({"VBZ", "VBD", "VBP"})
_OPENERS = words("openers") | {
    "there",
    "here",
    "then",
    "thus",
    "so",
    "often",
    "first",
    "second",
    "third",
    "last",
    "next",
    "later",
    "soon",
    "never",
    "ever",
    "always",
}
_NOT_SUBJECTS = frozenset({"intj", "advmod", "npadvmod", "dep", "nmod", "oprd", "attr", "advcl", "ROOT"})
_VERB_FORMS = words("verb_forms")
_TIMES = words("times")
_OPENING_CLASSES = frozenset({"nsubj", "nsubjpass", "npadvmod", "advcl", "dep"})
_SUBJECTS = ("nsubj", "nsubjpass", "csubj", "expl")


def mend_subjects(parse: Parse) -> None:
    """Mend heads in place, sentence by sentence."""
    for first, last in parse.sentences:
        for at in range(first + 1, last):
            if parse.low[at] in _VERB_FORMS or (parse.tag[at] in _FINITE and parse.dep[at] == "conj"):
                _mend_second_verb(parse, at)
        for at in range(first + 1, last):
            if parse.tag[at] in _FINITE:
                _mend_opening_class(parse, _main(parse, at), first)
                _mend_subject(parse, at, first)
                _mend_stolen(parse, at)
            elif parse.low[at] in (",", "(") and at > first and parse.kind[at - 1] == "name":
                _mend_apart(parse, at - 1, first)
                _mend_aside(parse, at - 1)


def _main(parse: Parse, verb: int) -> int:
    return parse.head[verb] if parse.dep[verb] in ("aux", "auxpass") else verb


def _mend_opening_class(parse: Parse, verb: int, first: int) -> None:
    """In "A member of the X, Y was born" the name nearer the verb is the subject, and what the sentence opens with says what it is."""
    before = [kid for kid in parse.kids[verb] if kid < verb and parse.dep[kid] in _OPENING_CLASSES and parse.is_noun(kid)]
    if len(before) != 2 or not parse.is_verb(verb):
        return
    noun, name = before
    det = parse.child(noun, "det")
    edge = min([name, *(kid for kid in parse.kids[name] if kid < name)])
    if (
        det == first
        and parse.low[det] in ("a", "an", "the")
        and parse.is_common(noun)
        and parse.low[noun] not in _TIMES
        and parse.is_name(name)
        and parse.dep[name] in ("nsubj", "nsubjpass")
        and parse.low[edge - 1] == ","
        and not (parse.is_name(edge - 2) and parse.low[parse.head[edge - 2]] in ("in", "at", "near"))  # "in Chicago, Illinois"
    ):
        parse.hang(noun, name, "appos")


def _mend_subject(parse: Parse, verb: int, first: int) -> None:
    """In "Elliot See attended the college" and "X is Y and the leader is Z" the noun right before a finite verb is its subject."""
    noun = verb - 1
    main = _main(parse, verb)
    present = parse.tag[verb] == "VBZ" or parse.low[verb] in _BE
    if noun == first and present and _is_unknown_word(parse, noun) and parse.child(main, *_SUBJECTS) is None:
        parse.tag[noun], parse.dep[noun] = "NNP", "nsubj"
        return
    if not parse.is_noun(noun) or not parse.is_verb(main):
        return
    if main != verb and main < verb and parse.child(verb, "attr") is not None:
        _mend_second(parse, verb, noun)
        return
    if parse.child(main, *_SUBJECTS) is not None:
        _mend_from(parse, main, noun, first)
        return
    opens = noun == first or (noun == first + 1 and parse.dep[first] == "det")
    if opens and parse.kind[noun] == "name" and parse.head[noun] == main and parse.dep[noun] in _NOT_SUBJECTS:
        parse.hang(noun, main, "nsubj")
        return
    _mend_second(parse, verb, noun)


def _is_unknown_word(parse: Parse, at: int) -> bool:
    """For "Batchoy is a dish": a name that the tagger takes for an adverb."""
    loose = parse.tag[at] in ("RB", "JJ", "UH", "FW") and parse.cased[at] and parse.dep[at] in _NOT_SUBJECTS
    return loose and parse.low[at] not in _OPENERS and not parse.low[at].endswith("ly")


def _mend_second_verb(parse: Parse, at: int) -> None:
    """In "was written by X and stars Y" the verb behind "and" is the clause's, not X's, and Y is what it takes."""
    name = at + 1
    taken = name < len(parse.low) and parse.is_name(name)
    if not parse.is_verb(at) and not (taken and parse.dep[at] == "ROOT"):
        return
    if parse.dep[at] == "ROOT":
        parse.tag[at] = "VBZ"
        return
    listed = parse.dep[at] in ("compound", "nmod", "amod") and taken and parse.head[at] == name and parse.dep[name] == "conj"
    if parse.low[at - 1] not in ("and", ",") or not (listed or parse.dep[at] == "conj") or parse.child(at, *_SUBJECTS) is not None:
        return
    verb = first = parse.head[name] if listed else parse.head[at]
    if not parse.is_noun(verb) or parse.dep[verb] in _SUBJECTS:
        return
    while not parse.is_verb(verb) and parse.head[verb] != verb:
        verb = parse.head[verb]
    if not parse.is_verb(verb) or verb > at:
        return
    if not listed and taken and parse.head[first] == name and parse.dep[first] in ("nmod", "compound"):
        parse.hang(first, parse.head[name], parse.dep[name])  # "by X and stars Y" taken for one name
        listed = True
    parse.hang(at, verb, "conj")
    if listed:
        parse.hang(name, at, "dobj")


def _mend_second(parse: Parse, verb: int, noun: int) -> None:
    """In "is X and the leader is Y" and "was made by X and its owner is Y" the second noun is no more of the first: it is a subject."""
    edge = min([noun, *parse.kids[noun]])
    while parse.kids[edge] and parse.kids[edge][0] < edge:
        edge = parse.kids[edge][0]
    if parse.dep[noun] != "conj" or parse.head[noun] >= edge or parse.low[edge - 1] != "and" or parse.low[verb] not in _BE:
        return
    if not (is_definite(parse, noun) or parse.child(noun, "poss") is not None) or parse.child(verb, "attr", "acomp") is None:
        return
    before = [kid for kid in parse.kids[verb] if kid < edge]
    left = next((kid for kid in before if parse.is_verb(kid)), None)
    if parse.dep[verb] == "ROOT":
        if left is None:
            return
        parse.hang(left, left, "ROOT")
        parse.hang(verb, left, "conj")
    elif parse.dep[verb] in ("aux", "auxpass"):
        parse.dep[verb] = "conj"
    parse.hang(noun, verb, "nsubj")
    if left is not None:
        for kid in before:
            if kid != left:
                parse.hang(kid, left, parse.dep[kid])


def _mend_from(parse: Parse, verb: int, near: int, first: int) -> None:
    """In "X from the band Y plays" the band is Y, and X plays."""
    link = first + 1
    if parse.kind[first] != "name" or parse.head[first] != verb or parse.dep[first] not in _NOT_SUBJECTS or parse.tag[link] != "IN":
        return
    kind = parse.child(link, "pobj")
    if kind == near - 1 and parse.head[link] == first and parse.dep[near] in ("nsubj", "nsubjpass") and parse.is_common(kind):
        parse.hang(first, verb, parse.dep[near])
        parse.hang(near, kind, "appos")


def _mend_stolen(parse: Parse, verb: int) -> None:
    """In "is called Y and Z is the leader" and "is Y and the leaders include Z" Y belongs to the first verb, not to the second."""
    main = _main(parse, verb)
    thing = parse.child(main, "nsubj", "nsubjpass")
    second = parse.child(thing, "conj") if thing is not None else None
    if thing is None or second is None or second + 1 != min([main, *(kid for kid in parse.kids[main] if kid > second)]):
        return
    edge = min([second, *parse.kids[second]])
    edges = min([thing, *(kid for kid in parse.kids[thing] if kid < thing)])
    before = edges - 1
    if parse.low[edge - 1] != "and" or before < 1 or not (parse.low[before] in _BE or parse.low[before] in NAMING):
        return
    if parse.child(before, "attr", "oprd", "acomp") is not None or before == main:
        return
    if parse.dep[before] in ("aux", "auxpass"):
        return
    above, dep = parse.head[main], parse.dep[main]
    if parse.head[before] == main:
        parse.hang(before, before if above == main else above, dep)
        parse.hang(main, before, "conj")
    parse.hang(second, main, parse.dep[thing])
    parse.hang(thing, before, "attr" if parse.low[before] in _BE else "oprd")


def _mend_aside(parse: Parse, name: int) -> None:
    """In "X, by Y, was preceded by Z" and "the song X, from the album Y, was" what stands between the commas is said of X."""
    link = name + 2
    subject = parse.head[name] if parse.dep[name] == "appos" else name
    verb = parse.head[subject]
    if link >= len(parse.low) or parse.dep[subject] not in ("nsubj", "nsubjpass") or parse.low[link] not in ("by", "from", "in", "at"):
        return
    thing = parse.child(link, "pobj")
    if parse.head[link] == verb > link and thing is not None and parse.is_name(thing) and parse.low[thing + 1] == ",":
        parse.hang(link, name, "prep")


def _mend_apart(parse: Parse, name: int, first: int) -> None:
    """In "X, classed as Y, is made in Z" and "Created by Y, X, is Z" the verb behind the second comma has X for its subject."""
    head = parse.head[name]
    if name > first + 1:
        agent = parse.head[head] if parse.dep[name] == "appos" and parse.dep[head] == "pobj" else head
        opener = parse.head[agent]
        if parse.tag[opener] != "VBN" or opener != first or parse.dep[opener] != "advcl" or parse.low[name - 1] != ",":
            return
        main = parse.head[opener]
        if parse.is_verb(main) and main > name and parse.child(main, *_SUBJECTS) is None:
            parse.hang(name, main, "nsubj")
        return
    if parse.dep[name] in ("nsubj", "nsubjpass") and parse.tag[head] == "VBN" and head == name + 2 and parse.dep[head] == "advcl":
        main = parse.head[head]
        if parse.is_verb(main) and main > head and parse.child(main, *_SUBJECTS) is None:
            parse.hang(name, main, "nsubjpass" if parse.child(main, "auxpass") is not None else "nsubj")
            parse.hang(head, name, "acl")
    elif parse.dep[name] in _NOT_SUBJECTS and parse.is_verb(head) and head > name and parse.child(head, *_SUBJECTS) is None:
        opens = min([head, *(kid for kid in parse.kids[head] if parse.dep[kid] in ("aux", "auxpass"))])
        if parse.low[opens - 1] == (")" if parse.low[name + 1] == "(" else ",") and "," not in parse.low[name]:
            parse.hang(name, head, "nsubj")
            for kid in parse.kids[name]:
                if parse.dep[kid] == "parataxis" and parse.tag[kid] == "VBN":
                    parse.dep[kid] = "acl"
