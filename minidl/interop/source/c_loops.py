"""A traced kernel as loops of C over the features of one row."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from minidl.interop.calls import Call, plain
from minidl.interop.errors import ConversionError
from minidl.interop.tracing import LEAVES, REDUCTIONS, Value, in_order, traced

#: C functions for NumPy functions that C lacks: NaN stays NaN.
NAMED = {
    "maximum": "static real maximum(real a, real b) { return (a >= b || a != a) ? a : b; }\n\n",
    "minimum": "static real minimum(real a, real b) { return (a <= b || a != a) ? a : b; }\n\n",
}

#: Functions of NumPy as expressions; f is the suffix of the C library's functions for float.
_EXPRESSIONS = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "divide": "{0} / {1}",
    "negative": "-{0}", "positive": "{0}", "square": "{0} * {0}", "absolute": "fabs{f}({0})",
    "sqrt": "sqrt{f}({0})", "exp": "exp{f}({0})", "expm1": "expm1{f}({0})", "log": "log{f}({0})",
    "log1p": "log1p{f}({0})", "tanh": "tanh{f}({0})", "sinh": "sinh{f}({0})",
    "cosh": "cosh{f}({0})", "sin": "sin{f}({0})", "cos": "cos{f}({0})", "arctan": "atan{f}({0})",
    "arcsinh": "asinh{f}({0})", "power": "pow{f}({0}, {1})", "floor": "floor{f}({0})",
    "maximum": "maximum({0}, {1})", "minimum": "minimum({0}, {1})",
    "greater": "(real)({0} > {1})", "greater_equal": "(real)({0} >= {1})",
    "less": "(real)({0} < {1})", "less_equal": "(real)({0} <= {1})",
    "equal": "(real)({0} == {1})", "not_equal": "(real)({0} != {1})",
}  # fmt: skip


def literal(number: float, single: bool) -> str:
    """A number as exact C text: hexadecimal."""
    if not math.isfinite(number):
        return "NAN" if number != number else "INFINITY" if number > 0 else "-INFINITY"
    rounded = np.float32(number).item() if single else float(number)
    text = re.sub(r"\.?0*p", "p", rounded.hex())
    return f"{text}f" if single else text


def block(call: Call, number: int, source: str, target: str, single: bool) -> tuple[str, set[str]]:
    """The loops of a call, and the names of :data:`NAMED` that the loops use.

    Args:
        call: call of a kernel.
        number: end of the names of the call's arrays.
        source, target: the memory that the loops read and write.
        single: True for float, False for double.

    Raises:
        ConversionError: the kernel needs a function that C lacks, or more memory than one row.
    """
    result = traced(call)
    values = [value for value in in_order(result) if value.operation not in LEAVES]
    loops = _Loops(values, result, call)
    names = {value: f"t{index}" for index, value in enumerate(values)}

    def text(value: Value | float) -> str:
        if not isinstance(value, Value):
            return literal(value, single)
        if value.operation == "x":
            return f"{source}[k]"
        return f"{value.name}{number}[k]" if value.operation == "array" else names[value]

    def expression(value: Value) -> str:
        pattern = _EXPRESSIONS.get(value.operation)
        if pattern is None:
            raise ConversionError(
                f"{call.layer}: C has no function for NumPy's {value.operation}; expected "
                f"{', '.join(_EXPRESSIONS)}, or to_numpy_source"
            )
        return pattern.format(*map(text, value.operands), f="f" if single else "")

    size = math.prod(call.output_shape)
    lines = [f"    /* {_note(call)} */", "    {"]
    for loop in range(loops.count):
        before, inside, after = loops.parts(loop)
        lines += [f"        const real {names[v]} = {expression(v)};" for v in before]
        lines += [
            f"        real {names[v]} = {'0' if v.operation == 'sum' else '-INFINITY'};"
            for v in after
        ]
        lines.append(f"        for (size_t k = 0; k < {size}; k++) {{")
        for value in inside:
            if value in loops.kept and loops.loop[value] < loop:
                lines.append(f"            const real {names[value]} = {target}[k];")
            elif value.operation == "matmul":
                lines += _product(names[value], call, number, source)
            else:
                lines.append(f"            const real {names[value]} = {expression(value)};")
            if value in loops.kept and loops.loop[value] == loop:
                lines.append(f"            {target}[k] = {names[value]};")
        for value in after:
            part = text(value.operands[0])
            name = names[value]
            total = f"{name} + {part}" if value.operation == "sum" else f"maximum({name}, {part})"
            lines.append(f"            {name} = {total};")
        if loop == loops.count - 1:
            lines.append(f"            {target}[k] = {text(result)};")
        lines.append("        }")
    used = {"maximum" if v.operation == "max" else v.operation for v in values} & NAMED.keys()
    return "\n".join([*lines, "    }\n"]), used


class _Loops:
    """The loops over one row in which values are computed.

    A sum along the row is known only after the loop that adds the terms.

    Attributes:
        count: number of loops.
        loop: value -> the loop that computes the value; a number is computed before the loop.
        kept: the values of a loop that a later loop needs, at most one.
    """

    def __init__(self, values: list[Value], result: Value, call: Call) -> None:
        self.values = values
        self.loop: dict[Value, int] = {}
        for value in values:
            self.loop[value] = max((self._known_from(part) for part in _parts(value)), default=0)
        self.count = self.loop.get(result, 0) + 1
        self.kept = {
            part
            for value in values
            for part in _parts(value)
            if part.wide and part.operation not in LEAVES and self.loop[value] > self.loop[part]
        }
        if len(self.kept) > 1 or (self.kept and result not in self.loop):
            raise ConversionError(
                f"{call.layer}: expected a kernel that keeps one row between its sums, received "
                f"{plain(call.function).__name__}, which keeps {len(self.kept)}; use "
                "to_numpy_source"
            )

    def _known_from(self, value: Value) -> int:
        if value.operation in LEAVES:
            return 0
        return self.loop[value] + (value.operation in REDUCTIONS)

    def parts(self, loop: int) -> tuple[list[Value], list[Value], list[Value]]:
        """The numbers before a loop, the values inside, and the sums of the loop."""
        here = [v for v in self.values if self.loop[v] == loop]
        again = [v for v in self.kept if self.loop[v] < loop]
        before = [v for v in here if not v.wide and v.operation not in REDUCTIONS]
        inside = [*again, *(v for v in here if v.wide)]
        return before, inside, [v for v in here if v.operation in REDUCTIONS]


def _parts(value: Value) -> Iterator[Value]:
    return (each for each in value.operands if isinstance(each, Value))


def _product(name: str, call: Call, number: int, source: str) -> list[str]:
    inputs = math.prod(call.input_shape)
    return [
        f"            real {name} = 0;",
        f"            for (size_t i = 0; i < {inputs}; i++)",
        f"                {name} += {source}[i] * W{number}[k * {inputs} + i];",
    ]


def _note(call: Call) -> str:
    doc = (plain(call.function).__doc__ or "").partition("\n")[0]
    name = f"{call.layer.name}, {plain(call.function).__name__}"
    return in_comment(f"{name}: {doc}".rstrip(": "))


def in_comment(text: str) -> str:
    """The text made safe for a C comment, because users choose the names of layers."""
    return re.sub(r"[\\\r\n?]|\*/|/\*", "_", text)
