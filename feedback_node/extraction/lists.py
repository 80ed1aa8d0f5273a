"""Lists that a small parser breaks: those behind a colon, measures among them, and words that two names share."""

from __future__ import annotations

from feedback_node.extraction.lexicon import participles
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.spans import NUMBER

_LISTED = frozenset({"dobj", "pobj", "attr", "conj"})
_BESIDE = frozenset({"born", "based", "headquartered"})
_MADE = frozenset(participles().values())
_LINKS = frozenset({"in", "of", "from", "at", "by", "for", "to", "with"})


def mend_lists(parse: Parse) -> None:
    """Mend heads in place."""
    for at in range(1, len(parse.low)):
        if parse.low[at] == ":":
            _mend_colon(parse, at)
        elif parse.tag[at] == "VBG" and parse.dep[at] == "amod":
            _mend_measuring(parse, at)
        elif parse.low[at] in _BESIDE or parse.low[at] in _MADE:
            _mend_beside(parse, at)
        elif parse.dep[at] == "acl" and parse.tag[at] == "NN" and parse.head[at] == at - 1 and parse.is_common(at - 1):
            _mend_compound(parse, at)


def _mend_colon(parse: Parse, colon: int) -> None:
    """In "has the ingredients: A, B and C" and "with the following artists: A and B" the things behind the colon are meant."""
    noun = colon - 1
    if not parse.is_common(noun) or parse.dep[noun] not in ("dobj", "pobj", "attr"):
        return
    thing = parse.child(noun, "appos")
    above = parse.head[parse.head[noun]] if parse.dep[noun] == "pobj" else parse.head[noun]
    thing = parse.child(above, "appos") if thing is None else thing
    if thing is None or thing < colon or min([thing, *parse.kids[thing]]) != colon + 1:
        return
    parse.hang(thing, parse.head[noun], parse.dep[noun])
    parse.hang(noun, thing, "dep")


def _mend_measuring(parse: Parse, at: int) -> None:
    """In "has a span measuring 420 metres" the span is had, and measures."""
    noun, value = at - 1, parse.head[at]
    if value != at + 1 or parse.kind[value] != NUMBER or not parse.is_common(noun) or parse.head[noun] != value:
        return
    for kid in [kid for kid in parse.kids[value] if kid < noun]:
        parse.hang(kid, noun, parse.dep[kid])
    parse.hang(noun, noun if parse.head[value] == value else parse.head[value], parse.dep[value])
    parse.hang(at, noun, "acl")
    parse.hang(value, at, "dobj")


def _mend_beside(parse: Parse, at: int) -> None:
    """In "the Oslo based X" and "of the NASA operated X" the participle stands before the name that it is said of, behind its own."""
    place, name = at - 1, at + 1
    if parse.low[place] in ("-", "–") and place > 0:
        place -= 1
    while name < len(parse.low) and (parse.is_common(name) or parse.tag[name] == "JJ" or parse.low[name] == ","):
        name += 1  # "Oslo based architect X"
    if name >= len(parse.low) or not (parse.is_name(place) and parse.is_name(name)) or name > at + 3:
        return
    link = place - 1 if place and parse.tag[place - 1] != "DT" else place - 2
    if parse.low[at] not in _BESIDE and (name != at + 1 or link < 0 or parse.low[link] not in _LINKS):
        return  # "X composed Y"
    phrase = set(range(place, name + 1))
    tops = [token for token in sorted(phrase) if parse.head[token] == token or parse.head[token] not in phrase]
    top = next((token for token in tops if token in (place, at)), tops[-1])
    head, dep = parse.head[top], parse.dep[top]
    if head == name or parse.is_verb(name):
        return
    for kid in [kid for kid in parse.kids[at] if kid not in phrase]:
        parse.hang(kid, name if head == top else head, parse.dep[kid])
    parse.hang(name, name if head == top else head, "nsubj" if dep == "csubj" else dep)
    if parse.dep[name] == "ROOT" and head != top:
        parse.dep[name] = "dep"
    parse.hang(at, name, "amod")
    parse.hang(place, at, "npadvmod")
    parse.tag[at] = "VBN"


def _mend_compound(parse: Parse, at: int) -> None:
    """In "has an outlook ranking of 63" the second noun is no clause of the first: it is what is had."""
    before = at - 1
    head, dep = parse.head[before], parse.dep[before]
    for kid in [kid for kid in parse.kids[before] if kid != at]:
        parse.hang(kid, at, parse.dep[kid])
    parse.hang(at, at if head == before else head, dep)
    parse.hang(before, at, "compound")
