"""Indexing of the double's ``ndarray`` (cupy/_core/_routines_indexing.pyx).

Slices and integers give views. Index arrays live on the device, host arrays and lists are copied
there first, and their integers wrap around without an error. A mask must be counted on the host.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._cupy_array import ndarray, own, require_array
from ._cupy_state import MODULE
from ._cupy_streams import synchronise


def _host_index(self: ndarray, index: Any) -> tuple[tuple[Any, ...], bool, bool]:
    """The index for the host array; whether it holds arrays; whether it holds masks.

    Lists and host arrays are copied to the device first; integers in arrays wrap around.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    for i, item in enumerate(items):
        if item is None or item is Ellipsis or isinstance(item, (slice, ndarray)):
            continue
        if np.isscalar(item) and not isinstance(item, (bool, np.bool_)):
            continue
        array = MODULE.array(item)
        is_empty_list = isinstance(item, (list, tuple)) and array.size == 0
        items[i] = array.astype(np.int32) if is_empty_list else array
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)

    axes = [_axes_used(item) for item in items]
    rest = self.ndim - sum(axes)
    axis, arrays, masks = 0, False, False
    for i, item in enumerate(items):
        if isinstance(item, ndarray):
            host, arrays = item._host, True
            if host.dtype.kind == "b":
                masks = masks or host.size > 0
            elif self.shape[axis] > 0:
                host = host.astype(np.int64) % self.shape[axis]
            items[i] = host
        axis += rest if item is Ellipsis else axes[i]
    return tuple(items), arrays, masks


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, ndarray):
        if item.dtype.kind not in "biu":
            raise IndexError(
                "arrays used as indices must be of integer or boolean type."
                f" (actual: {item.dtype.type})"
            )
        return item.ndim if item.dtype.kind == "b" else 1
    return 1


def _getitem(self: ndarray, index: Any) -> ndarray:
    key, arrays, masks = _host_index(self, index)
    if masks:
        synchronise("reading through a boolean mask")
    return own(self._host[key]) if arrays else self._view(self._memory[key])


def _setitem(self: ndarray, index: Any, value: Any) -> None:
    key, arrays, masks = _host_index(self, index)
    if not arrays and not isinstance(value, ndarray):
        self._view(self._memory[key]).fill(value)  # so a host array is refused
        return
    if masks:
        synchronise("writing through a boolean mask")
    if not isinstance(value, ndarray):
        value = MODULE.array(value, dtype=self.dtype)
    with np.errstate(all="ignore"):
        self._host[key] = value._host


def _take(self: ndarray, indices: Any, axis: Any = None, out: Any = None) -> ndarray:
    if not isinstance(indices, ndarray):
        indices = MODULE.array(indices, dtype=int)
    source = self._host.reshape(-1) if axis is None else np.atleast_1d(self._host)
    host = np.take(source, indices._host, axis=axis or 0, mode="wrap")
    if out is None:
        return own(host)
    if require_array(out, "out").dtype != self.dtype:
        raise TypeError("Output dtype mismatch")
    if out.shape != host.shape:
        raise ValueError("Output shape mismatch")
    out._host[...] = host
    return out


def _nonzero(self: ndarray) -> tuple[ndarray, ...]:
    if self.ndim == 0:
        raise ValueError("Calling nonzero on 0d arrays is not allowed.")
    if self.size:
        synchronise("nonzero()")
    return tuple(own(host) for host in self._host.nonzero())


ndarray.__getitem__ = _getitem
ndarray.__setitem__ = _setitem
ndarray.take = _take
ndarray.nonzero = _nonzero
