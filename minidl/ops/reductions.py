"""Functions of :mod:`minidl.ops` that reduce an axis, order along one, or multiply matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of
from minidl.ops.tensors import wrapped

_KEEPING = (
    "all",
    "any",
    "amax",
    "amin",
    "max",
    "min",
    "mean",
    "median",
    "prod",
    "std",
    "sum",
    "var",
)


def _reduction(name: str) -> Any:
    def compute(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axis = tuple(axis) if isinstance(axis, list) else axis
        return getattr(backend_of(x).xp, name)(x, axis=axis, keepdims=keepdims)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"NumPy's ``{name}`` over one axis, over several, or over all for None."
    return wrapped(compute)


FUNCTIONS = {name: _reduction(name) for name in _KEEPING}


@wrapped
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the largest element along an axis, or among all."""
    return _index(x, "argmax", axis, keepdims)


@wrapped
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Index of the smallest element along an axis, or among all."""
    return _index(x, "argmin", axis, keepdims)


def _index(x: Any, name: str, axis: int | None, keepdims: bool) -> Any:
    found = getattr(backend_of(x).xp, name)(x, axis=axis, keepdims=keepdims)
    return found.astype(np.int32)


@wrapped
def argsort(x: Any, axis: int = -1) -> Any:
    """Indices that sort an axis; equal elements keep their order."""
    return backend_of(x).xp.argsort(x, axis=axis, kind="stable").astype(np.int32)


@wrapped
def sort(x: Any, axis: int = -1) -> Any:
    """Elements in rising order along an axis."""
    return backend_of(x).xp.sort(x, axis=axis)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:  # noqa: A002 - Keras's name
    """The k largest elements of the last axis, the largest first, and their indices.

    Args:
        x: an array.
        k: at most the size of the last axis.
        sorted: without effect: the elements are always sorted.

    Raises:
        TypeError, ValueError: no such k.
    """
    x = _array(x)
    size = x.shape[-1]
    if checks.integer("k", k, 0) > size:
        raise ValueError(f"k: expected at most {size}, the size of the last axis, received {k}")
    # Of the row read from its end, so that of equal elements the first is the first.
    indices = (size - 1 - argsort(x[..., ::-1]))[..., ::-1][..., :k]
    return take_along_axis(x, indices, -1), indices


@wrapped
def count_nonzero(x: Any, axis: Any = None) -> Any:
    """Number of elements other than 0."""
    return backend_of(x).xp.count_nonzero(x, axis=axis)


@wrapped
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Sums of the elements up to each one."""
    return backend_of(x).xp.cumsum(x, axis=axis)


@wrapped
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Products of the elements up to each one."""
    return backend_of(x).xp.cumprod(x, axis=axis)


@wrapped
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ exp(x), from which the largest element is taken out first."""
    xp = backend_of(x).xp
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0)
    y = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else xp.squeeze(y, axis=axis)


@wrapped
def norm(
    x: Any,
    ord: Any = None,  # noqa: A002 - Keras's name
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    """NumPy's ``linalg.norm``: the Euclidean norm, or another one by ``ord``."""
    return backend_of(x).xp.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


@wrapped
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The mean, weighted with ``weights``."""
    return backend_of(x).xp.average(x, axis=axis, weights=weights)


def _product(name: str) -> Any:
    def compute(x1: Any, x2: Any) -> Any:
        return getattr(backend_of(x1).xp, name)(x1, x2)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"NumPy's ``{name}`` of two arrays."
    return wrapped(compute, 2)


FUNCTIONS |= {name: _product(name) for name in ("dot", "inner", "matmul", "outer", "vdot")}


@wrapped
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements at indices along an axis; of all elements for None."""
    return backend_of(x).xp.take(x, backend_of(x).xp.asarray(indices), axis=axis)


@wrapped
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Elements at indices along an axis, with indices for each place of the other axes."""
    return backend_of(x).xp.take_along_axis(x, backend_of(x).xp.asarray(indices), axis=axis)


_array = wrapped(lambda x: x)
FUNCTIONS |= {
    function.__name__: function
    for function in (
        *(argmax, argmin, argsort, average, count_nonzero, cumprod, cumsum, logsumexp, norm, sort),
        *(take, take_along_axis, top_k),
    )
}
