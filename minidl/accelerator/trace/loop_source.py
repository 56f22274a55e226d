"""The source of the loop that a traced program is compiled to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.accelerator.trace.program import MASKS, OPERATORS, Program, Step
from minidl.backend.layout import BY_COLUMN, EACH

#: Words of a loop's block before those of the arrays: rows, columns, how they are shared out,
#: whether the rows lie one after the other.
FIXED = 4

_HEADER = """\
import math

from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import {types}
from minidl.accelerator.cpu.machine.values import {working} as T
from minidl.accelerator.cpu.shares import as_one, share

"""

# How each NumPy function reads on scalars. T is the working floating type: the language of
# commands adds no numbers of different types.
SCALAR = {
    **OPERATORS,
    "sqrt": "math.sqrt({0})",
    "absolute": "abs({0})",
    # NaN comes through, as it does in NumPy.
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
        kinds, types: of the arrays: the program's, then the outputs that are none of them.
        places: for each output, which array it is; -1 for the next of the others.
        working: the type in which it is computed.
        numbers: how many lie in each array of them.
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
    row = [f"words[{FIXED + 2 * k}] + i * words[{FIXED + 2 * k + 1}]" for k in range(len(kinds))]
    given = [f"at({row[k]} + low * {np.dtype(types[k]).itemsize}, {types[k]})" for k in moving]
    given += [f"T(at({row[k]}, {types[k]})[0])" for k in fixed]
    given += [f"T(numbers_{k}[{j}])" for k, size in enumerate(numbers) for j in range(size)]
    end = FIXED + 2 * len(kinds)
    lines = [
        _HEADER.format(types=", ".join(sorted({*types, "float64", "int64"})), working=working),
        f"def row({', '.join([*parameters, 'n'])}):",
        "    for j in range(n):",
        *[f"        {line}" for line in body],
        "",
        "def command(block, part, parts):",
        "    words = at(block, int64)",
        *[f"    numbers_{k} = at(words[{end + k}], float64)" for k in range(len(numbers))],
        "    first, last, low, high = share(words[0], words[1], words[2], part, parts)",
        "    last, high = as_one(first, last, high, words[3])",
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
