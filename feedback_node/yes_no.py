"""Which questions want yes or no, and which part of their text says what they ask to affirm."""

from __future__ import annotations

import re

_LINK = r"(?:so,?\s+|and\s+|please,?\s+)?"
_TOLD = (
    r"true or false\b[:,.?]?",
    r"(?:is it|is that|would it be|am i|are we)(?: (?:true|correct|right|so|fair))(?: (?:to say|in (?:thinking|saying)))?(?: that)?",
    r"(?:do|did|would) you (?:say|think|believe|agree)(?: that)?",
    r"(?:do|did) you know (?:if|whether|that)",
    r"(?:(?:can|could|would|will) you (?:please )?)?(?:tell me|say|confirm|check) (?:if|whether)",
    r"if i (?:say|said|think|thought|believe|claim|tell you|told you)(?: that)?(?=[^?]*,\s*(?:am|would|was|is that|would that))",
    r"i(?: would|'d|’d) like to know (?:if|whether)",
)
_OPENER = re.compile(rf"^\W*{_LINK}(?:(?P<told>{'|'.join(_TOLD)})\s+)?", re.IGNORECASE)
"""What stands before the sentence that is asked about."""
_TAG = re.compile(
    r"(?:,?\s*\b(?:is|was|are|were|does|do|did|has|have|had|ca|wo|could|would)n['’]?t\s+(?:it|he|she|they|there)"
    r"|,\s*(?:am i|was i|would i be|is that|would that be)\s+(?:right|correct|true|so)"
    r"|,\s*(?:right|correct|true|yes|no|or not|is that (?:so|right|true|correct)|true or false))\s*\?\s*$",
    re.IGNORECASE,
)
"""What stands behind a sentence that is to be affirmed."""
_FRONTED = re.compile(
    r"^\W*(?:so,?\s+|and\s+|but\s+)?(?:(?:is|are|was|were|do|does|did|has|have|had|could|would)(?:n['’]?t)?|can|can['’]t|will|won['’]t)\b",
    re.IGNORECASE,
)
_ASKS_WITHIN = re.compile(
    r"^\W*(?:so,?\s+|and\s+)?(?:do|does|did|can|could|would|will|may|might)\s+(?:you|i|we|anyone|anybody|someone|somebody)\b"
    r"(?:\s+(?!if\b|whether\b|that\b)\w+){1,4}?\s+(?:who|whom|whose|what|when|where|which|how)\b",
    re.IGNORECASE,
)
_ASKS_FOR = re.compile(
    r"^\W*(?:so,?\s+|and\s+)?(?:do|can|could|would|will) you (?:please )?(?:know|tell|name|say|give|remember|recall|list|guess)\b",
    re.IGNORECASE,
)
_OR = re.compile(r"\bor\b(?! (?:false|not)\b)", re.IGNORECASE)


def is_yes_no(question: str) -> bool:
    """Whether a question wants yes or no. "Do you know when X was built?" and "Can you name the builder of X?" want more."""
    if _ASKS_WITHIN.match(question) or _OR.search(question):
        return False
    told = _OPENER.match(question)
    if (told is not None and told["told"]) or _TAG.search(question):
        return True
    return not _ASKS_FOR.match(question) and bool(_FRONTED.match(question)) and question.rstrip().endswith("?")


def body(question: str) -> tuple[int, int]:
    """From where to where it says what is to be affirmed: without "do you know whether", and without "isn't it?"."""
    opener, tag = _OPENER.match(question), _TAG.search(question)
    return opener.end() if opener else 0, tag.start() if tag else len(question)
