"""Names that are known before the parse: the graph's and the question's. Each is one word, whatever words it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from feedback_node.extraction.spans import DATE, NAME, NUMBER, Run


def known_runs(text: str, tokens: list[str], starts: list[int], names: Sequence[tuple[int, int]]) -> list[Run]:
    """The tokens of each span; a word in lower case is left to the parser, which knows nouns."""
    found: list[Run] = []
    at = 0
    for begin, end in names:
        while at < len(tokens) and starts[at] + len(tokens[at]) <= begin:
            at += 1
        last = at
        while last < len(tokens) and starts[last] < end:
            last += 1
        if last > at and (last > at + 1 or tokens[at][0].isupper()) and not text[begin:end].islower():
            found.append(Run(at, last, NAME))
            at = last
    return found


def with_known(runs: list[Run], known: list[Run]) -> list[Run]:
    """All runs, none overlapping: one that holds a known name stays whole, one that is cut by it joins it."""
    if not known:
        return runs
    merged: list[Run] = []
    for run in sorted([*runs, *known], key=lambda one: (one.first, -one.last)):
        if not merged or run.first >= merged[-1].last:
            merged.append(run)
            continue
        before = merged[-1]
        if run.last <= before.last:
            continue
        kind = NAME if before.kind in (DATE, NUMBER) else before.kind
        merged[-1] = Run(before.first, run.last, kind)
    return merged
