"""Other texts for the same: a few of all the ways of `rephrasing` and `graph_paraphrase`, chosen by the sample's id alone.

What is to be learnt stays as it is, so a text must not come to hold it, and must not lose it where it held it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice, zip_longest
from typing import NamedTuple

from streams.augmenter.graph_paraphrase import as_gaps, with_descriptions, with_other_names
from streams.augmenter.rephrasing import question_forms, with_other_words
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold

MOST_OF_A_KIND = 24
"""Paraphrases of one kind that are looked at; a name may have a great many others."""


class Text(NamedTuple):
    """What may be said in other words."""

    words: str
    """The text."""
    answer: str = ""
    """The right answer to it; empty where the text is itself what is learnt."""
    fixed: tuple[str, ...] = ()
    """Further strings that must neither appear nor vanish: gold strings, the label, the worse answer."""


def paraphrases(text: Text, graph: Hypergraph, seed: str, count: int) -> list[str]:
    """At most `count` other texts, all different, the same for the same seed and graph; fewer where there are no more."""
    rng = random.Random(int.from_bytes(sha256(seed.encode()).digest()[:8]))
    kinds = [list(islice(kind, MOST_OF_A_KIND)) for kind in _kinds(text, graph)]
    for kind in kinds:
        rng.shuffle(kind)
    rng.shuffle(kinds)
    # One of each kind before a second of any, so that few variants are of many kinds.
    candidates = (candidate for row in zip_longest(*kinds) for candidate in row if candidate is not None)
    return list(islice(_sound(candidates, text), count))


def _kinds(text: Text, graph: Hypergraph) -> Iterator[Iterator[str]]:
    yield with_other_words(text.words, [(mention.start, mention.end) for mention in graph.entities_in(text.words, ambiguous=True)])
    yield with_other_names(text.words, graph)
    if text.answer:
        yield question_forms(text.words)
        yield with_descriptions(text.words, graph)
        yield as_gaps(text.words, text.answer, graph)


def _sound(candidates: Iterable[str], text: Text) -> Iterator[str]:
    """Candidates that differ from the text and each other, and hold just those of the fixed strings that the text holds."""
    seen = {fold(text.words)}
    fixed = [f" {folded} " for folded in map(fold, (text.answer, *text.fixed)) if folded]
    held = [string in f" {fold(text.words)} " for string in fixed]
    for candidate in candidates:
        folded = fold(candidate)
        if folded not in seen and [string in f" {folded} " for string in fixed] == held:
            seen.add(folded)
            yield candidate
