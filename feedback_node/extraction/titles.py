"""Titles that look like a sentence: "I Am Legend was" and "It's a Wonderful Life has" open one, "in It's a Wonderful Life" is inside."""

from __future__ import annotations

from feedback_node.extraction.lexicon import participles, words

_FIRST = words("title_first")
_SMALL = words("title_small")
_OWN = frozenset({"my", "your", "our", "i", "you", "we", "it", "he", "she", "they", "to"})
"""Behind these a word in upper case is no name that a clause begins with."""
_LINKS = frozenset({"a", "an", "the", "of", "to", "for", "on", "in", "at", "and", "with", "from", "by", "or", "is", "be", "'n'", "'"})
_CLITICS = frozenset({"'s", "’s", "'m", "’m", "'re", "’re", "n't", "n’t", "'ll", "’ll", "'ve", "’ve"})
_INSIDE = frozenset({"a", "an", "the", "of", "to", "be", "it", "me", "my", "you", "your"})
"""What stands in lower case inside a title within a sentence: what links names and clauses ends it there."""
_VERBS = frozenset({"is", "was", "has", "had", "stars", "starred", "cost", "runs", "(", "follows", "premiered", "features", "tells"})
_OF_WORKS = frozenset({"written", "directed", "produced", "composed", "published", "released", "recorded", "edited", "broadcast", "filmed"})
_WORK_NOUNS = words("work_nouns")
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


def inner_title_end(tokens: list[str], at: int, stop: int) -> int:
    """End of the title that begins at `at` within a sentence, with a word that has no upper case there; `at` where none begins.

    "in It's Great to Be Here", "the Let It Bleed album", and after "live" where it was played: "Live at Leeds".
    """
    first = tokens[at].lower()
    if tokens[at] == "Live" and at + 2 < stop and tokens[at + 1] in ("at", "in", "from", "on"):
        end = at + 2 + (tokens[at + 2] == "the")
        return _run(tokens, end, stop, _INSIDE)[0] if end < stop and tokens[end][0].isupper() else at
    if first not in _FIRST and first not in _SMALL:
        return at
    end, capitals, _ = _run(tokens, at, stop, _INSIDE)
    joined = any(token in _INSIDE or token in _CLITICS for token in tokens[at + 1 : end])
    return end if capitals and joined else at


def _run(tokens: list[str], at: int, stop: int, links: frozenset[str] = _LINKS) -> tuple[int, int, int]:
    """(end, words in upper case behind the first, of these small words) of words as a title has them."""
    end, last, capitals, small = at + 1, at + 1, 0, 0
    while end < stop:
        token = tokens[end]
        if token[0].isupper():
            capitals += 1
            small += token.lower() in _SMALL
            last = end + 1
        elif token not in links and token not in _CLITICS:
            break
        end += 1
    return last, capitals, small


def _is_told(tokens: list[str], end: int, after: str) -> bool:
    """Whether what follows says something of a title: a verb, a note, or between commas a participle or what it is."""
    if after == ",":
        return end + 1 < len(tokens) and (tokens[end + 1] in _MADE or tokens[end + 1] in ("a", "an"))
    return after in _VERBS


def _is_a_work(tokens: list[str], at: int) -> bool:
    """For "a 1990 film" behind "is"."""
    return tokens[at] in ("a", "an", "the") and any(token in _WORK_NOUNS for token in tokens[at + 1 : at + 4])


def _is_work(tokens: list[str], at: int, end: int) -> bool:
    """For "Death on the Nile was written": one word, what it is on, and a verb of works."""
    return (
        tokens[at].isalpha()
        and tokens[at + 1] in _ON
        and end + 1 < len(tokens)
        and (tokens[end] == "stars" or (tokens[end] in ("was", "is") and (tokens[end + 1] in _OF_WORKS or _is_a_work(tokens, end + 1))))
    )
