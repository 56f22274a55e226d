"""Tables of numbers out of Keras's `.npz` files, and the split into two parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl import checks
from minidl.datasets._files import DataFileError
from minidl.datasets._npz import array_of, members
from minidl.datasets._texts import check_listed_sum

Numbers = NDArray[Any]
Split = tuple[tuple[Numbers, Numbers], tuple[Numbers, Numbers]]


def read_table(file: Path, columns: int) -> tuple[Numbers, Numbers]:
    """The arrays `x` (N, columns) and `y` (N,) of a file, checked.

    Raises:
        DataFileError: the file is damaged, differs from its listed sum, or holds something else.
    """
    check_listed_sum(file)
    x, y = (_array(content, file) for content in members(file, ("x", "y")))
    if x.ndim != 2 or x.shape[1] != columns or y.shape != x.shape[:1] or len(x) == 0:
        raise DataFileError(
            file,
            f"expected x of shape (rows, {columns}) and y of shape (rows,), received {x.shape} "
            f"and {y.shape}",
        )
    for name, array in (("x", x), ("y", y)):
        if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
            raise DataFileError(
                file, f"expected {name} to hold finite numbers, received {array.dtype}"
            )
    return x, y


def _array(content: bytes, file: Path) -> Numbers:
    try:
        return array_of(content)
    except Exception as error:  # a damaged or forged member can raise any error
        raise DataFileError(file, f"expected arrays of numbers, received {error}") from error


def check_split(test_split: float) -> float:
    """`test_split`, a share in [0, 1).

    Raises:
        TypeError, ValueError: another value.
    """
    return checks.real("test_split", test_split, 0, 1)


def shuffled(x: Numbers, y: Numbers, seed: int) -> tuple[Numbers, Numbers]:
    """Rows in the order that Keras gives them by this seed."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    return x[order], y[order]


def split(x: Numbers, y: Numbers, test_split: float) -> Split:
    """The first rows, and the last `test_split` of them."""
    kept = int(len(x) * (1 - test_split))
    return (x[:kept], y[:kept]), (x[kept:], y[kept:])
