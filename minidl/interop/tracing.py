"""A kernel's work on one row, recorded by a call of the kernel with symbols in place of arrays.

Languages without NumPy get a kernel as a list of operations. An operation has the name of a NumPy
function, and earlier values as operands. Each value is made once; memory that a kernel overwrites
holds several values, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from minidl.interop.calls import Call, Memory, plain
from minidl.interop.errors import ConversionError

#: Values that no operation makes, and functions that reduce a row.
LEAVES, REDUCTIONS = ("x", "array"), ("sum", "max")


@dataclass(eq=False)
class Value:
    """The result of one operation.

    Attributes:
        operation: name of a function of NumPy; "x" for the row, "array" for an array of the layer.
        operands: earlier values, and numbers.
        wide: True for a value with an element for each feature, False for one number a row.
        name: for an array, the name of the argument.
    """

    operation: str
    operands: tuple[Value | float, ...] = ()
    wide: bool = True
    name: str = ""


class Symbol(NDArrayOperatorsMixin):
    """An array in a traced kernel: memory, and the current value in the memory."""

    def __init__(self, value: Value | None, features: int) -> None:
        self.value = value
        self.shape = (1, features)
        self.ndim = 2

    def __len__(self) -> int:
        return 1

    def __bool__(self) -> bool:
        raise TypeError("the kernel branches on values")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        places = named.pop("out", (None,))
        if method != "__call__" or named or ufunc.nout != 1:
            return NotImplemented
        return self._made(ufunc.__name__, inputs, places[0])

    def __array_function__(self, function: Any, kinds: Any, inputs: Any, named: Any) -> Any:
        reductions = {np.sum: "sum", np.max: "max"}
        place = named.get("out")
        along_a_row = named.get("axis") in (1, -1) and named.get("keepdims") is True
        if function not in reductions or not along_a_row or {*named} - {"axis", "keepdims", "out"}:
            return NotImplemented
        return self._made(reductions[function], inputs, place, wide=False)

    def _made(self, operation: str, inputs: Any, place: Any, wide: bool | None = None) -> Symbol:
        operands = tuple(self._operand(each) for each in inputs)
        if wide is None:
            wide = any(isinstance(each, Value) and each.wide for each in operands)
        result = Symbol(None, self.shape[1]) if place is None else place
        result.value = Value(operation, operands, wide)
        return result

    def _operand(self, given: Any) -> Value | float:
        if isinstance(given, Symbol):
            if given.value is None:
                raise TypeError("the kernel reads memory to which nothing was written")
            return given.value
        if np.ndim(given):
            raise TypeError("the kernel has an array of its own")
        return float(given)


def traced(call: Call, numbers_as_values: bool = False) -> Value:
    """The result of a call; the tree of operands below the result is the whole work.

    Args:
        call: call of a kernel that computes row by row.
        numbers_as_values: whether the numbers among the arguments are values, too, each of the
            operation "array"; default False.

    Raises:
        ConversionError: the kernel branches, or uses more than functions of NumPy.
    """
    features = int(np.prod(call.input_shape))
    given = {}
    for name, value in call.arguments.items():
        if value is Memory.X:
            given[name] = Symbol(Value("x"), features)
        elif isinstance(value, Memory):
            given[name] = Symbol(None, features)
        elif isinstance(value, np.ndarray):
            given[name] = Symbol(Value("array", name=name), features)
        elif numbers_as_values and value is not None:
            given[name] = Symbol(Value("array", wide=False, name=name), features)
        else:
            given[name] = value
    try:
        result = plain(call.function)(**given)
        result = result[-1] if isinstance(result, tuple) else result
        if not isinstance(result, Symbol) or result.value is None:
            raise TypeError(f"the kernel returns {result!r}")
    except (TypeError, ValueError, AttributeError) as error:
        raise ConversionError(
            f"{call.layer}: expected a function that applies functions of NumPy to its arguments, "
            f"without a branch, received {plain(call.function).__name__}: {error}; to_numpy_source "
            "takes any function"
        ) from error
    return result.value


def in_order(result: Value) -> Iterator[Value]:
    """The result and all values that lead to the result, operands first."""
    seen: set[Value] = set()
    waiting: list[tuple[Value, bool]] = [(result, False)]
    while waiting:
        value, ready = waiting.pop()
        if value in seen:
            continue
        if ready:
            seen.add(value)
            yield value
            continue
        waiting.append((value, True))
        waiting += [(each, False) for each in reversed(value.operands) if isinstance(each, Value)]
