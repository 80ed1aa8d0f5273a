"""Names in an answer to "who" that are nobody's: where it was done, for whom, and whence the one who did it came.

"X discovered it in London", "In Venice, X invented it", "London bartender X", "X of Oakland, California".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from feedback_node.extraction.lexicon import words as listed
from feedback_node.hearing.frame import DENIALS, TURNING
from streams.knowledge.english import FUNCTION_WORDS
from streams.knowledge.names import Word, words

_BEHIND = re.compile(
    r"\b(?<!come )(?<!comes )(?<!came )"
    rf"(?:{'|'.join(sorted(listed('beside_prepositions')))})\s+"
    r"(?:(?:the|a|an|his|her|its|their)\s+)?(?!by\b)(?:[a-z][\w-]*\s+)?$",
    re.IGNORECASE,
)
_OF = re.compile(r"^\s+of\s+(?:the\s+)?$")
_GOES_ON = re.compile(r"^(?:['’]s?|,)?\s+$|^\s*\(\s*$")
"""Between a place and the rest of it: "Oakland, California", "St Mary's Hospital"."""
_KIND = re.compile(r"^(?P<kind>(?:\s+[a-z][\w-]*){1,3})\s+$")


def bystanders(text: str, spans: Sequence[tuple[int, int]], could_answer: Callable[[int], bool], said: frozenset[str]) -> set[int]:
    """Which of the names at `spans` (in order) did nothing; those that could be the answer are left.

    Args:
        could_answer: whether the graph has the name of this number as an answer to what was asked.
        said: words of the question, which say what was done and not who somebody is.
    """
    found: set[int] = set()
    end = 0
    for number, (start, stop) in enumerate(spans):
        gap = text[end:start]
        goes_on = number > 0 and number - 1 in found and _GOES_ON.match(gap) is not None
        is_behind = _BEHIND.search(text, 0, start) is not None or (number > 0 and _OF.match(gap) is not None)
        if not could_answer(number) and (is_behind or goes_on or _is_origin(text, spans, number, said)):
            found.add(number)
        end = stop
    return found


def kinds_of_people(text: str, spans: Sequence[tuple[int, int]], said: frozenset[str]) -> list[tuple[int, int]]:
    """Where the words stand between an origin and a name: "bartender" in "London bartender X"."""
    return [(stop, spans[number + 1][0]) for number, (_, stop) in enumerate(spans[:-1]) if _is_origin(text, spans, number, said)]


def _is_origin(text: str, spans: Sequence[tuple[int, int]], number: int, said: frozenset[str]) -> bool:
    """Whether words that say of what kind somebody is, and then a name, follow at once."""
    if number + 1 >= len(spans):
        return False
    between = _KIND.match(text[spans[number][1] : spans[number + 1][0]])
    return between is not None and not any(_tells(word, said) for word in words(between["kind"]))


def _tells(word: Word, said: frozenset[str]) -> bool:
    return word.text in FUNCTION_WORDS or word.text in said or word.text in TURNING or word.text in DENIALS or word.text.endswith("ed")
