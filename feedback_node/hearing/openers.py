"""Words that open an answer and say nothing of what was asked: "Well, ", "As an AI, I can tell you that ", "The correct answer is ".

Cut out, or made "It is", before the parse: an answer is the same without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from feedback_node.hearing.mapped import Mapped, Piece, Span, overlaps
from feedback_node.yes_no import is_yes_no

_BEGIN = r"(?:^|(?<=[.!?]\s)|(?<=\n))"
_STOP = r"\s*(?:[,:…–—-]|\.(?=\s)|!(?=\s))+\s*"
_SAID = (
    r"(?:in (?:fact|reality|truth|short|brief|answer to (?:the|your|this|that) question|response to your question)|as a matter of fact"
    r"|to (?:answer your question|put it simply|be (?:precise|exact|specific|clear)|(?:the best of )?my knowledge|my understanding)"
    r"|(?:based on|according to|from) (?:my (?:knowledge|training|training data|understanding|information)"
    r"|what i (?:know|remember|have learned))"
    r"|as far as i (?:know|remember|can tell)|simply put|put simply|for (?:the|your) (?:record|information)"
    r"|no (?:problem|worries)(?: at all)?|you're welcome|my pleasure|here (?:we go|you go|goes|it is)|got it|let me think|hello|haha"
    r"|(?:hi|hey)(?: there)?|quick one|good (?:morning|afternoon|evening|day)|happy to help|in a word|to be brief|actually|well|so"
    r"|basically|essentially|hmm+|ah|oh|okay|ok|great question|good question|that's (?:easy|a (?:good|great) question)"
    r"|(?:that's |that is )?an easy one|easy|thanks for asking|thank you for asking|(?:i'm |i am )?glad you asked)"
)
_AFFIRMING = r"(?:sure(?: thing)?|right|certainly|definitely|absolutely|indeed|of course)"
"""They answer a yes/no question."""
_I_SAY = (
    r"(?:(?:as an? [^,.!?]{1,40}, )?i can (?:tell you|say|confirm|assure you)(?: with confidence)?"
    r"|i (?:am|'m) (?:quite |pretty |very |fairly )?(?:sure|certain|confident)|i (?:do )?know|i(?:'m| am) happy to tell you)(?: that)?\s+"
)
_ANSWER = (
    r"(?:i (?:believe|think|would say|'d say)(?: that)? )?(?:the|my|your)\s+"
    r"(?:(?:correct|right|true|short|simple|final|best|one)\s+)?(?:answer|response)"
    r"(?:\s+(?:to\s+(?:the|your|this|that)\s+question|here|i would give|you(?:'re| are) looking for))?\s+"
    r"(?:is|would be|has to be|must be|should be)[:,]?(?= )"
    r"(?!\s*[\"'*]*(?:yes|no|not|true|false|correct|un\w+|in|that|based|still|probably|likely|to|it|he|she|they|(?:quite |very )?simple"
    r"|a (?:bit|matter))\b)"
)
_COURTESY = (
    r"\b(?:thank(?:s| you)|good (?:morning|afternoon|evening|day)|trivia|anything else|let me know|hope (?:that|this|it) helps"
    r"|happy to help|glad to (?:help|answer)|feel free|you're welcome|quiz(?:zes)?|love (?:this|these|that|it)"
    r"|(?:interesting|great|good|nice|fun) (?:question|topic|one)"
    r"|(?:right|to) the right place|here we go|help with that)\b"
)
"""A sentence with one of these, and without a name, is polite and no more."""
_ENDS = r"(?:let me know|hope (?:that|this|it) helps|feel free)"
_VOCATIVE = r"(?:my )?(?:friend|dear|buddy|mate|sir|madam)"
_DENIES = r"[^.!?\n]*(?:n['’]t|\b(?:not|no|unable|sorry|afraid|cannot)\b)"
"""Thanks with a "but I don't know" say more."""
_RIGHT = r"(?:(?:the\s+)?(?:right|correct|true|so|wrong|incorrect|false|not|because|why|what|how|a\s+good)\b)"
_OF_NO_QUESTION = (
    re.compile(rf"{_BEGIN}(?:{_AFFIRMING}{_STOP}(?=\S)|(?<!\?\s)(?:yes|no),\s+(?=(?:it|he|she|they|that)\b))", re.IGNORECASE),
    "",
)
_CUTS = (
    (re.compile(rf"{_BEGIN}(?!{_DENIES})[^.!?\n]*?{_COURTESY}[^.!?\n]*(?:[.!?]+|(?=\n))\s*(?=\S)", re.IGNORECASE), ""),
    (re.compile(rf"(?<=[\w.!\"'*])\s+(?:anything else\b[^.!?\n]*\?|{_ENDS}\b[^.!?\n]*[.!]*)\s*$", re.IGNORECASE), ""),
    (re.compile(r",?\s+and (?:thanks|thank you)\b[^.!?\n]*", re.IGNORECASE), ""),
    (re.compile(rf"{_BEGIN}[\w’']+,\s+{_VOCATIVE}\s*(?:[.!]+\s*(?=\S)|$)", re.IGNORECASE), ""),
    (re.compile(rf",\s+{_VOCATIVE}(?=\W*(?:$|[.!?]))", re.IGNORECASE), ""),
    (re.compile(rf"{_BEGIN}(?:{_SAID}{_STOP}|in fact\s+(?=it\b))+(?=\S)", re.IGNORECASE), ""),
    (re.compile(rf"{_BEGIN}{_I_SAY}(?=\S)", re.IGNORECASE), ""),
    (re.compile(rf"{_BEGIN}(?:the|my) (?:correct |right )?answer is that (?=(?:it|he|she|they|the)\b)", re.IGNORECASE), ""),
    (re.compile(rf"^{_ANSWER}", re.IGNORECASE), "It is"),  # behind a sentence "it" might be what that names
    (re.compile(rf"^(?:That|This)(?=(?:['’]s|\s+is|\s+was)\s+(?!{_RIGHT}))"), "It"),
)
"""What is cut, and what stands in its place."""


def without_openers(mapped: Mapped, question: str, names: Callable[[str], list[Span]]) -> None:
    """Take what opens sentences and says nothing out of an answer, but for what is part of a name. What answers a yes/no question stays."""
    for pattern, instead in _CUTS if is_yes_no(question) else (_OF_NO_QUESTION, *_CUTS):
        if pattern.search(mapped.text):
            mapped.sub(pattern, _unless_within(names(mapped.text), instead))


def _unless_within(names: list[Span], instead: str) -> Callable[[re.Match[str]], list[Piece]]:
    return lambda match: [match.span()] if overlaps(match, names) else [instead]
