"""New variants of a sample: none that it had before, and none that comes near a held-out sample."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

from schemas.sample import Sample
from schemas.training_sample import TrainingSample
from streams.augmenter.config import AugmenterConfig
from streams.augmenter.families import Family, short_hash
from streams.augmenter.held_out import HeldOutView
from streams.augmenter.ids import MOST_VARIANTS
from streams.augmenter.variants import other_texts, text_of, variant_of
from streams.knowledge.names import fold
from streams.knowledge.view import FactsView


class Made(NamedTuple):
    """What could be made."""

    variants: list[Sample]
    texts: dict[str, str]
    """Short hash of each text -> its recipe."""


class Maker:
    """Makes variants by the graph as it is now, and the held-out samples known now."""

    def __init__(self, config: AugmenterConfig, view: FactsView, held_out: HeldOutView) -> None:
        self.config = config
        self._view = view
        self._held_out = held_out

    def wordings(self, sample: TrainingSample, run_id: str) -> Iterator[Sample]:
        """Those in which a sample is learnt from the start, beside its own: the first of all its texts, under the first numbers.

        They are made when the first of them is taken.
        """
        yield from self._made(sample, run_id, (), set(), 0, self.config.wordings - 1).variants

    def next_round(self, sample: TrainingSample, run_id: str, family: Family, without: Collection[str]) -> Made:
        """The next variants of a hard sample, by no recipe of `without`."""
        first = max(family.used, self.config.wordings - 1)
        said = self._made(sample, run_id, (), set(), 0, self.config.wordings - 1).texts
        return self._made(sample, run_id, {*family.given, *said}, without, first, min(self.config.count, MOST_VARIANTS - first))

    def _made(self, sample: TrainingSample, run_id: str, given: Collection[str], without: Collection[str], first: int, count: int) -> Made:
        text = text_of(sample)
        if text is None or count <= 0:
            return Made([], {})
        held_out = self._held_out.texts_now()
        if held_out.holds(text.words):
            return Made([], {})
        recipes = set(self.config.recipes).difference(without)
        with self._view.locked() as graph:
            new = (
                said
                for said in other_texts(sample, graph)
                if said.recipe in recipes and short_hash(fold(said.words)) not in given and not held_out.leaks(said.words, text.words)
            )
            chosen = list(islice(new, count))
        variants = [variant_of(sample, said, first + number, run_id) for number, said in enumerate(chosen)]
        return Made(variants, {short_hash(fold(said.words)): said.recipe.value for said in chosen})
