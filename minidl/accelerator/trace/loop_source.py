"""The source of the loop that a traced program is compiled to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.accelerator.broadcasting import BY_COLUMN, EACH
from minidl.accelerator.trace.program import MASKS, OPERATORS, Program, Step

#: Words of a loop's block: rows, columns, the axis shared out, and 1 if the rows lie one after
#: the other. Then of each array the address, and bytes from row to row; then addresses of numbers.
ROWS, COLUMNS, AXIS, JOINED = range(4)
FIXED, EACH_ARRAY = 4, 2
ADDRESS, PITCH = range(2)

_HEADER = """\
import math

from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import {types}
from minidl.accelerator.cpu.machine.values import {working} as T
from minidl.accelerator.cpu.shares import as_one, share

"""

# Expressions of NumPy's functions on scalars. T is the working floating type: the language of
# commands adds no numbers of different types.
SCALAR = {
    **OPERATORS,
    "sqrt": "math.sqrt({0})",
    "absolute": "abs({0})",
    # NaN comes through, as in NumPy.
    "sign": "{0} if {0} != {0} else T({0} > 0) - T({0} < 0)",
    "maximum": "{1} if {0} < {1} or {1} != {1} else {0}",
    "minimum": "{1} if {0} > {1} or {1} != {1} else {0}",
    "isfinite": "math.isfinite({0})",
    "logical_and": "({0} != 0) & ({1} != 0)",
    "logical_or": "({0} != 0) | ({1} != 0)",
}

#: The NumPy functions that loops know.
KNOWN = frozenset(SCALAR)


def source(
    program: Program,
    kinds: Sequence[str],
    types: Sequence[str],
    places: Sequence[int],
    working: str,
    numbers: Sequence[int],
) -> str:
    """Python source of the command, in the language that is compiled.

    Args:
        program: the formula.
        kinds, types: of the arrays: the program's, then the outputs that are no program arrays.
        places: for each output, the number of its array; -1 for the next array after the program's.
        working: the type of the computation.
        numbers: the count of numbers in each array of numbers.
    """
    count = len(program.arrays)
    moving = [k for k, kind in enumerate(kinds) if kind in (EACH, BY_COLUMN)]
    registers = [f"r{i}" for i in program.scalar_registers]
    fixed = {k: f"r{program.arrays[k]}" for k in range(count) if k not in moving}
    body = [f"r{program.arrays[k]} = T(x{k}[j])" for k in range(count) if k in moving]
    masks: set[int] = set()
    for step in program.steps:
        body.append(f"r{step.target} = {_expression(step, masks)}")
        if step.ufunc in MASKS:
            masks.add(step.target)
    fresh = iter(range(count, len(kinds)))
    for place, register in zip(places, program.outputs, strict=True):
        target = next(fresh) if place < 0 else place
        body.append(f"x{target}[j] = {types[target]}(r{register})")
    parameters = [f"x{k}" for k in moving] + list(fixed.values()) + registers
    own = [FIXED + EACH_ARRAY * k for k in range(len(kinds))]
    row = [f"words[{k + ADDRESS}] + i * words[{k + PITCH}]" for k in own]
    given = [f"at({row[k]} + low * {np.dtype(types[k]).itemsize}, {types[k]})" for k in moving]
    given += [f"T(at({row[k]}, {types[k]})[0])" for k in fixed]
    given += [f"T(numbers_{k}[{j}])" for k, size in enumerate(numbers) for j in range(size)]
    end = FIXED + EACH_ARRAY * len(kinds)
    shared = ", ".join(f"words[{k}]" for k in (ROWS, COLUMNS, AXIS))
    lines = [
        _HEADER.format(types=", ".join(sorted({*types, "float64", "int64"})), working=working),
        f"def row({', '.join([*parameters, 'n'])}):",
        "    for j in range(n):",
        *[f"        {line}" for line in body],
        "",
        "def command(block, part, parts):",
        "    words = at(block, int64)",
        *[f"    numbers_{k} = at(words[{end + k}], float64)" for k in range(len(numbers))],
        f"    first, last, low, high = share({shared}, part, parts)",
        f"    last, high = as_one(first, last, high, words[{JOINED}])",
        "    if low < high:",
        "        for i in range(first, last):",
        f"            row({', '.join([*given, 'high - low'])})",
        "",
    ]
    return "\n".join(lines)


def _expression(step: Step, masks: set[int]) -> str:
    numbers = masks if step.ufunc not in MASKS else ()
    names = [f"T(r{i})" if i in numbers else f"r{i}" for i in step.operands]
    return SCALAR[step.ufunc].format(*names)
