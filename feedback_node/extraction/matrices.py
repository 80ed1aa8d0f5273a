"""The parser's matrix products by numpy's BLAS: several times as quick as spaCy's own, and more than half of a parse is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from thinc.api import NumpyOps, get_current_ops, set_current_ops

LEAST_ROWS = 64
"""A BLAS multiplies a few rows in another order, so that a short text alone would differ in its last bits from the same among others.
Fewer rows are filled up with zeros."""


class BlasOps(NumpyOps):
    """spaCy's operations, matrix products apart."""

    def __init__(self) -> None:
        super().__init__(use_blis=False)

    def gemm(self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False) -> Any:
        """The product of two matrices, each row the same to the last bit whatever other rows there are."""
        if out is not None or trans1 or len(x) >= LEAST_ROWS:
            return super().gemm(x, y, out=out, trans1=trans1, trans2=trans2)
        filled = self.alloc2f(LEAST_ROWS, x.shape[1])
        filled[: len(x)] = x
        return super().gemm(filled, y, trans2=trans2)[: len(x)]


@contextmanager
def blas_products() -> Iterator[None]:
    """A model loaded in this block multiplies so."""
    before = get_current_ops()
    set_current_ops(BlasOps())
    try:
        yield
    finally:
        set_current_ops(before)
