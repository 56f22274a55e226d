"""Creation and copying in the double, with the signatures of CuPy 14.2 (`inspect.signature`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._cupy_array import ndarray, own, require_array, supported, unset, wrap
from ._cupy_state import STATE, allocate, publish
from ._cupy_streams import synchronise
from ._cupy_ufuncs import copy_ufunc, where_ufunc


@publish
def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype, order=order)


@publish
def zeros(shape, dtype=float, order="C"):
    array = ndarray(shape, dtype, order=order)
    array.fill(0)
    return array


@publish
def ones(shape, dtype=float, order="C"):
    array = ndarray(shape, dtype, order=order)
    array.fill(1)
    return array


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
    if not isinstance(prototype, (ndarray, np.ndarray)):
        raise AttributeError(f"'{type(prototype).__name__}' object has no attribute 'flags'")
    host = prototype._host if isinstance(prototype, ndarray) else prototype
    dtype = host.dtype if dtype is None else dtype
    # `shape or None`: CuPy takes an empty shape for none given.
    return unset(np.empty_like(host, supported(dtype), order=order, shape=shape or None))


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
    allocate(host.nbytes)
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
    return a.copy(order=order)


@publish
def copyto(dst, src, casting="same_kind", where=None):
    if type(src) in (bool, int, float):
        np.copyto(np.empty((), dst.dtype), src, casting=casting)  # NumPy's check of a scalar
    elif isinstance(src, np.ndarray):
        if src.size != 1:
            raise ValueError("non-scalar numpy.ndarray cannot be used for copyto")
        src = src.squeeze()[()]
    if hasattr(src, "dtype") and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast {src.dtype} to {dst.dtype} in {casting} casting mode")
    if isinstance(src, ndarray):
        excess = src.ndim - dst.ndim
        if excess > 0:
            src = src.squeeze(tuple(range(excess)))
    if where is None:
        copy_ufunc(src, dst)
    else:
        where_ufunc(where, src, dst, out=dst, casting="unsafe")
