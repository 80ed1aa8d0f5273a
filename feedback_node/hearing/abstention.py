"""Whether an answer says that its writer does not know. Claims decide first: who says something of what was asked has not abstained."""

from __future__ import annotations

import re

_I = r"\b(?:i|we)"
_NOT = (
    r"(?:do not|don't|did not|didn't|cannot|can not|can't|could not|couldn't|am not|'m not|was not"
    r"|wasn't|would not|wouldn't|are not|'re not"
    r"|have no|have not|haven't|have never|have insufficient|had no|lack|never|'ve no|'ve never|'ve not|no longer)"
)
_KNOW = (
    r"\b(?:know|sure|certain|recall|recollect|remember|memory|idea|clue|information|data|details?"
    r"|knowledge|records?|figures?|numbers|statistics|facts|sources?|familiar|answer|say|tell|access"
    r"|aware|find|help|provide|identify|determine|confirm|verify|sufficient|enough|learned|learnt"
    r"|heard|able|comment|confident|positive|qualified)\b"
)
_FORMS = re.compile(
    "|".join(
        (
            # I do not know, we have no information
            rf"{_I}(?:\s|(?='))(?:\w+\s){{0,3}}?{_NOT}\b[^.!?\n]{{0,60}}?{_KNOW}",
            rf"{_I}(?:\s|')?(?:am|'m|m|are|were|was)?\s?(?:\w+\s){{0,2}}?\b(?:unable|unsure|uncertain|unaware"
            rf"|unfamiliar|at a loss|ignorant|clueless|stumped)\b",
            rf"{_I}\s?(?:would|'d|will|'ll)\s(?:need|have|want|like)\b[^.!?\n]{{0,40}}\b(?:look|check|research|verify|more)\b",
            rf"{_I}\s(?:must|have to|will have to|need to|should)\s(?:admit|confess|pass|abstain|decline|refrain)\b",
            rf"{_I}(?:'ll|\swill|'d|\swould)?\s(?:rather not|pass|abstain|refrain|decline|prefer not|give up)\b",
            r"\bas an? (?:ai|language model|assistant)\b[^.!?\n]{0,80}\b(?:not|cannot|can't|unable|don't|no)\b",
            r"\b(?:sorry|apologi[sz]e|afraid)\b[^.!?\n]{0,60}\b(?:not|n't|cannot|can't|don't|no|unable|never)\b",
            # beyond me, slipped my mind
            r"\b(?:not|isn't|aren't|wasn't|unknown|beyond|outside|out of) (?:\w+ ){0,3}?"
            r"(?:to me|my (?:knowledge|training|expertise|memory|data|records|ken|scope|depth))\b",
            r"\b(?:beyond|above) me\b|\b(?:escapes|eludes|slips|escaped) (?:me|my (?:mind|memory))\b|\bslipped my mind\b",
            # there is no information, it cannot be known
            r"\b(?:no|not enough|insufficient|lack of|without) (?:\w+ ){0,2}?(?:information|data|records?|figures?"
            r"|sources?|details|knowledge|answer|way (?:of knowing|(?:for \w+ )?to (?:know|tell|say)))\b[^.!?\n]{0,40}(?=$|[.!?\n])",
            r"\b(?:cannot|can't|could not|couldn't) be (?:\w+ )?(?:determined|answered|known|confirmed"
            r"|established|verified|found|said)\b",
            r"\b(?:it is|it's|that is|that's) (?:hard|difficult|impossible"
            r"|not possible)[^.!?\n]{0,30} (?:say|tell|know|answer|determine)\b",
            r"\b(?:beyond|outside|past|more than) what (?:i|we) (?:can |could |actually |really )?(?:know|answer|say|tell)\b",
            r"\bnot (?:something|anything|a question|one) (?:that )?(?:i|we) (?:can|could|know|am able|feel able)\b",
            r"\bmy (?:knowledge|training|data|memory|information)(?: \w+){0,2}? (?:does not|doesn't|did not|didn't|do not|don't)"
            r" (?:\w+ )?(?:cover|include|contain|extend|reach|go|have|hold)\b",
            r"\b(?:text|passage|context|question|article|prompt|source|document|information|data)s? (?:given |provided |above )?"
            r"(?:does not|doesn't|do not|don't|did not|didn't) (?:\w+ )?"
            r"(?:say|mention|specify|state|tell|provide|include|contain|give|indicate)\b",
            r"^\W*(?:it is|it's|that is|that's|this is)(?: \w+){0,2}? (?:unclear|unknown|uncertain|undocumented|unrecorded"
            r"|not (?:\w+ )?(?:known|clear|certain|recorded|documented))"
            r"(?: (?:who|whom|whose|when|where|which|what|how|why|whether|exactly|precisely)\b[^.!?,;]{0,60})?\W*$",
            r"^\W*(?:can't|cannot|can not|couldn't|could not|don't|do not|didn't) (?:\w+ )?"
            r"(?:say|tell|recall|remember|know)\b[^.!?,;]{0,40}\W*$",
            # short ways
            r"\byour guess is as good as mine\b|\bbeats me\b|\bsearch me\b|\bwho knows\b|\bdunno\b|\bidk\b"
            r"|\bwish i knew\b|\bdraw(?:ing)? a blank\b|\bi (?:will not|won't|would not|wouldn't|do not want to|don't want to) guess\b",
            r"^\W*(?:hard|difficult|tough|impossible) to (?:say|tell|know|be sure)\b[^.!?,;]{0,40}\W*$",
            r"\bno (?:idea|clue|comment)\b|\bnot (?:a clue|sure|certain|the faintest|the foggiest)\b"
            r"|\bthe (?:faintest|foggiest|slightest) idea\b",
            r"\b(?:does not|doesn't) ring a bell\b|\bhaven't (?:a|the) (?:clue|faintest|foggiest|slightest)\b",
            r"^\W*(?:(?:the )?answer(?: is)?:? *(?:that )?)?(?:it is |it's )?(?:unknown|n/?a|not available"
            r"|not known|unsure|uncertain|undetermined|no answer"
            r"|pass|unanswerable|not applicable|i pass|skip|no information|null|\?+)\W*$",
        )
    ),
    re.IGNORECASE,
)
_HINT = re.compile(
    r"n't|\b(?:not?|cannot|never|unknown|un\w+|beyond|above|outside|without|lack|insufficient|sorry|afraid|apolog\w+|na|n/a|pass|skip|null|guess|beats"
    r"|search|who knows|dunno|idk|wish|blank|hard|difficult|impossible|slip\w+|escape\w*|elude\w*|would|'d|'ll|must|need|should|rather"
    r"|abstain|refrain|decline|loss|ignorant|clueless|stumped|not\w*)\b|\?",
    re.IGNORECASE,
)
"""Every wording has one of these: most answers have none, and are not searched further."""
_LONGEST = 600


def says_not_to_know(text: str) -> bool:
    """Whether a text has one of the wordings by which people and models say that they do not know. Plain prose is wanted."""
    return len(text) <= _LONGEST and _HINT.search(text) is not None and _FORMS.search(text) is not None
