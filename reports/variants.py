"""What variants of hard samples brought in a run, by recipe: from its losses alone.

A parent's loss before its variants is set against its loss when it was next trained after them. A high loss falls whatever is done, so each
parent is paired with a sample of the same task that had no variants and that stood within a tenth of the same loss when it was trained:
the two falls are compared.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from reports.comparison import Difference, compare_paired
from schemas.sample_loss import SampleLoss

AS_HIGH = 0.1
"""By how much of itself the loss of a pair's two samples may differ."""


@dataclass
class RunLosses:
    """Losses of a run, by sample."""

    of: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    """Sample -> (step, loss)."""
    task: dict[str, str] = field(default_factory=dict)
    made: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Parent -> recipe -> the first step that trained a variant of it."""

    def add(self, loss: SampleLoss) -> None:
        """Count one loss."""
        sample = loss.sample
        if sample.parent_id and sample.recipe:
            first = self.made[sample.parent_id].get(sample.recipe, loss.step)
            self.made[sample.parent_id][sample.recipe] = min(first, loss.step)
        elif not sample.generation:
            self.of[loss.sample_id].append((loss.step, loss.loss))
            self.task[loss.sample_id] = sample.task.value


def uplift_by_recipe(losses: RunLosses) -> dict[str, Difference]:
    """How much more the losses of a recipe's parents fell, in nats; of a recipe that has no pair, a comparison of none."""
    without = _falls_without(losses)
    found: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for parent, recipes in sorted(losses.made.items()):
        for recipe, step in sorted(recipes.items()):
            pair = found[recipe]
            around = _around(losses.of.get(parent, ()), step)
            other = around and _as_high(without.get(losses.task[parent], []), around[0])
            if around and other:
                pair[0].append(other[0] - other[1])
                pair[1].append(around[0] - around[1])
    return {recipe: compare_paired(*falls) for recipe, falls in sorted(found.items())}


def told(losses: RunLosses) -> dict[str, str]:
    """By recipe, a line for a person."""
    counts: dict[str, int] = defaultdict(int)
    for recipes in losses.made.values():
        for recipe in recipes:
            counts[recipe] += 1
    return {
        recipe: f"{counts[recipe]} hard samples; "
        + (f"their losses fell by {found.told()} nats more than as high ones" if found.pairs else "none was trained again since")
        for recipe, found in uplift_by_recipe(losses).items()
    }


def _around(own: Iterable[tuple[int, float]], step: int) -> tuple[float, float] | None:
    """The last loss before a step, and the first after it."""
    before = [loss for at, loss in sorted(own) if at < step]
    after = [loss for at, loss in sorted(own) if at > step]
    return (before[-1], after[0]) if before and after else None


def _falls_without(losses: RunLosses) -> dict[str, list[tuple[float, float]]]:
    """Task -> (loss, next loss) of samples that had no variants, by the loss."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for sample, own in losses.of.items():
        if sample not in losses.made:
            found[losses.task[sample]] += pairwise(loss for _, loss in sorted(own))
    return {task: sorted(rows) for task, rows in found.items()}


def _as_high(rows: list[tuple[float, float]], loss: float) -> tuple[float, float] | None:
    """The row whose loss is nearest, where it is near enough."""
    at = bisect_left(rows, (loss, 0.0))
    near = min(rows[max(0, at - 1) : at + 1], key=lambda row: abs(row[0] - loss), default=None)
    return near if near is not None and abs(near[0] - loss) <= AS_HIGH * loss else None
