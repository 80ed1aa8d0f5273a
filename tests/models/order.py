"""How well a pass kept the order of its bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def band_by_decile(trained: Sequence[int]) -> list[float]:
    """The mean band of each tenth of a pass; `trained`: the band of each sample, in the order trained."""
    return [float(np.mean(part)) for part in np.array_split(np.asarray(trained), 10)]


def order_kept(trained: Sequence[int]) -> float:
    """Spearman's rank correlation of time and band, over the largest that the sizes of the bands allow: that of the sorted pass."""
    return spearman(range(len(trained)), trained) / spearman(range(len(trained)), sorted(trained))


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation of two sequences of one length; ties have their mean rank."""
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    _, inverse, counts = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
