"""One person with two trades before the name ("the actress and singer X"), whom a small parser takes for two."""

from __future__ import annotations

from feedback_node.extraction.coreference import is_role
from feedback_node.extraction.lexicon import words
from feedback_node.extraction.parse import Parse

_ROLES = words("occupations") | words("titles")


def mend_two_roles(parse: Parse) -> None:
    """Mend heads in place: both trades are words before the name."""
    for name in range(3, len(parse.low)):
        if parse.kind[name] != "name" or parse.low[name - 2] != "and":
            continue
        first, second = name - 3, name - 1
        if _is_trade(parse, first) and _is_trade(parse, second) and parse.child(first, "poss", "prep") is None:
            _join(parse, first, second, name)


def _is_trade(parse: Parse, at: int) -> bool:
    low = parse.low[at]
    return not parse.kind[at] and parse.tag[at][:2] == "NN" and parse.tag[at][-1] != "S" and (low in _ROLES or is_role(low))


def _join(parse: Parse, first: int, second: int, name: int) -> None:
    """Give the name the place of the first trade in its sentence, and hang both trades on it."""
    inside = range(first, name + 1)
    top = first if parse.head[first] not in inside or parse.head[first] == first else name
    if parse.head[top] in inside and parse.head[top] != top:
        return
    if top == first:
        for kid in [kid for kid in parse.kids[first] if kid > name]:
            parse.hang(kid, name, parse.dep[kid])
        parse.hang(name, name if parse.head[first] == first else parse.head[first], parse.dep[first])
    parse.hang(first, name, "nmod")
    parse.hang(first + 1, name, "cc")
    parse.hang(second, name, "compound")
    for trade in (first, second):
        parse.tag[trade], parse.cased[trade] = "NN", False
