"""Arrays from the user, checked before any training: features, targets, weights.

Every message names the expected and the received value.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of, is_sparse
from minidl.backend.sparse import canonical, outside
from minidl.data import tables
from minidl.losses import Loss

Shape = tuple[int, ...]

# OpenBLAS uses several threads for products of vectors of 10,000 elements or more.
_FEW = 1 << 13
# So many numbers fit into a core's cache, because each part is read twice.
_PART = 1 << 18


def features(x: Any, shape: Shape | None, dtype: Any) -> Any:
    """``x`` as an array of rows of ``shape``, or as a canonical CSR matrix of ``dtype``.

    Integers stay integers in an array, and the array is not copied. A vector is accepted where a
    row is one number.

    Raises:
        TypeError: not numbers.
        ValueError: no rows, rows of another shape, NaN, infinity, or numbers that are too
            large for ``dtype``.
    """
    sparse, given = is_sparse(x), x
    x = checks.numeric("x", canonical(x, "x")) if sparse else _numbers(x, "x")
    if x.ndim == 1 and shape == (1,):
        x = x.reshape(-1, 1)
    if x.ndim < 2:
        raise ValueError(f"x: expected rows, shape (N, ...), received shape {x.shape}")
    if 0 in x.shape:
        raise ValueError(f"x: expected rows of numbers, received none (shape {x.shape})")
    if shape is not None and tuple(x.shape[1:]) != shape:
        received = f"rows of shape {tuple(x.shape[1:])}"
        if isinstance(given, list | tuple) and tuple(getattr(given[0], "shape", ())[1:]) == shape:
            kind = type(given).__name__
            received = f"a {kind} of {len(given)} arrays of such rows; a network has one input"
        raise ValueError(f"x: expected rows of shape {shape}, received {received}")
    _finite(x, "x", dtype)
    return x.astype(dtype) if sparse and x.dtype != dtype else x


def targets(y: Any, loss: Loss, output_shape: Shape, rows: int, dtype: Any) -> np.ndarray:
    """``y`` as targets that suit the loss and the network's output: (N, 1) int32, or (N, units).

    Raises:
        TypeError: not numbers.
        ValueError: another number of rows, another shape, or values that the loss cannot take.
    """
    if len(output_shape) != 1:
        raise ValueError(
            f"expected a network whose output is rows of units, received {output_shape}; end it "
            "with a Dense layer"
        )
    units = output_shape[0]
    y = _numbers(y, "y")
    y = backend_of(y).to_host(y)
    kind = type(loss).__name__
    if y.ndim == 0 or len(y) != rows:
        received = "a single number" if y.ndim == 0 else f"{len(y)}"
        raise ValueError(f"y: expected as many targets as rows of x, {rows}, received {received}")
    if loss.labels == "integers":
        return _class_numbers(y, units, kind)
    if y.shape == (rows,) and units == 1:
        y = y.reshape(rows, 1)
    if y.shape != (rows, units):
        hint = ""
        if loss.labels == "rows" and y.size == rows:
            hint = "; for class numbers use SparseCategoricalCrossentropy, or utils.to_categorical"
        elif y.size == rows:
            hint = "; for one number a row the output is Dense(1)"
        raise ValueError(
            f"y: expected shape ({rows}, {units}) for {kind} and {units} output units, "
            f"received {y.shape}{hint}"
        )
    _finite(y, "y", dtype)
    if loss.labels == "binary" and (np.min(y) < 0 or np.max(y) > 1):
        row = int(np.argmax(((y < 0) | (y > 1)).any(axis=1)))
        raise ValueError(
            f"y: expected targets within 0 and 1 for {kind}, received {y[row].tolist()} "
            f"in row {row}"
        )
    if loss.labels == "rows" and (np.abs(y.sum(axis=1, dtype=np.float64) - 1) > 1e-3).any():
        warnings.warn(
            f"y: {kind} takes rows of probabilities, and some of these rows do not sum to 1; "
            "the loss -Σ t log p is that of the numbers as they are",
            stacklevel=outside(),
        )
    rows_of_targets: np.ndarray = y
    return rows_of_targets


def sample_weights(sample_weight: Any, rows: int) -> np.ndarray | None:
    """One weight for each row, (N, 1), of either sign; None where all are 1.

    Raises:
        TypeError, ValueError: not finite numbers, or another count.
    """
    if sample_weight is None:
        return None
    weight = _numbers(sample_weight, "sample_weight")
    weight = backend_of(weight).to_host(weight).astype(np.float64)
    if weight.shape not in ((rows,), (rows, 1)):
        raise ValueError(
            f"sample_weight: expected shape ({rows},), one weight for each row, received "
            f"{weight.shape}"
        )
    _finite(weight, "sample_weight", np.float32)
    return weight.reshape(-1, 1)


def class_weights(
    class_weight: Mapping[int, float] | None, y: np.ndarray, loss: Loss, units: int
) -> np.ndarray | None:
    """The weight of each row's class, (N, 1); None where all are 1.

    Raises:
        TypeError, ValueError: not a dictionary, an unknown class, a weight below 0 or
            beyond float32, or targets that are not classes.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, Mapping):
        listed = isinstance(class_weight, list | tuple | np.ndarray)
        raise TypeError(
            "class_weight: expected a dictionary of class numbers and weights, received "
            f"{type(class_weight).__name__}"
            + ("; write dict(enumerate(class_weight))" if listed else "")
        )
    numbers = _classes_of(y, loss)
    if numbers is None:
        raise ValueError(
            "class_weight: expected targets that are classes, class numbers or rows with a single "
            f"1, received others for {type(loss).__name__} on {units} units; sample_weight weighs "
            "rows of any kind"
        )
    # Without a class for each unit, any number may be a class: -1 and 1 for a hinge.
    counted = loss.labels != "values" or units > 1
    classes, largest = max(units, 2), float(np.finfo(np.float32).max)
    by_class = np.ones((len(y), 1))
    for number, weight in class_weight.items():
        given = checks.integer("class_weight", number, 0 if counted else -(2**53))
        if counted and given >= classes:
            raise ValueError(f"class_weight: expected classes 0 … {classes - 1}, received {number}")
        by_class[numbers == given] = checks.real(f"class_weight[{number}]", weight, 0, largest)
    return by_class


def product(weight: Any, other: Any) -> Any:
    """The product of two weights of each row; None stands for weights of 1."""
    if weight is None or other is None:
        return weight if other is None else other
    return weight * other


def _classes_of(y: np.ndarray, loss: Loss) -> np.ndarray | None:
    """The class number of each row of targets; None if the targets are no classes."""
    if y.shape[1] > 1:
        one_hot = ((y == 0) | (y == 1)).all() and (np.sum(y, axis=1) == 1).all()
        return np.argmax(y, axis=1) if loss.labels == "rows" or one_hot else None
    numbers = np.rint(y[:, 0])
    return numbers if loss.labels != "values" or (numbers == y[:, 0]).all() else None


def _numbers(values: Any, name: str) -> Any:
    """``values`` as an array of booleans, integers or floats, on its own device."""
    if hasattr(values, "toarray"):
        raise TypeError(
            f"{name}: expected a dense array, received {type(values).__name__}; convert it with "
            ".toarray()"
        )
    if tables.is_table(values):
        values = tables.numbers(values, name)
    return checks.array(name, values)


def _finite(array: Any, name: str, dtype: Any) -> None:
    """Raise at NaN, infinity or a value beyond ``dtype``; makes no copy of the array's size."""
    stored = _stored(array)
    if array.dtype.kind != "f" or stored.size == 0:
        return
    largest, backend = float(np.finfo(dtype).max), backend_of(stored)
    # On a device the host would wait for each part.
    rows = _PART * len(stored) // stored.size if backend.name == "numpy" else 0
    rows = rows or len(stored)
    parts = (stored[start : start + rows] for start in range(0, len(stored), rows))
    # NaN fails both comparisons.
    if all(float(p.min()) >= -largest and float(p.max()) <= largest for p in parts):
        return
    for row in range(array.shape[0]):
        part = _stored(array[row : row + 1])
        values = np.ravel(backend.to_host(part)).astype(np.float64)
        bad = values[~(np.abs(values) <= largest)]
        if bad.size:
            kind = np.dtype(dtype).name
            raise ValueError(
                f"{name}: expected finite numbers of {kind}, received {bad[0]} in row {row}"
            )


def surely_finite(array: np.ndarray) -> bool:
    """True for a few numbers that are finite: one product tells.

    False also where a sum of squares overflows, or for more numbers than BLAS multiplies in one
    thread: other threads of BLAS would keep spinning.
    """
    return array.size <= _FEW and math.isfinite(np.vdot(array, array))


def _stored(array: Any) -> Any:
    """The numbers that an array holds: for a sparse array the stored numbers."""
    return array.data if is_sparse(array) else array


def _class_numbers(y: Any, units: int, kind: str) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim != 1:
        hint = "; for one-hot rows use CategoricalCrossentropy" if y.shape[1:] == (units,) else ""
        raise ValueError(
            f"y: expected class numbers, shape ({len(y)},), for {kind}, received shape "
            f"{y.shape}{hint}"
        )
    y = checks.whole(f"y: class numbers 0 … {units - 1} for {kind}", y)
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= units:
        hint = "; classes are counted from 0"
        if low >= 0:
            hint += f", and these would take Dense({high + 1})"
        if units == 1:
            hint = "; one unit takes a sigmoid and BinaryCrossentropy"
        raise ValueError(
            f"y: expected class numbers 0 … {units - 1} for {units} output units, received "
            f"{low if low < 0 else high}{hint}"
        )
    numbers: np.ndarray = y.astype(np.int32).reshape(-1, 1)
    return numbers
