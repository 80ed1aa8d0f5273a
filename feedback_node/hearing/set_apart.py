"""What an answer sets apart: the Y of "X, not Y", "not Y but X" and "X rather than Y", cut out before the parse and denied after it.

What others are said to think ("Many say Y, but it is X") is cut out, too, and neither said nor denied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from feedback_node.hearing.mapped import Mapped, Span
from feedback_node.hearing.offers import RULES
from schemas.triplet import Triplet
from streams.knowledge.english import FUNCTION_WORDS

RULE = "set-apart"
_NAME = r"(?:the |in |by |on |at |of |an? )?[\"']?[^\W_a-z][^.;:!?,\n\"]{0,60}?[\"']?"
_WORD = r"(?!(?:but|as|and|or|that|which|who|because|so)\b)[a-z][\w'’-]*"
_A_THING = rf"(?:an?|the)\s+{_WORD}(?:\s+{_WORD}){{0,3}}"
"""What is no name: "an electrical engineer"."""
_THING = rf"(?:in |by |on |at |of )?(?:{_A_THING}|(?!\w+(?:ly|ing)\b){_WORD}(?:\s+{_WORD})?)"
"""Likewise without an article: "meat", "in botany"."""
_ANY = rf"(?P<denied>{_NAME}|{_THING})"
_END = r"(?=\s*(?:[.;:!?,\n)]|$| but | as ))"
_BEGIN = r"(?:^|(?<=[.!?;]\s)|(?<=[Nn]o,\s))"
_SURELY = r"(?:definitely |certainly |surely |most )*"
_NOT = r"(?:not|never)\s+(?!only\b|just\b|merely\b)"
_IT = r"(?:it|that|this|he|she|they)"
_IT_IS_NOT = (
    rf"(?i:{_IT}|the\s+(?:correct\s+|right\s+)?answer)\s+(?:(?:is|was|are|were)(?:n't|\s+not)|(?:can't|cannot|couldn't|could\s+not)\s+be)"
)
_SET_APART = re.compile(rf"(?:,|\s[-–—])?\s+(?:and |but )?{_SURELY}{_NOT}(?P<denied>{_NAME}){_END}")
_THING_APART = re.compile(rf"(?:,|\s[-–—])\s+(?:and |but )?{_SURELY}{_NOT}(?P<denied>{_THING}){_END}")
_AND_NOT = re.compile(rf"\s+and\s+{_SURELY}{_NOT}(?P<denied>{_A_THING}){_END}")
_NOT_BUT = re.compile(
    rf"(?P<cut>(?:not|neither)\s+(?!only\b|just\b|merely\b)(?P<denied>{_NAME}|{_A_THING}),?\s+but\s+(?:rather\s+|instead\s+)?)(?=\S)"
)
_RATHER = re.compile(rf",?\s+(?:rather than|instead of|as opposed to|and not|unlike)\s+{_ANY}{_END}")
_WRONG = (
    r"(?:(?:is|was|would\s+be)\s+(?i:wrong|incorrect|false|mistaken|not\s+(?:right|correct|true|it)|not(?=\W*(?:$|[.;,!]))"
    r"|an?\s+(?:common\s+)?(?:mistake|error|misconception))|has\s+nothing\s+to\s+do\s+with\s+it)(?:\s+here)?"
)
_DISMISS = (
    r"(?i:you\s+(?:might|may|could)\s+be\s+thinking\s+of|(?:it(?:'s|\s+is)\s+)?(?:easy\s+to\s+confuse|(?:often|easily|commonly)\s+confused)"
    r"(?:\s+it)?\s+with|forget(?:\s+about)?|(?:(?:i'd|i\s+would|i|you\s+can|let's)\s+)?(?:rule\s+out|cross\s+off|cross\s+out|ignore)|never\s+mind)"
)
_WHOEVER = r"(?i:(?:everyone|everybody|anyone|anybody|whoever|those|people)\s+(?:who\s+)?(?:answers?|says?|thinks?|guess(?:es)?|claims?))"
_BEFORE = (
    re.compile(rf"{_BEGIN}(?i:rather than|instead of|unlike)\s+{_ANY},\s+"),
    re.compile(rf"{_BEGIN}[Nn]ot\s+(?:in\s+)?{_ANY}(?:,|\s[-–—])\s+(?!but\b)(?=\S)"),
    re.compile(rf"{_BEGIN}{_ANY}\s*\?\s+(?:[Nn]o|[Nn]ope|[Ww]rong)\b[\s,.:;!–—-]*(?=\S)"),
    re.compile(rf"{_BEGIN}{_ANY}\s+{_WRONG}(?:;|,|\.|\s[-–—])\s+(?:but\s+)?(?=\S)"),
    re.compile(rf"{_BEGIN}{_DISMISS}\s+{_ANY}(?:[;,.]|\s[-–—]|\s+and\b)\s+(?:but\s+)?(?:write\s+down\s+|say\s+)?(?=\S)"),
    re.compile(rf"{_BEGIN}{_WHOEVER}\s+{_ANY}\s+(?:is|are)\s+(?:mistaken|wrong|incorrect)[,;:]?\s+(?:since|because|as|for)?\s*(?=\S)"),
    re.compile(rf"{_BEGIN}{_IT_IS_NOT}\s+{_ANY}(?:,|\s[-–—])\s+(?:so\s+|but\s+)?(?={_IT}(?:'s|\s+(?:is|was|are|were))\s)"),
)
"""What is denied before what is said, with all that is cut."""
_BEHIND = (
    re.compile(
        rf",?\s+(?:and|as|since|because|for)\s+(?:(?i:i(?:'m|\s+am)\s+(?:certain|sure|positive))\s+(?:that\s+)?)?{_IT_IS_NOT}\s+{_ANY}{_END}"
    ),
    re.compile(rf"\s+is\s+(?:correct|right|true),?\s+(?:and|but)\s+{_ANY}\s+{_WRONG}(?=\s*(?:[.;!\n]|$))"),
    re.compile(rf"(?:[;,.]|\s[-–—])\s+(?:and\s+|but\s+|[Nn]ote:\s+)?{_ANY}\s+{_WRONG}(?=\s*(?:[.;!\n]|$))"),
)
_NEITHER = re.compile(
    r"\bneither\s+(?P<denied>[^.;:!?,]{1,60}?)\s+nor\s+[^.;:!?,]{1,60}?,\s+(?:but\s+)?(?:it|that|he|she)(?:'s|\s+(?:is|was))\s+"
)
_NOT_ONLY = re.compile(r"\bnot (?:only|just|merely)\s+(?P<first>.{1,80}?),?\s+but\s+(?P<also>also\s+)?", re.IGNORECASE)
_THINK = r"(?:think|believe|say|assume|claim|suppose|guess|thought|believed|said|assumed|claimed)"
_OTHERS = (
    r"(?:(?:many|some|most)(?:\s+(?:people|of\s+them|others|would))?|people|others)(?:\s+(?:may|might|will|would|often|commonly|wrongly))*"
)
_BUT = r"(?:,?\s+but(?:\s+(?:in\s+fact|actually|really))?,?|[;.]\s+(?:but|in\s+fact|actually|in\s+reality|in\s+truth|however),?)\s+"
_OF_OTHERS = (
    re.compile(
        rf"{_BEGIN}(?:even\s+)?(?:though|although|while)\s+[^.,;!?]{{1,60}}?\s+(?:gets?|is|was)\s+"
        r"(?:often|commonly|sometimes|frequently|guessed|named|suggested|mentioned|an?\s+(?:popular|common|frequent))[^.,;!?]{0,40},\s+",
        re.IGNORECASE,
    ),
    re.compile(rf"{_BEGIN}{_OTHERS}\s+{_THINK}\s+[^.;!?]{{1,80}}?{_BUT}(?=\S)", re.IGNORECASE),
    re.compile(
        r"\bcontrary\s+to\s+(?:popular|common|widespread|general|what\s+\w+\s+\w+)(?:\s+(?:belief|opinion|wisdom))?,?\s+", re.IGNORECASE
    ),
    re.compile(rf"{_BEGIN}despite\s+what\s+{_OTHERS}\s+{_THINK},?\s+", re.IGNORECASE),
    re.compile(rf",?\s+(?:even\s+)?(?:though|although)\s+{_OTHERS}\s+{_THINK}\b[^.;!?]*", re.IGNORECASE),
)
_NO_THING = frozenset(
    ("statement", "claim", "answer", "assumption", "premise", "question", "information", "assertion", "idea", "belief", "one", "ones",
     "bit")
)  # fmt: skip
"""Last words of what is no thing: what somebody said is wrong ("your statement is incorrect"), or there is none ("not a single one")."""
_WHEREAS = re.compile(r",\s+(?:whereas|while)\s+(?=\S)")
_MARKED = re.compile(
    r"\b(?:not|never|neither|rather|instead|opposed|unlike|no|nope|wrong|incorrect|false|mistake|error|misconception|\w+n't|cannot"
    rf"|{_THINK}|contrary|whereas|while|thinking|confused?|forget|rule|cross|mistaken|though|although|nothing)\b",
    re.IGNORECASE,
)
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


def take_out(mapped: Mapped, names: Callable[[str], list[Span]]) -> list[Denied]:
    """Cut "not Y" out of "X, not Y", and "not Y but" out of "not Y but X"; "not only X but also Y" affirms both.

    `names`: where a text has names; no word of one sets anything apart ("Not Without My Daughter").
    """
    mapped.sub(_NOT_ONLY, lambda match: [match.span("first"), " and "])
    for of_others in _OF_OTHERS:
        mapped.sub(of_others, lambda match: [])
    mapped.sub(_WHEREAS, lambda match: [". "])
    inside = names(mapped.text)
    denied: list[tuple[str, tuple[int, int]]] = []
    cuts: list[tuple[int, int]] = []
    for form in (_NOT_BUT, _NEITHER, *_BEFORE, _SET_APART, _RATHER, _THING_APART, _AND_NOT, *_BEHIND):
        for match in form.finditer(mapped.text):
            cut = match.span("cut") if form is _NOT_BUT else match.span()
            if any(cut[0] < end and start < cut[1] for start, end in cuts) or not _is_apart(form, match, inside):
                continue
            cuts.append(cut)
            denied.append((_OPENS.sub("", match["denied"]).strip(" \"'"), match.span("denied")))
    found = [Denied(said, *mapped.span(*span), -1) for said, span in denied]
    order = sorted(range(len(cuts)), key=lambda number: cuts[number])
    gone = 0
    for number in order:
        start, end = cuts[number]
        found[number] = found[number]._replace(at=start - gone)
        gone += end - start
    mapped.drop(sorted(cuts))
    return found


def _is_apart(form: re.Pattern[str], match: re.Match[str], names: Sequence[Span]) -> bool:
    """Whether a match says of a thing that it is not so, beside something that is."""
    if any(start < match.start("denied") < end or start < match.end("denied") < end for start, end in names):
        return False  # it has a part of a name
    said = _OPENS.sub("", match["denied"]).split()
    if not said or said[-1].lower() in _NO_THING or (len(said) == 1 and said[0].lower() in FUNCTION_WORDS):
        return False
    return form not in (_SET_APART, _RATHER) or match["denied"][:1].islower() or _stands_beside(match.string, match.start())


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
