"""The chain of operators that leads to an output of an ONNX graph, found backward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.interop.errors import ConversionError
from minidl.interop.onnx.gates import Gate, Unary, gate_of
from minidl.interop.onnx.tensors import Beside, array, constant
from minidl.saving.archive import MalformedError

#: Limit for the operators of a chain, as for the layers in minidl's files.
LONGEST = 4096
#: Limit for the Identity nodes between a tensor and its use.
_COPIES = 8


@dataclass(frozen=True)
class Step:
    """One operator of the chain.

    Attributes:
        operator: name, after a domain if there is one: "Relu", "ai.onnx.ml.Scaler".
        node: the NodeProto.
        place: index, among the inputs, of the value from the step before.
        constants: the other inputs by index.
        gate: the function that this operator forms with earlier operators; or None.
    """

    operator: str
    node: Any
    place: int
    constants: dict[int, np.ndarray]
    gate: Gate | None = None

    def __str__(self) -> str:
        return f"{self.operator} {self.node.name}".rstrip()


class Chain:
    """An ONNX graph, searched from one output back to the input.

    Args:
        graph: the GraphProto.
        beside: the files beside the graph's file.

    Raises:
        MalformedError: two nodes make the same value, or a name is no text.
    """

    def __init__(self, graph: Any, beside: Beside) -> None:
        self._beside = beside
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._arrays: dict[str, np.ndarray] = {}
        self._makers: dict[str, Any] = {}
        for node in graph.node:
            texts = (node.op_type, node.domain, node.name, *node.input, *node.output)
            if not all(isinstance(each, str) for each in texts):
                raise MalformedError("expected names in UTF-8, received other bytes")
            for name in filter(None, node.output):
                if name in self._makers:
                    raise MalformedError(f"expected one node that makes {name!r}, received two")
                self._makers[name] = node
        self.inputs = [each for each in graph.input if each.name not in self._tensors]
        self.outputs = [each.name for each in graph.output]

    def steps(self, output: str | None) -> tuple[str, list[Step]]:
        """Name of the input, and the steps from the input to an output.

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
            if len(found) == LONGEST:
                raise ConversionError(f"expected at most {LONGEST} operators, received more")
            seen.add(output)
            output, step = self._before(output)
            found.append(step)
        return output, found[::-1]

    def _before(self, value: str) -> tuple[str, Step]:
        """The input of the step that makes a value, and the step."""
        node = self._makers.get(value)
        if node is None:
            raise MalformedError(f"expected a node that makes {value!r}, received none")
        data = [k for k, name in enumerate(node.input) if name and not self._is_constant(name)]
        operator = (
            node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        )
        gate = gate_of(node, [node.input[k] for k in data], self._unary)
        if gate is not None:
            return gate.x, Step(operator, node, 0, {}, gate)
        if value != node.output[0]:
            raise ConversionError(
                f"operator {operator} {node.name!r}: minidl has no layer for an operator of "
                f"several results, received {', '.join(map(repr, node.output))}; output=... reads "
                "the network up to any value before"
            )
        if len(data) != 1:
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
        return self._source(name) is not None

    def _source(self, name: str) -> Any:
        """The tensor or Constant node behind a value; None if the value depends on the input."""
        for _ in range(_COPIES):
            if name in self._tensors:
                return self._tensors[name]
            maker = self._makers.get(name)
            if maker is None or maker.op_type not in ("Constant", "Identity"):
                return None
            if maker.op_type == "Constant":
                return maker
            name = maker.input[0] if maker.input else ""
        return None

    def _array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            source = self._source(name)
            known = hasattr(source, "op_type")
            self._arrays[name] = constant(source) if known else array(source, self._beside)
        return self._arrays[name]

    def _unary(self, value: str, most: int) -> Iterator[Unary]:
        """Operator, number and input of the one-input nodes before a value, at most ``most``."""
        for _ in range(most):
            node = self._makers.get(value)
            if node is None or node.attribute or node.domain:
                return
            data = [name for name in node.input if name and not self._is_constant(name)]
            numbers = [self._array(name) for name in node.input if self._is_constant(name)]
            if len(data) != 1 or len(numbers) > 1 or any(each.size != 1 for each in numbers):
                return
            number = float(numbers[0].reshape(())) if numbers else None
            yield Unary(node.op_type, number, data[0], list(node.input).index(data[0]))
            value = data[0]
