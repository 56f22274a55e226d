"""Kernels as ONNX functions: ONNX operators make up an activation that ONNX lacks.

A function has the name of the activation, in the domain "minidl", and the traced kernel as body.
A runtime computes the body and need not know the name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.interop.calls import Call, plain
from minidl.interop.errors import ConversionError, package
from minidl.interop.tracing import LEAVES, Value, in_order, traced

#: Version of ONNX's operators, and of files, that minidl writes: ONNX 1.15, ONNX Runtime 1.17.
OPSET, IR_VERSION = 20, 9
DOMAIN = "minidl"

_OPERATORS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "negative": "Neg",
    "positive": "Identity", "absolute": "Abs", "sqrt": "Sqrt", "exp": "Exp", "log": "Log",
    "tanh": "Tanh", "maximum": "Max", "minimum": "Min", "power": "Pow", "floor": "Floor",
    "sin": "Sin", "cos": "Cos", "sign": "Sign", "greater": "Greater", "less": "Less",
    "greater_equal": "GreaterOrEqual", "less_equal": "LessOrEqual", "equal": "Equal",
}  # fmt: skip
_COMPARISONS = ("greater", "less", "greater_equal", "less_equal", "equal")
_REDUCTIONS = {"sum": "ReduceSum", "max": "ReduceMax"}


def onnx() -> Any:
    """The package onnx.

    Raises:
        ImportError: onnx is missing; the message tells how to install the package.
    """
    return package("onnx", "onnx", "ONNX")


def name_of(call: Call) -> str:
    """The function's name: the kernel's name without _forward."""
    return str(plain(call.function).__name__).removesuffix("_forward")


def inputs_of(call: Call) -> list[str]:
    """Names of the function's inputs beside x: arrays and numbers."""
    kinds = (int, float, np.number, np.ndarray)
    return [name for name, value in call.arguments.items() if isinstance(value, kinds)]


def function_of(call: Call, name: str, dtype: Any) -> Any:
    """The FunctionProto of a kernel.

    Args:
        call: call of the kernel.
        name: name of the function.
        dtype: type of the numbers in the body.

    Raises:
        ConversionError: the kernel uses a function of NumPy that ONNX lacks.
    """
    helper = onnx().helper
    result = traced(call, numbers_as_values=True)
    body = _Body(dtype)
    for value in in_order(result):
        if value.operation not in LEAVES:
            body.add(value, call)
    body.node("Identity", [body.name(result)], "y")
    return helper.make_function(
        DOMAIN, name, ["x", *inputs_of(call)], ["y"], body.nodes,
        [helper.make_opsetid("", OPSET)],
    )  # fmt: skip


class _Body:
    """The nodes of a function."""

    def __init__(self, dtype: Any) -> None:
        self.nodes: list[Any] = []
        self._dtype = np.dtype(dtype)
        self._names: dict[Value, str] = {}
        self._numbers: dict[float, str] = {}

    def add(self, value: Value, call: Call) -> None:
        """Append the nodes of an operation."""
        given = [self.name(each) for each in value.operands]
        made = self._names[value] = f"t{len(self._names)}"
        special = _SPECIAL.get(value.operation)
        if special is not None:
            special(self, given, made)
        elif value.operation in _REDUCTIONS:
            axes = self._constant(f"{made}_axis", np.array([-1], np.int64))
            self.node(_REDUCTIONS[value.operation], [*given, axes], made)
        elif value.operation in _COMPARISONS:
            self.node(_OPERATORS[value.operation], given, f"{made}_true")
            kind = onnx().helper.np_dtype_to_tensor_dtype(self._dtype)
            self.node("Cast", [f"{made}_true"], made, to=kind)
        elif value.operation in _OPERATORS:
            self.node(_OPERATORS[value.operation], given, made)
        else:
            raise ConversionError(
                f"{call.layer}: ONNX has no operator for NumPy's {value.operation}; expected "
                f"{', '.join((*_OPERATORS, *_SPECIAL))}, or to_numpy_source"
            )

    def name(self, value: Value | float) -> str:
        """The name of a value in the body."""
        if isinstance(value, Value):
            return self._names.get(value, value.name or "x")
        if value not in self._numbers:
            name = f"c{len(self._numbers)}"
            self._numbers[value] = self._constant(name, np.array(value, self._dtype))
        return self._numbers[value]

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """Append one node."""
        self.nodes.append(onnx().helper.make_node(operator, inputs, [output], **attributes))

    def _constant(self, name: str, values: np.ndarray) -> str:
        self.node("Constant", [], name, value=onnx().numpy_helper.from_array(values))
        return name


def _square(body: _Body, given: list[str], made: str) -> None:
    body.node("Mul", [given[0], given[0]], made)


def _log1p(body: _Body, given: list[str], made: str) -> None:
    """log(1 + x), where the sum rounds small x to the digits of 1 + x."""
    body.node("Add", [given[0], body.name(1.0)], f"{made}_sum")
    body.node("Log", [f"{made}_sum"], made)


_SPECIAL: dict[str, Callable[[_Body, list[str], str], None]] = {"square": _square, "log1p": _log1p}
