"""Trials of own tiles: does a product come to the bits of NumPy's?

Tiles and BLAS add up the same products, rounded once each, and BLAS mostly in the same order: which
order, depends on sizes and layouts, on the processor and on OpenBLAS's settings. Numbers at random
tell: another order comes to other last digits of about every other element.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.accelerator.cpu.commands import Command, CommandList
from minidl.accelerator.cpu.products.words import PLAIN

#: So many elements of a product are compared, or more.
ENOUGH = 256
#: A factor whose rows lie so far apart that a copy has more elements is not tried.
MOST = 1 << 18


class Layout(NamedTuple):
    """Rows and columns of a matrix, by rows or by columns, and elements from one to the next."""

    rows: int
    columns: int
    transposed: int
    pitch: int

    @property
    def size(self) -> int:
        """Elements from the first to the last, about."""
        return self.pitch * (self.rows if self.transposed == PLAIN else self.columns)

    def matrix(self, random: np.random.Generator, dtype: Any) -> np.ndarray:
        """Numbers between -1/2 and 1/2 in this layout."""
        count = self.size // self.pitch
        whole: np.ndarray = random.random((count, self.pitch), dtype) - dtype.type(0.5)
        length = self.columns if self.transposed == PLAIN else self.rows
        found: np.ndarray = whole[:, :length]
        return found if self.transposed == PLAIN else found.T


_found: dict[tuple[Any, ...], bool] = {}


def comes_to_numpys_bits(
    make: Callable[[np.ndarray, np.ndarray, np.ndarray], Command],
    a: Layout,
    b: Layout,
    dtype: np.dtype[Any],
) -> bool:
    """Tell if a command for out = a b gives NumPy's bits; tried once for each kind of product.

    Args:
        make: a function of (a, b, out) that makes the command.
        a, b: the factors' layouts.
        dtype: float32 or float64.
    """
    kind = dtype.char, a, b
    if kind not in _found:
        _found[kind] = max(a.size, b.size) <= MOST and _same(make, a, b, dtype)
    return _found[kind]


def _same(make: Callable[..., Command], a: Layout, b: Layout, dtype: np.dtype[Any]) -> bool:
    random = np.random.default_rng(0)
    out = np.empty((a.rows, b.columns), dtype)
    for _ in range(-(-ENOUGH // out.size)):
        x, y = a.matrix(random, dtype), b.matrix(random, dtype)
        CommandList([make(x, y, out)])()
        if not np.array_equal(out, np.matmul(x, y)):
            return False
    return True
