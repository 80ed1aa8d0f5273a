"""Titles that open a sentence and look like one themselves: "I Am Legend was", "To Kill a Mockingbird is", "It's a Wonderful Life has"."""

from __future__ import annotations

from feedback_node.extraction.lexicon import participles, words

_FIRST = words("title_first")
_SMALL = words("title_small")
_OWN = frozenset({"my", "your", "our", "i", "you", "we", "it", "he", "she", "they", "to"})
"""Behind these a word in upper case is no name that a clause begins with."""
_LINKS = frozenset({"a", "an", "the", "of", "to", "for", "on", "in", "at", "and", "with", "from", "by", "or", "is", "'n'", "'"})
_CLITICS = frozenset({"'s", "’s", "'m", "’m", "'re", "’re", "n't", "n’t", "'ll", "’ll", "'ve", "’ve"})
_VERBS = frozenset({"is", "was", "has", "had", "stars", "starred", "cost", "runs", "(", "follows", "premiered", "features", "tells"})
_OF_WORKS = frozenset({"written", "directed", "produced", "composed", "published", "released", "recorded", "edited", "broadcast", "filmed"})
_MADE = frozenset(participles().values())
_ON = frozenset({"on", "for", "with", "without", "against", "under"})


def title_end(tokens: list[str], at: int, stop: int) -> int:
    """End of the title that begins at `at`, a sentence's first token; `at` where none begins."""
    first = tokens[at].lower()
    end, capitals, small = _run(tokens, at, stop)
    after = tokens[end] if end < len(tokens) else "."
    if not capitals or not _is_told(tokens, end, after):
        return at
    if first in _FIRST:
        close = end > at + 1 and (tokens[at + 1][0].isupper() or tokens[at + 1] in _CLITICS)
        strong = small > 0 or (first in _OWN and (capitals > 1 or first == "to"))
        return end if close and strong else at
    return end if _is_work(tokens, at, end) else at


def _run(tokens: list[str], at: int, stop: int) -> tuple[int, int, int]:
    """(end, words in upper case behind the first, of these small words) of words as a title has them."""
    end, last, capitals, small = at + 1, at + 1, 0, 0
    while end < stop:
        token = tokens[end]
        if token[0].isupper():
            capitals += 1
            small += token.lower() in _SMALL
            last = end + 1
        elif token not in _LINKS and token not in _CLITICS:
            break
        end += 1
    return last, capitals, small


def _is_told(tokens: list[str], end: int, after: str) -> bool:
    """Whether what follows says something of a title: a verb, a note, or a participle between commas."""
    if after == ",":
        return end + 1 < len(tokens) and tokens[end + 1] in _MADE
    return after in _VERBS


def _is_work(tokens: list[str], at: int, end: int) -> bool:
    """For "Death on the Nile was written": one word, what it is on, and a verb of works."""
    return (
        tokens[at].isalpha()
        and tokens[at + 1] in _ON
        and end + 1 < len(tokens)
        and (tokens[end] == "stars" or (tokens[end] in ("was", "is") and tokens[end + 1] in _OF_WORKS))
    )
