""" "North of Y": words of direction that a small parser takes for adverbs, nouns or complements, read as the prepositions that they are."""

from __future__ import annotations

from feedback_node.extraction.parse import Parse

_DIRECTIONS = frozenset(
    {
        "north",
        "south",
        "east",
        "west",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
        "north-east",
        "north-west",
        "south-east",
        "south-west",
    }
    | {"inland", "upstream", "downstream", "upriver", "downriver"}
)
_TAKEN_FOR = frozenset({"advmod", "npadvmod", "attr", "acomp", "dobj", "conj", "appos", "prep", "oprd"})


def mend_directions(parse: Parse) -> None:
    """Mend heads in place."""
    for at in range(1, len(parse.low) - 2):
        if parse.low[at] in _DIRECTIONS and parse.low[at + 1] == "of" and not parse.kind[at] and parse.tag[at - 1] != "DT":
            _mend_direction(parse, at)


def _mend_direction(parse: Parse, at: int) -> None:
    """Hang "north" where a preposition would be, with what is behind "of" for its object."""
    of = at + 1
    target = parse.child(of, "pobj")
    if target is None or parse.dep[at] not in _TAKEN_FOR or parse.head[of] != at:
        return
    head = parse.head[at]
    if parse.kind[head] == "number" and parse.head[head] != head:
        head = parse.head[head]  # "lies 12 km north of Y"
    if parse.dep[at] == "conj" and parse.low[head].endswith(" of"):
        head = parse.head[head]  # "north of Y and west of Z"
    if parse.is_name(head):
        return
    parse.hang(at, head, "prep")
    parse.hang(target, at, "pobj")
    parse.hang(of, at, "dep")
    parse.tag[at], parse.low[at] = "IN", f"{parse.low[at]} of"
