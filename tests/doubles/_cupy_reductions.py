"""Reductions in the double: they give 0-d device arrays, never host scalars, and take the keywords
of CuPy 14.2 (`inspect.signature`; methods: core.pyx): neither ``where`` nor ``initial``.

The names of the functions hide Python's own ``sum``, ``max``, ``any`` ... in this file.
"""

# ruff: noqa: A002 - the names are CuPy's
from __future__ import annotations

from typing import Any

import numpy as np

from ._cupy_array import ndarray, own, require_array
from ._cupy_state import MODULE, publish, require_device
from ._cupy_ufuncs import clip_ufunc


def _reduced(host: Any, out: Any) -> ndarray:
    """The result of a reduction, in `out` if given: any dtype goes, the shape must be right."""
    require_device()
    host = np.asarray(host)
    if out is None:
        return own(host)
    if require_array(out, "out").shape != host.shape:
        raise ValueError("Out shape is mismatched")
    with np.errstate(all="ignore"):
        np.copyto(out._host, host, casting="unsafe")
    return out


def _run(name: str, a: ndarray, out: Any, **keywords: Any) -> ndarray:
    with np.errstate(all="ignore"):
        return _reduced(getattr(np, name)(a._host, **keywords), out)


class _Methods:
    """The methods of ``ndarray`` that compute."""

    def sum(self, axis=None, dtype=None, out=None, keepdims=False):
        return _run("sum", self, out, axis=axis, dtype=dtype, keepdims=keepdims)

    def prod(self, axis=None, dtype=None, out=None, keepdims=None):
        return _run("prod", self, out, axis=axis, dtype=dtype, keepdims=bool(keepdims))

    def max(self, axis=None, out=None, keepdims=False):
        return _run("max", self, out, axis=axis, keepdims=keepdims)

    def min(self, axis=None, out=None, keepdims=False):
        return _run("min", self, out, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False):
        return _run("mean", self, out, axis=axis, dtype=dtype, keepdims=keepdims)

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        return _run("var", self, out, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)

    def std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        return _run("std", self, out, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)

    def argmax(self, axis=None, out=None, dtype=None, keepdims=False):
        host = np.argmax(self._host, axis=axis, keepdims=keepdims)
        return _reduced(np.asarray(host, dtype=np.int64 if dtype is None else dtype), out)

    def argmin(self, axis=None, out=None, dtype=None, keepdims=False):
        host = np.argmin(self._host, axis=axis, keepdims=keepdims)
        return _reduced(np.asarray(host, dtype=np.int64 if dtype is None else dtype), out)

    def any(self, axis=None, out=None, keepdims=False):
        return _run("any", self, out, axis=axis, keepdims=keepdims)

    def all(self, axis=None, out=None, keepdims=False):
        return _run("all", self, out, axis=axis, keepdims=keepdims)

    def clip(self, min=None, max=None, out=None):
        if self.dtype.kind in "iuf":
            is_float = self.dtype.kind == "f"
            lowest = -np.inf if is_float else np.iinfo(self.dtype).min
            highest = np.inf if is_float else np.iinfo(self.dtype).max
            min = self.dtype.type(lowest) if min is None else min
            max = self.dtype.type(highest) if max is None else max
        return clip_ufunc(self, min, max, out=out)


for _name, _method in vars(_Methods).items():
    if not _name.startswith("_"):
        _method.__qualname__ = _name
        setattr(ndarray, _name, _method)


@publish
def sum(a, axis=None, dtype=None, out=None, keepdims=False):
    return a.sum(axis, dtype, out, keepdims)


@publish
def prod(a, axis=None, dtype=None, out=None, keepdims=False):
    return a.prod(axis, dtype, out, keepdims)


@publish
def amax(a, axis=None, out=None, keepdims=False):
    return a.max(axis, out, keepdims)


@publish
def amin(a, axis=None, out=None, keepdims=False):
    return a.min(axis, out, keepdims)


MODULE.max, MODULE.min = amax, amin


@publish
def mean(a, axis=None, dtype=None, out=None, keepdims=False):
    return a.mean(axis, dtype, out, keepdims)


@publish
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    return a.var(axis, dtype, out, ddof, keepdims)


@publish
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    return a.std(axis, dtype, out, ddof, keepdims)


@publish
def argmax(a, axis=None, dtype=None, out=None, keepdims=False):
    return a.argmax(axis, out, dtype, keepdims)


@publish
def argmin(a, axis=None, dtype=None, out=None, keepdims=False):
    return a.argmin(axis, out, dtype, keepdims)


@publish
def any(a, axis=None, out=None, keepdims=False):
    return require_array(a, "a").any(axis, out, keepdims)


@publish
def all(a, axis=None, out=None, keepdims=False):
    return require_array(a, "a").all(axis, out, keepdims)


@publish
def count_nonzero(a, axis=None):
    return own(np.count_nonzero(require_array(a, "a")._host, axis=axis))
