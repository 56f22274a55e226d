"""The double's functions, each with the signature of CuPy 14.2 (`inspect.signature` of the
installed package); test_cupy_double.py holds the same signatures as a table.

Reductions give 0-d device arrays, never host scalars, and know neither ``where`` nor ``initial``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._cupy_array import ndarray, own, require_array, supported, wrap
from ._cupy_state import MODULE, STATE, publish, synchronise
from ._cupy_ufuncs import check_cast, clip_ufunc, copy_ufunc, where_ufunc

# Creation ------------------------------------------------------------------------------------


@publish
def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype, order=order)


@publish
def zeros(shape, dtype=float, order="C"):
    return full(shape, 0, dtype, order)


@publish
def ones(shape, dtype=float, order="C"):
    return full(shape, 1, dtype, order)


@publish
def full(shape, fill_value, dtype=None, order="C"):
    if dtype is None:
        is_device = isinstance(fill_value, ndarray)
        dtype = fill_value.dtype if is_device else np.array(fill_value).dtype
    array = ndarray(shape, dtype, order=order)
    copyto(array, fill_value, casting="unsafe")
    return array


@publish
def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    if subok is not None:
        raise TypeError("subok is not supported yet")
    host = prototype._host if isinstance(prototype, ndarray) else np.asarray(prototype)
    dtype = host.dtype if dtype is None else dtype
    # `shape or None`: CuPy takes an empty shape for none given.
    layout = np.empty_like(host, supported(dtype), order=order, subok=False, shape=shape or None)
    array = ndarray(layout.shape, dtype)
    layout[...] = array._host
    return wrap(layout)


@publish
def zeros_like(a, dtype=None, order="K", subok=None, shape=None):
    return full_like(a, 0, dtype, order, subok, shape)


@publish
def ones_like(a, dtype=None, order="K", subok=None, shape=None):
    return full_like(a, 1, dtype, order, subok, shape)


@publish
def full_like(a, fill_value, dtype=None, order="K", subok=None, shape=None):
    array = empty_like(a, dtype, order, subok, shape)
    copyto(array, fill_value, casting="unsafe")
    return array


@publish
def arange(start, stop=None, step=1, dtype=None):
    if stop is None:
        start, stop = 0, start
    return own(np.arange(start, stop, 1 if step is None else step, dtype))


def _holds_device_arrays(obj: Any) -> bool:
    if isinstance(obj, (list, tuple)):
        return len(obj) > 0 and all(map(_holds_device_arrays, obj))
    return isinstance(obj, ndarray)


def _gather(obj: Any) -> Any:
    return obj._host if isinstance(obj, ndarray) else [_gather(item) for item in obj]


@publish
def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if subok:
        raise NotImplementedError
    order = order or "K"
    if isinstance(obj, ndarray):
        dtype = obj.dtype if dtype is None else np.dtype(dtype)
        kept = obj.astype(dtype, order=order, copy=False)
        if kept is not obj and copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        result = obj.astype(dtype, order=order) if copy else kept
        return result.reshape((1,) * (ndmin - obj.ndim) + obj.shape) if ndmin > obj.ndim else result
    if _holds_device_arrays(obj):  # a nested sequence of them is joined on the device
        return own(np.array(_gather(obj), dtype=dtype, ndmin=ndmin))
    host = np.array(obj, dtype=dtype, order=order, ndmin=ndmin, copy=True)
    supported(host.dtype)
    if not host.flags.forc:
        host = np.array(host, order="C")
    if host.ndim:  # a scalar travels as an argument of the kernel that fills the array
        STATE.transfers += 1
        if blocking:
            synchronise("array(blocking=True)")
    return wrap(host.astype(host.dtype.newbyteorder("="), copy=False))


@publish
def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    return array(a, dtype, copy, order, blocking=blocking)


@publish
def ascontiguousarray(a, dtype=None):
    host = require_array(a, "a")._host
    if a.flags.c_contiguous and a.ndim and dtype in (None, a.dtype):
        return a
    return own(np.ascontiguousarray(host, dtype))


@publish
def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    if isinstance(a, ndarray):
        return a.get(stream=stream, order=order, out=out, blocking=blocking)
    host = np.asarray(a, order=order)
    if out is None:
        return host
    out[...] = host
    return out


@publish
def copy(a, order="K"):
    if STATE.tracer is not None:
        if order != "K":
            raise NotImplementedError("cupy.copy does not support `order` in fusion yet.")
        return copy_ufunc(a)
    return a.copy(order=order)


@publish
def copyto(dst, src, casting="same_kind", where=None):
    if type(src) in (bool, int, float, complex):
        np.copyto(np.empty((), dst.dtype), src, casting=casting)  # NumPy's check of a scalar
    elif isinstance(src, np.ndarray):
        if src.size != 1:
            raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
        src = src.squeeze()[()]
    if hasattr(src, "dtype") and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast {src.dtype} to {dst.dtype} in {casting} casting mode")
    if STATE.tracer is not None:
        if where is None:
            copy_ufunc(src, dst)
        else:
            where_ufunc(where, src, dst, dst)
        return
    if isinstance(src, ndarray):
        excess = src.ndim - dst.ndim
        if excess > 0:
            src = src.squeeze(tuple(range(excess)))
        np.broadcast_to(src._host, dst.shape)  # raises ValueError as CuPy does
    if where is None:
        copy_ufunc(src, dst)
    else:
        if isinstance(where, ndarray) and where.dtype != np.bool_:
            raise TypeError(f"Cannot cast array data from {where.dtype!r} to dtype('bool')")
        where_ufunc(where, src, dst, out=dst, casting="unsafe")


# Shape and selection ---------------------------------------------------------------------------


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
    return require_array(a, "a")._view(np.expand_dims(a._host, axis))


@publish
def broadcast_to(array, shape):
    return require_array(array, "array")._view(np.broadcast_to(array._host, shape))


@publish
def concatenate(tup, axis=0, out=None, *, dtype=None, casting="same_kind"):
    if out is not None and dtype is not None:
        raise TypeError("concatenate() only takes `out` or `dtype` as an argument")
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
    if STATE.tracer is not None:
        return where_ufunc(condition, x, y)
    return where_ufunc(condition.astype("?", copy=False), x, y)


@publish
def clip(a, a_min, a_max, out=None):
    if STATE.tracer is not None:
        return STATE.tracer.call_ufunc(clip_ufunc, (a, a_min, a_max), {"out": out})
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


# Questions -------------------------------------------------------------------------------------


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
    return np.may_share_memory(require_array(a, "a")._host, require_array(b, "b")._host)


@publish
def shares_memory(a, b, max_work=None):
    if a is b and a.size:
        return True
    synchronise("shares_memory()")  # it compares addresses on the device
    return np.shares_memory(require_array(a, "a")._host, require_array(b, "b")._host)


# Reductions: the keywords of CuPy, and no others -------------------------------------------------


def _reduced(host: Any, out: Any) -> ndarray:
    """The result of a reduction, in `out` if given: any dtype goes, the shape must be right."""
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
        return _reduced(np.asarray(host, dtype=dtype or np.int64), out)

    def argmin(self, axis=None, out=None, dtype=None, keepdims=False):
        host = np.argmin(self._host, axis=axis, keepdims=keepdims)
        return _reduced(np.asarray(host, dtype=dtype or np.int64), out)

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

    def dot(self, b, out=None):
        """_routines_linalg.pyx `dot`: `out` must have the result's dtype and be in C order."""
        require_array(b, "b")
        if out is not None:
            if require_array(out, "out").dtype != np.result_type(self.dtype, b.dtype):
                raise ValueError("Not supported dtype combination.")
            if not out.flags.c_contiguous:
                raise ValueError("Output array must be C-contiguous")
        if self.ndim and b.ndim and self.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
            raise ValueError("Axis dimension mismatch")
        host = np.asarray(np.dot(self._host, b._host))
        if out is None:
            return own(host)
        if out.shape != host.shape:
            raise ValueError("Output array has an invalid size")
        out._host[...] = host
        return out


for _name, _method in vars(_Methods).items():
    if not _name.startswith("_"):
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
