"""Formulas to test the executors with, made by hand and at random."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from minidl.backend import fused, to_host
from tests.kernels.running import blank, device


@fused
def weighted(x, y, weight):
    """weight · x + y."""
    return weight * x + y


def numbers(shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def call(formula, arrays, outputs, aliases, dtype, *constants):
    """Results of a fused formula, with outputs that overwrite arguments as ``aliases`` say."""
    given = [device(a) for a in arrays]
    shape = max((a.shape for a in arrays), key=len)
    outs = tuple(blank(shape, dtype) if k is None else given[k] for k in aliases)
    out = outs if outputs > 1 else outs[0]
    assert formula(*given, *constants, out=out) is out
    overwritten = {k for k in aliases if k is not None}
    for k, (array, before) in enumerate(zip(given, arrays, strict=True)):
        if k not in overwritten:
            np.testing.assert_array_equal(to_host(array), before)
    return [to_host(o) for o in outs]


UNARY = {"negative": np.negative, "root": lambda x: np.sqrt(np.abs(x))}
BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "maximum": np.maximum,
}
CONSTANT = 0.75


@dataclass(frozen=True)
class RandomFormula:
    """A program over registers: the arrays, one number, one constant, then the operations.

    Attributes:
        rows: for each array, whether it is one row (else it has the outputs' shape).
        operations: name, and the registers of the operands.
        outputs: registers; some may be arguments, or come twice.
        aliases: for each output, the array that it overwrites, or None.
    """

    rows: tuple[bool, ...]
    operations: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[int, ...]
    aliases: tuple[int | None, ...]

    def function(self) -> Callable[..., Any]:
        """As a function of the arrays and the number, as a person would have written it."""

        def formula(*arguments: Any) -> Any:
            registers = [*arguments, CONSTANT]
            for name, operands in self.operations:
                apply = (UNARY | BINARY)[name]
                registers.append(apply(*(registers[k] for k in operands)))
            results = tuple(registers[k] for k in self.outputs)
            return results if len(results) > 1 else results[0]

        names = [f"x{k}" for k in range(len(self.rows))] + ["number"]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        formula.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, kind) for name in names]
        )
        return formula


@st.composite
def random_formulas(draw: st.DrawFn) -> RandomFormula:
    """Formulas of 1 to 4 arrays and up to 5 operations.

    Five squarings of numbers up to 4 stay below 2e19: within float32.
    """
    rows = draw(st.lists(st.booleans(), min_size=1, max_size=4))
    count = len(rows)
    arrays = list(range(count))
    anything = [*arrays, count, count + 1]  # the number and the constant
    operations = []
    for _ in range(draw(st.integers(1, 5))):
        name = draw(st.sampled_from([*UNARY, *BINARY]))
        operands = [draw(st.sampled_from(arrays))]
        if name in BINARY:
            operands.append(draw(st.sampled_from(anything)))
            if draw(st.booleans()):
                operands.reverse()
        operations.append((name, tuple(operands)))
        result = count + 1 + len(operations)
        arrays.append(result)
        anything.append(result)
    # The last results first: what was computed is used.
    outputs = draw(st.lists(st.sampled_from(arrays[::-1]), min_size=1, max_size=3))
    free: Sequence[int | None] = [k for k in range(count) if not rows[k]]
    aliases: list[int | None] = []
    for _ in outputs:
        alias = draw(st.sampled_from([None, *(k for k in free if k not in aliases)]))
        aliases.append(alias)
    return RandomFormula(tuple(rows), tuple(operations), tuple(outputs), tuple(aliases))
