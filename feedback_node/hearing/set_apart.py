"""What an answer sets apart: the Y of "X, not Y", "not Y but X" and "X rather than Y", cut out before the parse and denied after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from feedback_node.hearing.mapped import Mapped
from feedback_node.hearing.offers import RULES
from schemas.triplet import Triplet
from streams.knowledge.english import FUNCTION_WORDS

RULE = "set-apart"
_NAME = r"(?:the |in |by |on |at |of |an? )?[\"']?[^\W_a-z][^.;:!?,\n\"]{0,60}?[\"']?"
_WORD = r"(?!(?:but|as|and|or|that|which|who|because|so)\b)[a-z][\w'’-]*"
_A_THING = rf"(?:an?|the)\s+{_WORD}(?:\s+{_WORD}){{0,3}}"
_THING = rf"(?:in |by |on |at |of )?(?:{_A_THING}|(?!\w+(?:ly|ing)\b){_WORD}(?:\s+{_WORD})?)"
"""What is no name: "an electrical engineer", "meat"."""
_END = r"(?=\s*(?:[.;:!?,\n)]|$| but | as ))"
_NOT = r"(?:not|never)\s+(?!only\b|just\b|merely\b)"
_SET_APART = re.compile(rf"(?:,|\s[-–—])?\s+(?:and |but |definitely |certainly )?{_NOT}(?P<denied>{_NAME}){_END}")
_THING_APART = re.compile(
    rf"(?:(?:,|\s[-–—])\s+(?:and |but |definitely |certainly )?{_NOT}(?P<denied>{_THING})|\s+and\s+{_NOT}(?P<another>{_A_THING})){_END}"
)
_NOT_BUT = re.compile(
    rf"(?P<cut>(?:not|neither)\s+(?!only\b|just\b|merely\b)(?P<denied>{_NAME}|{_A_THING}),?\s+but\s+(?:rather\s+|instead\s+)?)(?P<then>\S)"
)
_RATHER = re.compile(rf",?\s+(?:rather than|instead of|as opposed to|and not|unlike)\s+(?P<denied>{_NAME}|{_A_THING}){_END}")
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely)\s+(?P<first>.{1,80}?),?\s+but\s+(?P<also>also\s+)?", re.IGNORECASE)
_MARKED = re.compile(r"\b(?:not|never|neither|rather|instead|opposed|unlike)\b", re.IGNORECASE)
_OPENS = re.compile(r"^(?:the|in|by|on|at|of|an?)\s+(?:(?:the|an?)\s+)?")


class Denied(NamedTuple):
    """Something set apart from what is said: the Y of "X, not Y"."""

    text: str
    start: int
    end: int
    at: int
    """Where the X stands: it ends or begins here."""


def sets_apart(text: str) -> bool:
    """Whether a text has a word by which something is set apart."""
    return _MARKED.search(text) is not None


def take_out(mapped: Mapped) -> list[Denied]:
    """Cut "not Y" out of "X, not Y", and "not Y but" out of "not Y but X"; "not only X but also Y" affirms both."""
    mapped.sub(_NOT_ONLY, lambda match: [match.span("first"), " and "])
    denied: list[tuple[str, tuple[int, int]]] = []
    cuts: list[tuple[int, int]] = []
    for form in (_NOT_BUT, _SET_APART, _RATHER, _THING_APART):
        for match in form.finditer(mapped.text):
            cut = match.span("cut") if form is _NOT_BUT else match.span()
            if any(cut[0] < end and start < cut[1] for start, end in cuts) or not _is_apart(form, match):
                continue
            group = "denied" if match["denied"] is not None else "another"
            cuts.append(cut)
            denied.append((_OPENS.sub("", match[group]).strip(" \"'"), match.span(group)))
    found = [Denied(said, *mapped.span(*span), -1) for said, span in denied]
    order = sorted(range(len(cuts)), key=lambda number: cuts[number])
    gone = 0
    for number in order:
        start, end = cuts[number]
        found[number] = found[number]._replace(at=start - gone)
        gone += end - start
    mapped.drop(sorted(cuts))
    return found


def _is_apart(form: re.Pattern[str], match: re.Match[str]) -> bool:
    """Whether a match stands beside what it is set apart from."""
    if form is _NOT_BUT:
        return True
    said = match["denied"]
    if form is _THING_APART or said[:1].islower():
        return match.start() > 0 and (said is None or said.split()[0] not in FUNCTION_WORDS or len(said.split()) > 1)
    return _stands_beside(match.string, match.start())


def _stands_beside(text: str, at: int) -> bool:
    """Whether a name, a number or a quotation ends here: what is set apart is set apart from it."""
    if text[at : at + 1] == "," or re.match(r"\s[-–—]", text[at:]):
        return at > 0
    word = re.search(r"[^\s]+$", text[:at])
    return word is not None and (word.group()[0].isupper() or word.group()[0].isdigit() or word.group()[-1] in "\"'")


def denied_of(apart: Sequence[Denied], triplets: Sequence[Triplet]) -> list[Triplet]:
    """For "X, not Y": what is said of X is denied of Y."""
    found = []
    for denied in apart:
        for one in triplets:
            if one.object_span is not None and one.object_span[0] - 6 <= denied.at <= one.object_span[1] + 2:
                found.append(one.model_copy(update={"object": denied.text, "negated": True, "rule": RULE}))
            elif one.subject_span is not None and one.subject_span[0] - 6 <= denied.at <= one.subject_span[1] + 2:
                found.append(one.model_copy(update={"subject": denied.text, "negated": True, "rule": RULE}))
    return found


def denied_beside(apart: Sequence[Denied], said: list[Triplet], start: int, end: int) -> list[Triplet]:
    """The same for a fragment."""
    claims = [one for one in said if one.rule in RULES and not one.negated]
    if not claims:
        return []
    side = "object" if claims[0].object_span is not None else "subject"
    return [
        claims[0].model_copy(update={side: denied.text, "negated": True, "rule": RULE}) for denied in apart if start <= denied.at <= end
    ]
