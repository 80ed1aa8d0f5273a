"""Sentences that answer a yes/no question by a yes or a no: "Yes, it is", "Absolutely not.", "Your statement is correct"."""

from __future__ import annotations

import re

_OPENS = (
    r"^\W*(?:(?:well|oh|hmm+|ah|so|actually|in fact|in short)\b\W+)?"
    r"(?:(?:the |my )?answer(?: to (?:the|this|that|your) question)?(?: is)?:?\s+)?"
)
_SURELY = r"(?:absolutely|(?:most )?certainly|definitely|of course|indeed|surely|obviously|undoubtedly|without (?:a|any) doubt|naturally)"
_QUITE = r"(?:(?:indeed|certainly|definitely|absolutely|completely|entirely|quite|actually|in fact|also|most)\s+)*"
_THAT = r"(?:that|this|it|(?:the|your|this|that) (?:statement|claim|assertion|assumption|information|premise|idea|guess))"
_THAT_IS = rf"(?:{_THAT}(?:['’]s| is| was)\s+)"
_NOT_THAT = rf"(?:{_THAT}(?:(?:['’]s| is| was) (?:\w+ly )?not|\s+(?:is|was)n['’]t)\s+)"
_SO = r"(?:correct|right|true|accurate|so|the case|a fact)"
_IT = r"(?:it|that|he|she|they)"
_DOES = r"(?:is|was|are|were|does|did|do|has|have|had|can|could|would|will)"
_ALONE = r"(?=\W*$|\s*[,.!;–—-])"
_END = r"\W*$"
_YES = re.compile(
    _OPENS + rf"(?:(?:yes|yeah|yep|yup|aye|(?:affirmative|exactly){_ALONE}|correct|right|true|{_SURELY})"
    r"(?![\w'])"
    rf"|{_THAT_IS}{_QUITE}{_SO}\b|you(?: are|['’]re) {_QUITE}(?:correct|right|true)\b"
    rf"|sure(?: thing| is| was| does| did)?{_END}"
    rf"|{_IT} (?:{_SURELY} )?{_DOES}(?: (?:indeed|so|{_SURELY}))?(?:, (?:yes|indeed|{_SURELY}))?{_END})",
    re.IGNORECASE,
)
_NO = re.compile(
    _OPENS + rf"(?:(?:no|nope|nah|negative{_ALONE}|incorrect|wrong|false|untrue"
    r"|not (?:true|really|correct|at all|so|quite|exactly|the case|right))"
    r"(?![\w'])(?! (?:idea|one|clue|information|record|data|doubt|way to)\b)"
    rf"|{_SURELY}\W*\s(?:not|no|wrong|incorrect|false)\b"
    rf"|{_THAT_IS}{_QUITE}(?:incorrect|wrong|false|untrue|inaccurate|mistaken)\b|{_NOT_THAT}{_QUITE}{_SO}\b"
    rf"|you(?: are|['’]re) {_QUITE}(?:incorrect|wrong|mistaken|false|not \w+)\b"
    rf"|{_IT} (?:{_SURELY} )?{_DOES}(?:n['’]t| (?:{_SURELY} )?not)(?:, no)?{_END}"
    r"|i (?:don['’]t|do not|wouldn['’]t|would not) (?:believe|think|say) so\b"
    r"|(?:(?:i['’]m afraid|i am afraid|unfortunately|sadly|apparently|clearly) not|far from it|no way(?! to)|by no means"
    r"|on the contrary)\b)",
    re.IGNORECASE,
)


def affirms(sentence: str) -> bool:
    """Whether it begins with a yes; one that is a no as well ("Absolutely not.") is that."""
    return _YES.match(sentence) is not None


def denies(sentence: str) -> bool:
    """Whether it begins with a no."""
    return _NO.match(sentence) is not None
