"""A formula, traced once into a short program that every executor can run.

An elementwise formula is ordinary Python on whole arrays. Calling it with
:class:`Term` operands instead of arrays records the NumPy functions and the operands of
each call; the record is a :class:`Program`. Executors turn the program into block-wise ufunc
calls (``blocks``), a compiled loop (``loops``) or a CUDA kernel (``cuda``); so the
formula itself is written once and never knows its executor.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

COMPARISONS = frozenset(
    {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "isfinite"}
)
# NumPy's arithmetic among booleans; NumPy has no other.
_LOGICAL = {
    "multiply": "logical_and",
    "minimum": "logical_and",
    "add": "logical_or",
    "maximum": "logical_or",
}
# Python's own operators are ten times faster on single numbers, and do the same; but for division,
# which raises where NumPy gives infinity.
_ARITHMETIC = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}
#: Expressions of functions on numbers, in Python as in C++.
OPERATORS = {
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "square": "{0} * {0}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
}
#: NumPy functions whose results are masks, True or False.
MASKS = COMPARISONS | frozenset(_LOGICAL.values())


@dataclass(frozen=True)
class Step:
    """``registers[target] = ufunc(*registers[operands])``."""

    ufunc: str
    operands: tuple[int, ...]
    target: int


@dataclass(frozen=True, eq=False)
class Program:
    """The computation of a formula, as steps over numbered registers.

    The first registers are the formula's arguments, in order. ``prologue`` holds the
    steps between scalars only (``1 - beta_1``): they run once a call in double
    precision, exactly as Python would. ``steps`` run for every element.
    """

    name: str
    arrays: tuple[int, ...]
    scalars: tuple[int, ...]
    constants: dict[int, float]
    prologue: tuple[Step, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    @functools.cached_property
    def scalar_registers(self) -> tuple[int, ...]:
        """The registers that hold numbers: arguments, constants, results of the prologue."""
        return (*self.scalars, *self.constants, *(step.target for step in self.prologue))

    @functools.cached_property
    def read(self) -> frozenset[int]:
        """The registers that something is made of, or that are results."""
        return frozenset(i for step in self.steps for i in step.operands) | set(self.outputs)

    def ufuncs(self) -> set[str]:
        """Names of the NumPy functions applied to arrays."""
        return {step.ufunc for step in self.steps}

    def scalar_values(self, arguments: Sequence[Any] | Mapping[int, Any]) -> dict[int, float]:
        """Value of every scalar register for the given arguments, in double precision."""
        return dict(zip(self.scalar_registers, self.numbers(arguments), strict=True))

    @functools.cached_property
    def numbers(self) -> Callable[[Sequence[Any] | Mapping[int, Any]], list[float]]:
        """Computes the same values, in the order of :attr:`scalar_registers`."""
        known: dict[str, Any] = {f"r{k}": value for k, value in self.constants.items()}
        lines = [f"r{k} = arguments[{k}]" for k in self.scalars]
        for step in self.prologue:
            compute = _ARITHMETIC.get(step.ufunc) or getattr(np, step.ufunc)
            known[f"compute{step.target}"] = compute
            operands = ", ".join(f"r{k}" for k in step.operands)
            lines.append(f"r{step.target} = float(compute{step.target}({operands}))")
        lines.append(f"return [{', '.join(f'r{k}' for k in self.scalar_registers)}]")
        # Written out, because it runs at each step: a loop over the prologue takes twice as long.
        exec("def numbers(arguments):\n    " + "\n    ".join(lines), known)
        found: Callable[[Sequence[Any] | Mapping[int, Any]], list[float]] = known["numbers"]
        return found


class Term(NDArrayOperatorsMixin):
    """One operand of a formula under trace; operators and NumPy ufuncs record steps."""

    __slots__ = ("register", "trace")

    def __init__(self, trace: _Trace, register: int) -> None:
        self.trace = trace
        self.register = register

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Term:
        if method != "__call__" or options or ufunc.nout != 1 or ufunc.signature:
            raise TypeError(
                f"formula {self.trace.name!r}: expected a plain elementwise call of "
                f"np.{ufunc.__name__}, received method {method!r} with {sorted(options)}"
            )
        return self.trace.record(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise TypeError(
            f"formula {self.trace.name!r}: np.{function.__name__} is not a ufunc; "
            "a fused formula may only combine elements in the same place"
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"formula {self.trace.name!r} branches on an array value; use np.maximum, "
            "np.minimum or a product with a comparison"
        )


class _Trace:
    def __init__(self, name: str) -> None:
        self.name = name
        self.kinds: list[str] = []
        self.constants: dict[int, float] = {}
        self.prologue: list[Step] = []
        self.steps: list[Step] = []
        self._known: dict[tuple[Any, ...], Term] = {}

    def register(self, kind: str) -> int:
        self.kinds.append(kind)
        return len(self.kinds) - 1

    def operand(self, value: Any) -> int:
        if isinstance(value, Term):
            return value.register
        if not isinstance(value, int | float):
            raise TypeError(
                f"formula {self.name!r}: expected arrays and numbers, received "
                f"{type(value).__name__}"
            )
        key = ("constant", repr(float(value)))  # 0.0 and -0.0 are two constants
        if key not in self._known:
            index = self.register("scalar")
            self.constants[index] = float(value)
            self._known[key] = Term(self, index)
        return self._known[key].register

    def record(self, ufunc: str, inputs: Sequence[Any]) -> Term:
        operands = tuple(self.operand(value) for value in inputs)
        if ufunc not in MASKS and all(self.kinds[i] == "mask" for i in operands):
            if ufunc not in _LOGICAL:
                raise TypeError(
                    f"formula {self.name!r}: np.{ufunc} on comparisons alone; multiply one by a "
                    "number first"
                )
            ufunc = _LOGICAL[ufunc]
        key = (ufunc, *operands)
        if key not in self._known:
            scalar = all(self.kinds[operand] == "scalar" for operand in operands)
            kind = "mask" if ufunc in MASKS else "array"
            target = self.register("scalar" if scalar else kind)
            (self.prologue if scalar else self.steps).append(Step(ufunc, operands, target))
            self._known[key] = Term(self, target)
        return self._known[key]

    def number(self, mask: int) -> Term:
        """The comparison in register ``mask`` as a number, 0 or 1."""
        return self.record("multiply", (Term(self, mask), 1))


def trace(formula: Callable[..., Any], is_array: Sequence[bool]) -> Program:
    """Run ``formula`` on recording operands.

    Args:
        formula: takes arrays and numbers, returns an array or a tuple of arrays.
        is_array: for each argument, True for an array, False for a number.

    Raises:
        TypeError: the formula does something that is not elementwise.
    """
    name = formula.__name__
    expected = len(inspect.signature(formula).parameters)
    if len(is_array) != expected:
        raise TypeError(
            f"formula {name!r}: expected {expected} arguments, received {len(is_array)}"
        )
    record = _Trace(name)
    terms = [Term(record, record.register("array" if flag else "scalar")) for flag in is_array]
    result = formula(*terms)
    outputs = result if isinstance(result, tuple) else (result,)
    # An argument returned unchanged becomes a copy, so that no output is read from an array
    # that another output overwrites; a comparison becomes the numbers 0 and 1.
    outputs = tuple(+v if any(v is term for term in terms) else v for v in outputs)
    registers = [record.operand(value) for value in outputs]
    registers = [record.number(r).register if record.kinds[r] == "mask" else r for r in registers]
    return Program(
        name=name,
        arrays=tuple(i for i, flag in enumerate(is_array) if flag),
        scalars=tuple(i for i, flag in enumerate(is_array) if not flag),
        constants=record.constants,
        prologue=tuple(record.prologue),
        steps=tuple(record.steps),
        outputs=tuple(registers),
    )
