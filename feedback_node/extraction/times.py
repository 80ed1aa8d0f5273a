"""When a clause says that it is so: "In 2000, …", "… in May 2001"."""

from __future__ import annotations

from feedback_node.extraction.claims import Claim
from feedback_node.extraction.parse import Parse
from feedback_node.extraction.spans import DATE

_AT = frozenset({"in", "on", "during"})


def is_time(parse: Parse, at: int) -> bool:
    """Whether a token is a date or a year."""
    return at >= 0 and (parse.kind[at] == DATE or (parse.tag[at] == "CD" and len(parse.low[at]) == 4 and parse.low[at].isdigit()))


def time_of(parse: Parse, claim: Claim) -> str | None:
    """The date that the clause of a claim gives beside it; None where there is none, or where the date is what is claimed."""
    if not parse.is_verb(claim.verb):
        return None
    for kid in parse.kids[claim.verb]:
        if parse.dep[kid] == "prep" and parse.low[kid] in _AT:
            inner = parse.child(kid, "pobj")
            if inner is not None and is_time(parse, inner):
                return None if inner in (claim.left.at, claim.right.at) else parse.text[parse.start[inner] : parse.end[inner]]
    return None


def tells_only_when(parse: Parse, claim: Claim, claims: list[Claim]) -> bool:
    """For "was in 2001" out of "X was the head of Y in 2001": the time of the other claim."""
    if claim.words.partition(" ")[2] not in _AT or not is_time(parse, claim.right.at):
        return False
    return any(other.verb == claim.verb and time_of(parse, other) for other in claims)
