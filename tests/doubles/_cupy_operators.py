"""The operators of the double's ``ndarray`` (cupy/_core/core.pyx, "Arithmetic and comparison").

With another device array an operator calls the double's function; with anything else it asks
NumPy's ufunc, which comes back through ``__array_ufunc__`` and refuses what it cannot take.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ._cupy_array import ndarray
from ._cupy_state import MODULE

_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "matmul": "matmul",
    "truediv": "true_divide", "floordiv": "floor_divide", "mod": "remainder", "pow": "power",
    "lshift": "left_shift", "rshift": "right_shift",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}  # fmt: skip
_COMPARE = {
    "lt": "less", "le": "less_equal", "eq": "equal",
    "ne": "not_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
_NO_HANDLER = object()


def _defers(array: ndarray, other: Any) -> bool:
    """Whether Python should ask `other` for the reflected operator (NEP 13 and priorities)."""
    handler = getattr(other, "__array_ufunc__", _NO_HANDLER)
    if handler is not _NO_HANDLER:
        return handler is None
    return array.__array_priority__ < getattr(other, "__array_priority__", 0)


def _forward(name: str) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        if isinstance(other, ndarray):
            return getattr(MODULE, name)(self, other)
        return NotImplemented if _defers(self, other) else getattr(np, name)(self, other)

    return method


def _reflected(name: str) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        return NotImplemented if _defers(self, other) else getattr(np, name)(other, self)

    return method


def _in_place(name: str) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        return getattr(MODULE, name)(self, other, self)

    return method


def _compare(symbol: str, name: str) -> Any:
    # An object that compares by identity equals no element.
    constant = {"eq": "zeros", "ne": "ones"}.get(symbol)

    def method(self: ndarray, other: Any) -> Any:
        if isinstance(other, ndarray):
            return getattr(MODULE, name)(self, other)
        if _defers(self, other):
            return NotImplemented
        if constant and (other is None or type(other).__eq__ is object.__eq__):
            return getattr(MODULE, constant)(self.shape, bool)
        return getattr(np, name)(self, other)

    return method


def _pos(self: ndarray) -> ndarray:
    if self.dtype == np.bool_:
        message = "Applying '+' to a non-numerical array is ill-defined."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.copy()
    return MODULE.positive(self)


def _equip() -> None:
    for symbol, name in _BINARY.items():
        setattr(ndarray, f"__{symbol}__", _forward(name))
        setattr(ndarray, f"__r{symbol}__", _reflected(name))
        if symbol != "matmul":  # `a @= b` rebinds `a` in CuPy
            setattr(ndarray, f"__i{symbol}__", _in_place(name))
    for symbol, name in _COMPARE.items():
        setattr(ndarray, f"__{symbol}__", _compare(symbol, name))
    ndarray.__pos__ = _pos
    ndarray.__neg__ = lambda self: MODULE.negative(self)
    ndarray.__abs__ = lambda self: MODULE.absolute(self)
    ndarray.__invert__ = lambda self: MODULE.invert(self)


_equip()
