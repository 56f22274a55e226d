"""Functions of :mod:`minidl.ops` that NumPy has under the same name, element by element."""

from __future__ import annotations

from typing import Any

from minidl.backend import backend_of
from minidl.ops.tensors import wrapped

ONE = [
    "abs",
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "ceil",
    "conj",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log10",
    "log1p",
    "log2",
    "logical_not",
    "negative",
    "positive",
    "reciprocal",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
]
TWO = [
    "add",
    "arctan2",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "divide",
    "equal",
    "floor_divide",
    "fmod",
    "greater",
    "greater_equal",
    "heaviside",
    "hypot",
    "less",
    "less_equal",
    "logaddexp",
    "logical_and",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "nextafter",
    "not_equal",
    "power",
    "subtract",
    "true_divide",
]


def _one(name: str) -> Any:
    def compute(x: Any) -> Any:
        return getattr(backend_of(x).xp, name)(x)

    return _named(compute, name, 1)


def _two(name: str) -> Any:
    def compute(x1: Any, x2: Any) -> Any:
        array = x1 if hasattr(x1, "dtype") else x2
        return getattr(backend_of(array).xp, name)(x1, x2)

    return _named(compute, name, 2)


def _named(compute: Any, name: str, arrays: int) -> Any:
    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"NumPy's ``{name}``, element by element."
    return wrapped(compute, arrays)


FUNCTIONS = {**{name: _one(name) for name in ONE}, **{name: _two(name) for name in TWO}}
