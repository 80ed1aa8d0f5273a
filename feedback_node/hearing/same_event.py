"""A sentence that only says when, or where, what was just told happened: "X founded it. That was in 1889." is "X founded it in 1889."."""

from __future__ import annotations

import re

from feedback_node.hearing.mapped import Mapped, Piece
from streams.knowledge.dates import parse_date

_SAME = re.compile(
    r"(?<=[\w\"')])[.!;]\s+(?P<it>that|this|it)\s+(?:all\s+)?(?P<verb>was|happened|occurred|took\s+place|came\s+about)\s+"
    r"(?:back\s+|only\s+|early\s+|late\s+)?(?P<when>(?P<how>in|on|at|around|about)\s+(?P<what>[^.!?;\n]{3,40}?))"
    r"(?=[.!?;]?\s*$|[.!?;]\s|\n)",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"(?:^|[.!?;]\s|\n)(?P<said>[^.!?;\n]*)$")
_NO_EVENT = re.compile(r"\d|\b(?:is|are|isn|not|never|yes|no|yeah|yep|nope|correct|right|true|false|sure|indeed)\b", re.IGNORECASE)
"""A sentence that has a number may have its date; one in the present, a denial and a reply tell of nothing that happened."""


def join_same_event(mapped: Mapped) -> None:
    """Put the date, or the place, into the sentence before."""
    mapped.sub(_SAME, _joined)


def _joined(match: re.Match[str]) -> list[Piece]:
    before = _BEFORE.search(match.string, 0, match.start())
    is_event = before is not None and before["said"].strip() and not _NO_EVENT.search(before["said"])
    is_date = parse_date(match["what"].strip()) is not None
    is_place = match["how"].lower() in ("in", "at") and match["what"][:1].isupper()
    is_so = is_date or (is_place and (match["it"].lower() != "it" or match["verb"].lower() != "was"))
    return [" ", match.span("when")] if is_event and is_so else [match.span()]
