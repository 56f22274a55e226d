"""Functions that ONNX files spell out in several operators, some of which share an input value.

PyTorch and Keras write y = x · g(x) in this way; older exporters also write GELU and Mish so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Unary(NamedTuple):
    """An operator with one input, and a number or None; ``place`` is the input's index."""

    operator: str
    number: float | None
    input: str
    place: int = 0


#: The operators before a value, each with one input, the last first: (value, most).
Before = Callable[[str, int], Iterator[Unary]]


#: Name of the probabilities of two classes, 1 - p and p.
BOTH = "both classes"


class Gate(NamedTuple):
    """A factor times the function ``name`` of the value ``x``."""

    name: str
    x: str
    factor: float = 1.0


def gate_of(node: Any, data: list[str], before: Before) -> Gate | None:
    """The function that ends in a node of several inputs; None for any other node.

    Args:
        node: the NodeProto.
        data: names of the node's inputs that are no constants.
        before: search for the operators before a value.
    """
    if node.domain or len(data) < len(node.input):
        return None
    if node.op_type == "Concat" and len(data) == 2:
        match list(before(data[0], 1)):
            case [Unary("Sub", 1.0, p, 1)] if p == data[1]:
                return Gate(BOTH, p)
    if node.attribute:
        return None
    if node.op_type == "Mul" and len(data) == 2:
        return _product(data[0], data[1], before) or _product(data[1], data[0], before)
    if node.op_type == "Div" and len(data) == 2:
        x, below = data
        match list(before(below, 2)):
            case [Unary("Add", 1.0, _), Unary("Abs", None, inner)] if inner == x:
                return Gate("softsign", x)
    if node.op_type == "Where" and len(data) == 3:
        # PyTorch's softplus is x from a threshold on, where the difference is rounding.
        condition, x, other = data
        match [*before(condition, 1), *before(other, 1)]:
            case [Unary("Greater", float(start), a), Unary("Softplus", None, b)]:
                return Gate("softplus", x) if a == b == x and start >= 15 else None
    return None


def _product(x: str, gate: str, before: Before) -> Gate | None:
    """The function x · g(x); ``x`` may also be a multiple of the gate's input value."""
    bases = {x: 1.0}
    for operator, number, inner, _ in before(x, 1):
        if operator == "Mul" and number is not None:
            bases[inner] = number
    gone: list[Unary] = []
    for each in before(gate, 3):
        gone.append(each)
        name = _gate(gone)
        if name and each.input in bases:
            return Gate(name, each.input, bases[each.input] * (2.0 if name == "gelu" else 1.0))
    return None


def _gate(operators: list[Unary]) -> str | None:
    """Name of x · g(x) for the operators of g, the last first; None if unknown."""
    match operators:
        case [Unary("Sigmoid", None, _)]:
            return "silu"
        case [Unary("Tanh", None, _), Unary("Softplus", None, _)]:
            return "mish"
        case [Unary("Add", 1.0, _), Unary("Erf", None, _), Unary(last, float(number), _, k)]:
            quotient = last == "Div" and k == 0 and number != 0
            scale = number if last == "Mul" else 1 / number if quotient else 0.0
            # A float32 has seven digits.
            if math.isclose(scale, math.sqrt(0.5), rel_tol=1e-6):
                return "gelu"
    return None
