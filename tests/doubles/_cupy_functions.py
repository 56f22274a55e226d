"""Shapes, selection and products in the double, with the signatures of CuPy 14.2
(`inspect.signature`).
"""

# ruff: noqa: A002 - the names are CuPy's
from __future__ import annotations

import types

import numpy as np

from ._cupy_array import ndarray, own, require_array
from ._cupy_state import MODULE, publish, require_device
from ._cupy_streams import synchronise
from ._cupy_ufuncs import check_cast, where_ufunc

linalg = types.ModuleType("cupy.linalg")
MODULE.linalg = linalg


@publish
def reshape(a, newshape, order="C", *, copy=None):
    return a.reshape(newshape, order=order, copy=copy)


@publish
def ravel(a, order="C"):
    return a.ravel(order)


@publish
def transpose(a, axes=None):
    return a.transpose(axes)


@publish
def squeeze(a, axis=None):
    return a.squeeze(axis)


@publish
def expand_dims(a, axis):
    return require_array(a, "a")._view(np.expand_dims(a._memory, axis))


@publish
def broadcast_to(array, shape):
    return require_array(array, "array")._view(np.broadcast_to(array._memory, shape))


@publish
def concatenate(tup, axis=0, out=None, *, dtype=None, casting="same_kind"):
    for item in tup:
        if not isinstance(item, ndarray):
            raise TypeError("Only cupy arrays can be concatenated")
        if item.ndim == 0:
            raise TypeError("zero-dimensional arrays cannot be concatenated")
    target = None if out is None else require_array(out, "out")._host
    hosts = [item._host for item in tup]
    joined = np.concatenate(hosts, axis, out=target, dtype=dtype, casting=casting)
    return own(joined) if out is None else out


@publish
def stack(tup, axis=0, out=None, *, dtype=None, casting="same_kind"):
    return concatenate([expand_dims(x, axis) for x in tup], axis, out, dtype=dtype, casting=casting)


@publish
def take(a, indices, axis=None, out=None):
    return a.take(indices, axis, out)


@publish
def where(condition, x=None, y=None):
    if (x is None) != (y is None):
        raise ValueError("Must provide both 'x' and 'y' or neither.")
    if x is None:
        return nonzero(condition)
    return where_ufunc(condition.astype("?", copy=False), x, y)


@publish
def clip(a, a_min, a_max, out=None):
    return a.clip(a_min, a_max, out=out)


@publish
def nonzero(a):
    if not isinstance(a, ndarray):
        raise TypeError(f"'a' must be a cupy.ndarray object, not {type(a)}.")
    return a.nonzero()


@publish
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True
):
    synchronise("unique()")
    found = np.unique(
        ar._host, return_index, return_inverse, return_counts, axis, equal_nan=equal_nan
    )
    return tuple(map(own, found)) if isinstance(found, tuple) else own(found)


@publish
def ndim(a):
    return a.ndim if hasattr(a, "ndim") else np.ndim(a)


@publish
def shape(a):
    return a.shape if isinstance(a, ndarray) else np.shape(a)


@publish
def size(a, axis=None):
    require_array(a, "a")
    return a.size if axis is None else a.shape[axis]


@publish
def result_type(*arrays_and_dtypes):
    return np.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in arrays_and_dtypes))


@publish
def may_share_memory(a, b, max_work=None):
    if max_work is not None:
        raise NotImplementedError("Only supported for `max_work` is `None`")
    return np.may_share_memory(require_array(a, "a")._memory, require_array(b, "b")._memory)


@publish
def shares_memory(a, b, max_work=None):
    if a is b and a.size:
        return True
    synchronise("shares_memory()")  # it compares addresses on the device
    return np.shares_memory(require_array(a, "a")._host, require_array(b, "b")._host)


def _dot(self, b, out=None):
    """_routines_linalg.pyx `dot`: `out` must have the result's dtype and be in C order."""
    require_array(b, "b")
    if out is not None:
        if require_array(out, "out").dtype != np.result_type(self.dtype, b.dtype):
            raise ValueError("Not supported dtype combination.")
        if not out.flags.c_contiguous:
            raise ValueError("Output array must be C-contiguous")
    host = np.asarray(np.dot(self._host, b._host))
    if out is None:
        return own(host)
    if out.shape != host.shape:
        raise ValueError("Output array has an invalid size")
    out._host[...] = host
    return out


ndarray.dot = _dot


@publish
def dot(a, b, out=None):
    return a.dot(b, out)


@publish
def matmul(
    *args, axes=None, axis=None, keepdims=False, casting="same_kind", dtype=None, signature=None,
    order="K", out=None,
):  # fmt: skip
    if not (axes is axis is dtype is signature is None and not keepdims and order == "K"):
        raise NotImplementedError("the double knows no keyword of matmul but out and casting")
    if len(args) != 2:  # a positional `out` collides with the keyword
        raise TypeError("_try_fastcall_matmul() got multiple values for argument 'out'")
    if out is not None and not isinstance(out, ndarray):
        raise TypeError("`out` must be a tuple or `cupy.ndarray`")
    a, b = require_array(args[0], "a"), require_array(args[1], "b")
    require_device()
    host = np.asarray(np.matmul(a._host, b._host))
    if out is None:
        return own(host)
    if out.shape != host.shape:
        raise ValueError("Output array has an invalid size")
    check_cast(host.dtype, out.dtype, casting, "out dtype")
    out._host[...] = host
    return out


@publish
def vdot(a, b):
    return own(np.vdot(require_array(a, "a")._host, require_array(b, "b")._host))


def norm(x, ord=None, axis=None, keepdims=False):
    host = require_array(x, "x")._host
    return own(np.linalg.norm(host, ord, axis, bool(keepdims)))


linalg.norm = norm
