"""The parser's matrix products by numpy's BLAS: three times as quick as spaCy's own, and more than half of a parse is made of them.

Only where the BLAS gives a row the same bits whatever rows stand around it, as spaCy's own does: the same text must give the same claims
in any batch. OpenBLAS does on processors with AVX-512, and does not with AVX2 alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from thinc.api import NumpyOps, get_current_ops, set_current_ops

LEAST_ROWS = 64
"""A BLAS multiplies a few rows in an order of their own; fewer are filled up with zeros."""


class BlasOps(NumpyOps):
    """spaCy's operations, matrix products apart."""

    def __init__(self) -> None:
        super().__init__(use_blis=False)

    def gemm(self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False) -> Any:
        """The product of two matrices."""
        if out is not None or trans1 or len(x) >= LEAST_ROWS:
            return super().gemm(x, y, out=out, trans1=trans1, trans2=trans2)
        filled = self.alloc2f(LEAST_ROWS, x.shape[1])
        filled[: len(x)] = x
        return super().gemm(filled, y, trans2=trans2)[: len(x)]


@contextmanager
def quickest_products() -> Iterator[None]:
    """A model loaded in this block multiplies by numpy's BLAS, where that is as exact."""
    before = get_current_ops()
    if rows_stand_alone():
        set_current_ops(BlasOps())
    try:
        yield
    finally:
        set_current_ops(before)


@lru_cache(maxsize=1)
def rows_stand_alone() -> bool:
    """Whether products of rows are, to the last bit, these rows of the product: tried on the model's shapes, at many places and sizes."""
    ops, chance = BlasOps(), np.random.default_rng(0)
    for inner, outer in ((288, 288), (96, 256), (96, 50)):
        rows = chance.standard_normal((400, inner), dtype=np.float32)
        weights = chance.standard_normal((outer, inner), dtype=np.float32)
        whole = ops.gemm(rows, weights, trans2=True)
        for first, last in ((0, 1), (3, 10), (7, 80), (50, 151), (101, 399), (133, 400)):
            if not np.array_equal(ops.gemm(rows[first:last], weights, trans2=True), whole[first:last]):
                return False
    return True
