"""Where a step's rows are cut into micro-batches. Each is padded to its longest row, so what is cut where decides how much is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_ROWS = 1024
"""Of a step whose cuts are looked for; of a larger one the micro-batches are of equal size."""


def equal_cuts(rows: int, parts: int) -> list[int]:
    """Where runs of nearly equal size end; some are empty where there are fewer rows than parts."""
    size, extra = divmod(rows, parts)
    return [(part + 1) * size + min(part + 1, extra) for part in range(parts)]


def least_padding(lengths: Sequence[int], parts: int) -> list[int]:
    """Where runs end that hold as little padding as they can, in the order given.

    Of all cuts into `parts` runs whose largest is no larger than the largest of runs of equal size, with its padding and without (so it
    takes no more memory, also where a model packs rows), the one with the fewest tokens, padding included: by dynamic programming over
    (runs, rows).

    Args:
        lengths: of the rows, in tokens; sorted, or little is gained.
        parts: how many runs there must be, none of them empty where there are as many rows.
    """
    count, even = len(lengths), equal_cuts(len(lengths), parts)
    if parts == 1 or count <= parts or count > MOST_ROWS:
        return even
    runs = list(zip([0, *even[:-1]], even, strict=True))
    before = np.concatenate([[0], np.cumsum(lengths)])
    size, own = _padded_sizes(np.asarray(lengths, dtype=np.int64)), before[None, :] - before[:, None]
    largest, most = (max(sizes[start, end] for start, end in runs) for sizes in (size, own))
    size = np.where((size <= largest) & (own <= most), size, np.inf)
    best = size[0]  # of one run that ends before row `end`
    came_from = []
    for _ in range(parts - 1):
        through = best[:, None] + size
        came_from.append(through.argmin(axis=0))
        best = through.min(axis=0)
    if best[count] >= sum(size[start, end] for start, end in runs):
        return even  # nothing is gained
    ends = [count]
    for row in reversed(came_from):
        ends.append(int(row[ends[-1]]))
    return ends[::-1]


def _padded_sizes(lengths: np.ndarray) -> np.ndarray:
    """Tokens of the run of rows `start` to before `end`, padded to its longest: (rows + 1, rows + 1); infinite where it is empty."""
    count = len(lengths)
    size = np.full((count + 1, count + 1), np.inf)
    for start in range(count):
        size[start, start + 1 :] = np.maximum.accumulate(lengths[start:]) * np.arange(1, count - start + 1)
    return size
