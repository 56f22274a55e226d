"""A million rows in float32, and how near to the truth their sums have to be."""

from __future__ import annotations

import functools

import numpy as np
import pytest

ROWS = 1_000_000
# Three levels of 128 additions at most, each off by half an eps at most: 160 at worst. Where all
# numbers are equal, and so roundings, it is 20; this is twice as much.
SUM = 40


@functools.cache
def million(kind: str) -> np.ndarray:
    """Columns of float32."""
    random = np.random.default_rng(1)
    if kind == "constant":
        x = np.tile(np.array([0.1, 1 / 3, 0.7]), (ROWS, 1))
    elif kind == "positive":
        x = random.uniform(size=(ROWS, 3))
    else:
        x = random.normal([0, 100, 1e4], 1, (ROWS, 3))
    return x.astype(np.float32)


KINDS = pytest.mark.parametrize("kind", ["constant", "positive", "normal"])
