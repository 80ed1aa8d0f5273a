"""Names that stand behind their nouns ("the film X"), which a small parser gives to a verb beside them."""

from __future__ import annotations

from feedback_node.extraction.parse import Parse
from feedback_node.extraction.phrases import is_definite
from feedback_node.extraction.spans import DATE

CAST = frozenset({"starring", "featuring"})


def mend_named(parse: Parse, at: int) -> None:
    """In "the celestial body X has" a name taken for an adverbial is that of the noun before it."""
    noun, head = at - 1, parse.head[at]
    if parse.low[noun] == "," and at > 2:
        _mend_between_commas(parse, at)
    if parse.low[noun] in CAST and parse.dep[noun] == "compound" and parse.is_verb(head) and head > at:
        parse.tag[noun] = "VBG"  # "Starring Y, the film X was made by Z" with "Starring Y" taken for a name
        parse.hang(noun, head, "advcl")
        parse.hang(at, noun, "dobj")
        return
    if at < 2 or not parse.is_common(noun):
        return
    if head == noun and parse.dep[at] in ("amod", "nmod", "compound", "npadvmod", "oprd", "acl"):
        parse.dep[at] = "appos"  # "by the company X"
        return
    taken = head < noun and parse.is_verb(head) and parse.dep[at] != "appos" and parse.dep[noun] == "pobj"
    if taken and parse.child(noun, "det") is not None:
        parse.hang(at, noun, "appos")  # "was written by the team X"
        return
    if parse.dep[at] in ("nsubj", "nsubjpass") and parse.child(noun, "det") is not None:
        _mend_name_of_noun(parse, at, noun, head)
        return
    beside = head == parse.head[noun] > at and parse.dep[noun] in ("nsubj", "nsubjpass") and parse.child(noun, "det") is not None
    if beside and parse.dep[at] in ("advmod", "npadvmod", "dep"):
        parse.hang(at, noun, "appos")


def _mend_name_of_noun(parse: Parse, at: int, noun: int, verb: int) -> None:
    """A name behind its noun that the parser takes for a subject of its own."""
    own = parse.child(verb, "nsubj", "nsubjpass")
    if own is not None and own < noun and parse.dep[noun] == "pobj":
        parse.hang(at, noun, "appos")  # "The genre of the song X is Y"
        return
    first = parse.head[noun]
    if parse.dep[verb] != "relcl" or parse.head[verb] != noun or parse.dep[first] != "ROOT" or first > noun:
        return
    cast = parse.child(first, "compound", "amod")
    opens = cast is not None and parse.low[cast] in CAST and cast == first - 1
    if not (opens or parse.tag[first] == "VBN") or parse.child(first, "nsubj", "nsubjpass") is not None:
        return
    parse.hang(verb, verb, "ROOT")  # "Written by Y, the film X has a length of Z"
    for kid in [*parse.kids[noun]]:
        parse.hang(kid, at, parse.dep[kid])
    parse.hang(noun, at, "compound")
    if opens and cast is not None:
        parse.tag[cast] = "VBG"  # "Starring Y, the film X was made by Z"
        parse.hang(cast, verb, "advcl")
        parse.hang(first, cast, "dobj")
    else:
        parse.hang(first, verb, "advcl")


def _mend_between_commas(parse: Parse, at: int) -> None:
    """For "The film, X, was made by Y": X is the film."""
    noun = at - 2
    alone = parse.dep[noun] in ("nsubj", "nsubjpass") and parse.head[noun] == parse.head[at] > at and is_definite(parse, noun)
    if alone and parse.low[at + 1] == "," and parse.dep[at] in ("npadvmod", "advmod", "dep", "nmod"):
        parse.hang(at, noun, "appos")


def mend_verb_between(parse: Parse, at: int, thing: int) -> None:
    """For "The pop artist X recorded Y" taken for one name of many words: X did."""
    name = at - 1
    parse.hang(at, at, "ROOT")
    for kid in [*parse.kids[thing]]:
        if kid < name:
            parse.hang(kid, name, "compound" if parse.is_noun(kid) else parse.dep[kid])
    parse.hang(name, at, "nsubj")
    parse.hang(thing, at, "dobj")


def mend_in_brackets(parse: Parse, at: int) -> None:
    """In "X (born 1901 in Y) is a painter" what the brackets say is said of X, which is the subject of the verb behind them."""
    name, main = at - 2, parse.head[at]
    for kid in parse.kids[at]:
        if parse.dep[kid] == "dobj" and kid == at + 1 and parse.tag[at] == "VBN" and (parse.tag[kid] == "CD" or parse.kind[kid] == DATE):
            parse.dep[kid] = "npadvmod"  # "(built 1990)": a year is not built
    if parse.dep[at] != "csubj" or parse.head[name] != at or not parse.is_noun(name) or main < at or not parse.is_verb(main):
        return
    parse.hang(name, main, "nsubjpass" if parse.child(main, "auxpass") is not None else "nsubj")
    parse.hang(at, name, "acl")
