"""Arrays as arguments and results of the functions of :mod:`minidl.ops`."""

from __future__ import annotations

import functools
import inspect
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import backend_of, current, floatx, is_sparse
from minidl.backend.array import Array
from minidl.layers import Input
from minidl.model.functional import ROW, Symbol

#: Kinds of NumPy's types for texts, dates and any objects.
_NO_NUMBERS = "OSTUMm"


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """``x`` as an array: of NumPy with the method ``numpy()``, or on the device.

    Args:
        x: an array, which is not copied if the type is right; or numbers in lists, where Python's
            floats become the default floating type.
        dtype: name or type; default that of ``x``.

    Raises:
        TypeError: the output of a layer that has no numbers yet, a sparse matrix, masked entries,
            or no numbers.
    """
    if isinstance(x, Symbol | Input):
        raise TypeError(
            f"expected an array, received {x!r}: {ROW}, and what is computed between layers needs "
            "a layer of its own, with forward and backward"
        )
    if is_sparse(x):
        raise TypeError("expected an array, received a sparse matrix; use .toarray()")
    if np.ma.is_masked(x):
        raise TypeError("expected an array without gaps, received masked entries")
    typed = hasattr(x, "dtype")
    backend = backend_of(x) if typed else current()
    found = backend.xp.asarray(x, dtype=dtype)
    if found.dtype.kind in _NO_NUMBERS:
        raise TypeError(f"expected numbers, received dtype {found.dtype} of {reprlib.repr(x)}")
    if not typed and dtype is None and found.dtype == np.float64:
        found = found.astype(floatx())
    return found.view(Array) if isinstance(found, np.ndarray) else found


def wrapped(compute: Callable[..., Any], arrays: int = 1) -> Callable[..., Any]:
    """A function of arrays in Keras's form, for the first arguments and the results.

    A result of whole numbers alone has the default floating type where NumPy takes float64.

    Args:
        compute: called with arrays of NumPy or CuPy.
        arrays: number of arguments that are arrays.
    """
    signature = inspect.signature(compute)
    names = list(signature.parameters)[:arrays]

    @functools.wraps(compute)
    def function(*arguments: Any, **options: Any) -> Any:
        bound = signature.bind(*arguments, **options).arguments
        for name in names:
            # NumPy's rules for a number of Python beside an array are Keras's.
            if arrays == 1 or not isinstance(bound[name], int | float):
                bound[name] = convert_to_tensor(bound[name])
        if all(isinstance(bound[name], int | float) for name in names):
            bound[names[0]] = convert_to_tensor(bound[names[0]])
        y = compute(**bound)
        if _halves(y) and not any(_halves(bound[name]) for name in names):
            # NumPy's type for functions of integers of one byte, with three digits.
            wide = {n: x.astype(floatx()) for n, x in bound.items() if hasattr(x, "astype")}
            y = compute(**bound | wide)
        return shown(y, [bound[name] for name in names])

    return function


def _halves(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.float16


def shown(y: Any, given: Any) -> Any:
    """A result, or several in a list or tuple, computed of ``given``."""
    if isinstance(y, list | tuple):
        return type(y)(shown(each, given) for each in y)
    y = y if hasattr(y, "dtype") else np.asarray(y)
    wide = any(getattr(x, "dtype", None) == np.float64 for x in given)
    if y.dtype == np.float64 and not wide:
        y = y.astype(floatx())
    if backend_of(y).name != "numpy":
        return y
    return np.asarray(y).view(Array)
