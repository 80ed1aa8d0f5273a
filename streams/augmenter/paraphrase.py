"""Other texts for the same: a few of all the ways of `rephrasing` and `graph_paraphrase`, chosen by the sample's id alone.

What is to be learnt stays as it is, so a text must not come to hold it, and must not lose it where it held it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from itertools import islice, zip_longest
from typing import NamedTuple

from streams.augmenter.graph_paraphrase import as_gaps, is_asked_of, with_descriptions, with_other_names
from streams.augmenter.reading import is_same_but_for
from streams.augmenter.rephrasing import question_forms, with_other_words
from streams.augmenter.synonyms import with_synonyms
from streams.knowledge.hypergraph import Hypergraph
from streams.knowledge.names import fold

MOST_OF_A_KIND = 24
"""Paraphrases of one recipe that are looked at; a name may have a great many others."""


class Recipe(StrEnum):
    """How a text is said in other words."""

    WORDS = "words"
    """An interchangeable word or phrase, by a table of the language."""
    SYNONYMS = "synonyms"
    """A word by another of its sense, part of speech and inflection."""
    NAMES = "names"
    """An entity of the graph by another of its names."""
    FORMS = "forms"
    """Another form of the same question."""
    DESCRIPTIONS = "descriptions"
    """An entity by a fact that is true of it alone."""
    GAPS = "gaps"
    """The fact that is asked for, as a sentence with a gap."""


class Paraphrase(NamedTuple):
    """One other text."""

    words: str
    recipe: Recipe


class Text(NamedTuple):
    """What may be said in other words."""

    words: str
    """The text."""
    answer: str = ""
    """The right answer to it; empty where the text is itself what is learnt."""
    fixed: tuple[str, ...] = ()
    """Further strings that must neither appear nor vanish: gold strings, the label, the worse answer."""
    is_asked: bool = True
    """Whether it is a question; else a text that is learnt, or that has a label."""


def paraphrases(text: Text, graph: Hypergraph, seed: str) -> Iterator[Paraphrase]:
    """All other texts, all different, one of each recipe before a second of any, in an order that follows from seed and graph."""
    rng = random.Random(int.from_bytes(sha256(seed.encode()).digest()[:8]))
    kinds = [[Paraphrase(words, recipe) for words in islice(kind, MOST_OF_A_KIND)] for recipe, kind in _kinds(text, graph).items()]
    for kind in kinds:
        rng.shuffle(kind)
    rng.shuffle(kinds)
    candidates = (candidate for row in zip_longest(*kinds) for candidate in row if candidate is not None)
    return _sound(candidates, text, graph)


def _kinds(text: Text, graph: Hypergraph) -> Mapping[Recipe, Iterator[str]]:
    keep = [(mention.start, mention.end) for mention in graph.entities_in(text.words, ambiguous=True)]
    is_of_graph = text.is_asked and is_asked_of(graph, text.words, " \n ".join((text.answer, *text.fixed)))
    found = {
        Recipe.WORDS: with_other_words(text.words, keep),
        Recipe.SYNONYMS: with_synonyms(text.words, keep),
        Recipe.NAMES: with_other_names(text.words, graph, is_of_graph),
    }
    if text.answer:
        found[Recipe.FORMS] = question_forms(text.words)
        found[Recipe.DESCRIPTIONS] = with_descriptions(text.words, graph) if is_of_graph else iter(())
        found[Recipe.GAPS] = as_gaps(text.words, text.answer, graph)
    return found


def _sound(candidates: Iterable[Paraphrase], text: Text, graph: Hypergraph) -> Iterator[Paraphrase]:
    """Candidates that differ from the text and each other, hold just those of the fixed strings that the text holds, name nothing that is
    left to the answer, and read alike."""
    seen = {fold(text.words)}
    fixed = [f" {folded} " for folded in map(fold, (text.answer, *text.fixed)) if folded]
    held = [string in f" {fold(text.words)} " for string in fixed]
    named = graph.named_in(text.words)
    to_come = graph.named_in(" \n ".join((text.answer, *text.fixed))) - named
    for candidate in candidates:
        folded = fold(candidate.words)
        keeps = folded not in seen and [string in f" {folded} " for string in fixed] == held
        keeps = keeps and to_come.isdisjoint(graph.named_in(candidate.words))
        if keeps and (candidate.recipe not in (Recipe.WORDS, Recipe.SYNONYMS) or _reads_alike(text.words, candidate.words, graph)):
            seen.add(folded)
            yield candidate


def _reads_alike(before: str, after: str, graph: Hypergraph) -> bool:
    """Whether the words that stay are parsed as before, and the same entities are named."""
    one, other = ([mention.entity for mention in graph.entities_in(text, ambiguous=True)] for text in (before, after))
    return one == other and is_same_but_for(before, after)
