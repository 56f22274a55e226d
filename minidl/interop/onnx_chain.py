"""The chain of operators that leads to an output of an ONNX graph, found from its end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.interop.errors import ConversionError
from minidl.interop.onnx_tensors import array, constant
from minidl.saving.archive import MalformedError


@dataclass(frozen=True)
class Step:
    """One operator of the chain.

    Attributes:
        operator: the name, with its domain where it has one: "Relu", "ai.onnx.ml.Scaler".
        node: the NodeProto.
        place: index among the inputs of the value that the step before made.
        constants: the other inputs by index.
        factor: of a function that several operators make up: the result is to be multiplied by it.
    """

    operator: str
    node: Any
    place: int
    constants: dict[int, np.ndarray]
    factor: float = 1.0

    def __str__(self) -> str:
        return f"{self.operator} {self.node.name}".rstrip()


class Chain:
    """An ONNX graph, as far as one output needs it.

    Args:
        graph: the GraphProto.

    Raises:
        MalformedError: two nodes make one value.
    """

    def __init__(self, graph: Any) -> None:
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._arrays: dict[str, np.ndarray] = {}
        self._makers: dict[str, Any] = {}
        for node in graph.node:
            for name in filter(None, node.output):
                if name in self._makers:
                    raise MalformedError(f"expected one node that makes {name!r}, received two")
                self._makers[name] = node
        self.inputs = [each for each in graph.input if each.name not in self._tensors]
        self.outputs = [each.name for each in graph.output]

    def steps(self, output: str | None) -> tuple[str, list[Step]]:
        """Name of the input, and the steps from there to an output.

        Args:
            output: name of any value; None for the only output.

        Raises:
            ConversionError: the value needs two branches, or the name is missing or unknown.
            MalformedError: the nodes lie in a circle, or a value comes from nowhere.
        """
        if output is None:
            if len(self.outputs) != 1:
                raise ConversionError(
                    f"expected output=..., one of {', '.join(map(repr, self.outputs))}"
                )
            output = self.outputs[0]
        elif output not in self._makers:
            raise ConversionError(
                f"output: expected the name of a value that a node makes, such as "
                f"{', '.join(map(repr, self.outputs))}, received {output!r}"
            )
        found: list[Step] = []
        names = {each.name for each in self.inputs}
        seen: set[str] = set()
        while output not in names:
            if output in seen:
                raise MalformedError(f"expected a chain of nodes, received a circle at {output!r}")
            seen.add(output)
            output, step = self._before(output)
            found.append(step)
        return output, found[::-1]

    def _before(self, value: str) -> tuple[str, Step]:
        """The step that makes a value, and the value that the step takes."""
        node = self._makers.get(value)
        if node is None:
            raise MalformedError(f"expected a node that makes {value!r}, received none")
        data = [k for k, name in enumerate(node.input) if name and not self._is_constant(name)]
        operator = (
            node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        )
        if len(data) == 2 and operator == "Mul":
            for x, gate in (data, data[::-1]):
                found = self._gated(node.input[x], node.input[gate])
                if found:
                    name, factor, base = found
                    return base, Step(name, node, x, {}, factor)
        if len(data) != 1 or value != node.output[0]:
            inner = ", ".join(repr(node.input[k]) for k in data)
            raise ConversionError(
                f"operator {operator} {node.name!r}: expected a row of operators, each of which "
                f"takes the result of the one before, received {len(data)} values: {inner}; "
                "output=... reads the network up to any of them"
            )
        constants = {
            k: self._array(name) for k, name in enumerate(node.input) if name and k != data[0]
        }
        return node.input[data[0]], Step(operator, node, data[0], constants)

    def _is_constant(self, name: str) -> bool:
        maker = self._makers.get(name)
        return name in self._tensors or (maker is not None and maker.op_type == "Constant")

    def _array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            tensor = self._tensors.get(name)
            self._arrays[name] = constant(self._makers[name]) if tensor is None else array(tensor)
        return self._arrays[name]

    def _gated(self, x: str, gate: str) -> tuple[str, float, str] | None:
        """Name of y = x · g(x), a factor, and x, where ``gate`` is g(x); or None.

        ``x`` may be a multiple of the value that the gate takes.
        """
        bases = {x: 1.0}
        for operator, number, inner in self._unary(x, 1):
            if operator == "Mul" and number is not None:
                bases[inner] = number
        gone: list[tuple[str, float | None]] = []
        for operator, number, inner in self._unary(gate, 3):
            gone.append((operator, number))
            name = _gate(gone)
            if name and inner in bases:
                return name, bases[inner] * (2.0 if name == "gelu" else 1.0), inner
        return None

    def _unary(self, value: str, most: int) -> Iterator[tuple[str, float | None, str]]:
        """Operator, number and input of the nodes before a value, each with one input."""
        for _ in range(most):
            node = self._makers.get(value)
            if node is None:
                return
            data = [name for name in node.input if name and not self._is_constant(name)]
            numbers = [self._array(name) for name in node.input if self._is_constant(name)]
            if len(data) != 1 or len(numbers) > 1 or any(each.size != 1 for each in numbers):
                return
            yield node.op_type, float(numbers[0].reshape(())) if numbers else None, data[0]
            value = data[0]


def _gate(operators: list[tuple[str, float | None]]) -> str | None:
    """Name of x · g(x) for the operators of g, the last one first."""
    names = [name for name, _ in operators]
    if names == ["Sigmoid"]:
        return "silu"
    if names == ["Tanh", "Softplus"]:
        return "mish"
    if names in (["Add", "Erf", "Div"], ["Add", "Erf", "Mul"]):
        (_, one), _, (operator, number) = operators
        scale = (number or 0.0) if operator == "Mul" else 1 / (number or math.inf)
        # Constants of float32, and of one digit fewer.
        if one == 1 and math.isclose(scale, math.sqrt(0.5), rel_tol=1e-6):
            return "gelu"
    return None
