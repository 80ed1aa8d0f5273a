"""Measures that a small parser takes for a subject, for a complement, or for more of what the measure before them is of."""

from __future__ import annotations

from feedback_node.extraction.parse import Parse
from feedback_node.extraction.spans import NUMBER

_BE = frozenset({"is", "was", "are", "were", "be", "being"})
_SIZES = frozenset({"tall", "long", "wide", "high", "deep", "thick", "broad", "old", "heavy", "across", "away", "apart"})


def mend_measures(parse: Parse) -> None:
    """Mend heads in place."""
    for at, kind in enumerate(parse.kind):
        if kind != NUMBER:
            continue
        if at + 1 < len(parse.low) and parse.low[at + 1] in _SIZES:
            _mend_size(parse, at)
        if parse.dep[at] in ("conj", "appos"):
            _mend_second(parse, at)


def _mend_size(parse: Parse, at: int) -> None:
    """In "is 185 centimetres tall" the measure is how tall."""
    size, verb = at + 1, parse.head[at]
    if parse.dep[at] == "nsubj" and verb == size:
        parse.dep[at] = "npadvmod"
    elif parse.dep[at] == "npadvmod" and verb == size and parse.dep[size] == "advmod" and parse.low[parse.head[size]] in _BE:
        parse.dep[size] = "acomp"
    elif parse.head[size] == at and parse.dep[size] in ("amod", "acl", "advmod") and parse.dep[at] == "attr" and parse.low[verb] in _BE:
        parse.hang(size, verb, "acomp")
        parse.hang(at, size, "npadvmod")
        for kid in [kid for kid in parse.kids[at] if parse.is_verb(kid)]:
            parse.hang(kid, verb, parse.dep[kid])


def _mend_second(parse: Parse, at: int) -> None:
    """In "1.8 grams of protein and 3.9 grams of fat" the second measure stands beside the first, not beside the protein."""
    thing = parse.head[at]
    first = parse.head[parse.head[thing]]
    own = parse.child(at, "prep")
    if own is None:  # "and 30 tonnes of iron", with the "of" hung on the first thing
        own = next((kid for kid in parse.kids[thing] if kid == at + 1 and parse.low[kid] == "of"), None)
    if parse.dep[thing] != "pobj" or parse.low[parse.head[thing]] != "of" or parse.kind[first] != NUMBER or own != at + 1:
        return
    parse.hang(at, first, "conj")
    if parse.head[own] != at:
        parse.hang(own, at, "prep")
