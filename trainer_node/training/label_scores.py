"""Scores of a classification, from exact counts: shares of integers, in float64, whatever the number of rows.

torchmetrics, which gave them before, counts in float32: its adjusted Rand index leaves its range above some 70,000 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import comb
from typing import NamedTuple

from trainer_node.commit.best import ACCURACY

BASELINE = "val_accuracy_baseline"
"""Accuracy without a model: stands beside every accuracy."""
BY_MEAN = "val_accuracy_mean"
"""Accuracy where a label's likelihood is the mean over its tokens, not their sum."""
MACRO_F1 = "val_macro_f1"
ADJUSTED_RAND = "val_adjusted_rand"


class Chosen(NamedTuple):
    """What was found of one row."""

    true: str
    by_sum: str
    """The label whose tokens are likeliest together. The fewer tokens, the likelier, in a model that knows nothing yet."""
    by_mean: str
    """The label with the likeliest token on average: the number of tokens has no advantage either way."""
    candidates: int
    """Labels that could be chosen."""


@dataclass(frozen=True)
class Scores:
    """Values by name; and names of what cannot be measured, with the reason."""

    values: Mapping[str, float]
    absent: Mapping[str, str] = field(default_factory=dict)


def label_scores(rows: Sequence[Chosen]) -> Scores:
    """Accuracy by sum and by mean, its baseline, macro-F1 and adjusted Rand index, each a share of rows or a mean over labels.

    Rows with one candidate cannot be wrong, and are left out. With fewer than two rows left nothing is measured.
    """
    names = (ACCURACY, BY_MEAN, BASELINE, MACRO_F1, ADJUSTED_RAND)
    rows, alone = [row for row in rows if row.candidates > 1], sum(row.candidates < 2 for row in rows)
    if len(rows) < 2:
        why = f"{alone} held-out samples have one label to choose from" if alone else "there is one held-out sample with a label"
        return Scores({}, dict.fromkeys(names, why))
    true, chosen = [row.true for row in rows], [row.by_sum for row in rows]
    values = {
        ACCURACY: accuracy(true, chosen),
        BY_MEAN: accuracy(true, [row.by_mean for row in rows]),
        BASELINE: max(Counter(true).values()) / len(true),
        MACRO_F1: macro_f1(true, chosen),
    }
    if len({*true}) < 2:
        return Scores(values, {ADJUSTED_RAND: "all held-out samples have the same label"})
    return Scores(values | {ADJUSTED_RAND: adjusted_rand(true, chosen)})


def accuracy(true: Sequence[str], chosen: Sequence[str]) -> float:
    """Share of rows that are right."""
    return sum(one == other for one, other in zip(true, chosen, strict=True)) / len(true)


def macro_f1(true: Sequence[str], chosen: Sequence[str]) -> float:
    """Mean over labels, true or chosen somewhere, of F1 = 2 TP / (2 TP + FP + FN), which is 2 TP / (times true + times chosen)."""
    of_true, of_chosen = Counter(true), Counter(chosen)
    right = Counter(one for one, other in zip(true, chosen, strict=True) if one == other)
    labels = of_true.keys() | of_chosen.keys()
    return sum(2 * right[label] / (of_true[label] + of_chosen[label]) for label in sorted(labels)) / len(labels)


def adjusted_rand(true: Sequence[str], chosen: Sequence[str]) -> float:
    """Hubert and Arabie 1985, eq. 5: (index - expected) / (highest - expected), over pairs of rows; in integers up to the last division.

    1.0 where both labellings are the same partition.
    """
    together = sum(comb(count, 2) for count in Counter(zip(true, chosen, strict=True)).values())
    of_true, of_chosen = (sum(comb(count, 2) for count in Counter(labels).values()) for labels in (true, chosen))
    pairs = comb(len(true), 2)
    expected = of_true * of_chosen  # all times `pairs`
    highest = (of_true + of_chosen) * pairs
    return 1.0 if highest == 2 * expected else 2 * (together * pairs - expected) / (highest - 2 * expected)
