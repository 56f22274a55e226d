"""Formulas as commands: the loop of a traced program, over the share of a part."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.formula import MASKS, Program
from minidl.backend.layout import address, location
from minidl.backend.native.commands import (
    Command,
    UnsupportedError,
    access,
    axis_of,
    known,
    shape_of,
)
from minidl.backend.native.lowlevel import COLUMNS, ROWS, VERSION

# What an argument is to the elements: one of its own for each; one for each column; one for each
# row; one for all.
EACH, BY_COLUMN, BY_ROW, ONE = "each", "column", "row", "one"

_FIXED = 4  # words of the block before those of the arrays
_HEADER = """\
# lowlevel {version}
import math
import numba
from numpy import {names}
from numpy import {working} as T
from minidl.backend.native.lowlevel import COMMAND, at, share

"""


class Loop(Command):
    """A program over the elements of arrays; compiled when it is first asked for.

    Attributes:
        program, numbers, working, axis: as :func:`elementwise` takes them.
        arrays: by register.
        outs: in the program's order.
        compiled: arguments of the compiler.
    """

    program: Program
    numbers: Sequence[np.ndarray]
    working: np.dtype[Any]
    axis: int
    arrays: Mapping[int, np.ndarray]
    outs: tuple[np.ndarray, ...]
    compiled: tuple[Any, ...]

    @property
    def function(self) -> int:
        """Address of the compiled loop."""
        return _compiled(*self.compiled)

    @function.setter
    def function(self, address: Any) -> None:
        """Compiled later."""


def elementwise(
    program: Program,
    arguments: Mapping[int, Any],
    outs: Sequence[np.ndarray],
    working: np.dtype[Any] | None = None,
    axis: int | None = None,
    numbers: Sequence[np.ndarray] | None = None,
) -> Loop:
    """outs = program(arguments), element by element.

    Arguments are numbers, or arrays that NumPy would broadcast to the outputs' shape.

    Args:
        program: traced from a formula.
        arguments: by register.
        outs: of one shape. One may be an argument, which is then overwritten.
        working: in which type it is computed; the outputs' if left out.
        axis: along which the arrays are shared out; by their shape if left out.
        numbers: what :func:`numbers_of` gives, in one array or several; read when the command
            runs.

    Raises:
        UnsupportedError: a function that compiled loops do not know, or arrays whose columns do
            not lie side by side.
    """
    if not program.ufuncs() <= set(loops._SCALAR):
        raise UnsupportedError(f"{program.name}: {program.ufuncs()}")
    rows, columns = shape_of(outs[0])
    axis = axis_of(rows, columns) if axis is None else axis
    # An array that is updated in place is one argument of the loop, read and written.
    arrays: list[np.ndarray] = [arguments[i] for i in program.arrays]
    places = [next((i for i, a in enumerate(arrays) if _same(a, out)), None) for out in outs]
    known(*arrays, *outs)
    kinds = [_kind(a, outs[0].shape) for a in arrays]
    for out, place in zip(outs, places, strict=True):
        if place is None:
            arrays.append(out)
            kinds.append(_kind(out, out.shape))
    written = {id(a) for a in outs} | {id(arrays[p]) for p in places if p is not None}
    numbers = (numbers_of(program, arguments),) if numbers is None else numbers
    working = working or outs[0].dtype
    compiled = (
        program,
        tuple(kinds),
        tuple("uint8" if a.dtype == bool else a.dtype.name for a in arrays),  # as in memory
        tuple(-1 if p is None else p for p in places),
        working.name,
        tuple(map(len, numbers)),
    )
    both = list(zip(arrays, kinds, strict=True))
    count = _FIXED + 2 * len(arrays)
    block = np.zeros(count + len(numbers), np.int64)
    whole = all(k == ONE or (k == EACH and a.flags.c_contiguous) for a, k in both)
    block[:_FIXED] = rows, columns, axis, whole and axis != COLUMNS
    block[count:] = list(map(address, numbers))
    for k, (array, kind) in enumerate(both):
        pitch = 0 if kind in (BY_COLUMN, ONE) or array.ndim < 2 else array.strides[0]
        if array.ndim > 2:
            pitch = array.itemsize * columns
        block[_FIXED + 2 * k : _FIXED + 2 * k + 2] = address(array), pitch
    accesses = [access(a, id(a) in written, _axis(kind, axis)) for a, kind in both]
    made = Loop(
        f"{program.name} {outs[0].shape}", None, block, accesses, (arrays, numbers), outs[0].size
    )
    made.compiled = compiled
    made.program, made.numbers, made.working, made.axis = program, tuple(numbers), working, axis
    made.arrays = {i: arguments[i] for i in program.arrays}
    made.outs = tuple(outs)
    return made


def numbers_of(program: Program, arguments: Mapping[int, Any]) -> np.ndarray:
    """The values of the program's numbers, float64, in the order in which its loop takes them."""
    return np.array(program.numbers(arguments), np.float64)


def _axis(kind: str, axis: int) -> int | None:
    """How an argument is shared out where the outputs are along ``axis``."""
    if kind == EACH or (kind, axis) in ((BY_COLUMN, COLUMNS), (BY_ROW, ROWS)):
        return axis
    return None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or location(a) == location(b)


def _kind(array: np.ndarray, shape: tuple[int, ...]) -> str:
    if array.size == 1 and shape != array.shape:
        return ONE
    if array.shape == shape:
        kind = EACH
    elif array.shape == shape[-1:] or array.shape == (1, *shape[-1:]):
        kind = BY_COLUMN
    elif len(shape) == 2 and array.shape == (shape[0], 1):
        return BY_ROW
    else:
        raise UnsupportedError(f"shape {array.shape} with {shape}")
    if array.ndim > 2 and not array.flags.c_contiguous:
        raise UnsupportedError("scattered elements")
    if array.ndim and array.strides[-1] != array.itemsize and array.shape[-1] > 1:
        raise UnsupportedError("scattered columns")
    return kind


@functools.cache
def _compiled(
    program: Program,
    kinds: tuple[str, ...],
    types: tuple[str, ...],
    places: tuple[int, ...],
    working: str,
    numbers: tuple[int, ...],
) -> int:
    """Address of the command for arguments of these kinds and types, compiled or from the cache."""
    text = source(program, kinds, types, places, working, numbers)
    function: int = loops._load(program.name, text).address
    return function


def source(
    program: Program,
    kinds: Sequence[str],
    types: Sequence[str],
    places: Sequence[int],
    working: str,
    numbers: Sequence[int],
) -> str:
    """Python source of the command that Numba compiles.

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
        body.append(f"r{step.target} = {loops._expression(step, masks)}")
        if step.ufunc in MASKS:
            masks.add(step.target)
    fresh = iter(range(count, len(kinds)))
    for place, register in zip(places, program.outputs, strict=True):
        target = next(fresh) if place < 0 else place
        body.append(f"x{target}[j] = {types[target]}(r{register})")
    parameters = [f"x{k}" for k in moving] + list(fixed.values()) + registers
    row = [f"words[{_FIXED + 2 * k}] + i * words[{_FIXED + 2 * k + 1}]" for k in range(len(kinds))]
    given = [
        f"at({row[k]} + low * {np.dtype(types[k]).itemsize}, numba.types.{types[k]})"
        for k in moving
    ]
    given += [f"T(at({row[k]}, numba.types.{types[k]})[0])" for k in fixed]
    given += [f"T(numbers_{k}[{j}])" for k, size in enumerate(numbers) for j in range(size)]
    end = _FIXED + 2 * len(kinds)
    lines = [
        _HEADER.format(version=VERSION, names=", ".join(sorted(set(types))), working=working),
        # NumPy's rules for division by zero: Numba's own would forbid vector code.
        '@numba.njit(error_model="numpy")',
        f"def row({', '.join([*parameters, 'n'])}):",
        "    for j in range(n):",
        *[f"        {line}" for line in body],
        "",
        '@numba.cfunc(COMMAND, cache=True, error_model="numpy")',
        f"def {program.name}(block, part, parts):",
        "    words = at(block, numba.types.int64)",
        *[
            f"    numbers_{k} = at(words[{end + k}], numba.types.float64)"
            for k in range(len(numbers))
        ],
        "    first, last, low, high = share(words[0], words[1], words[2], part, parts)",
        "    if words[3] != 0 and first < last:",  # the rows lie one after the other
        "        high *= last - first",
        "        last = first + 1",
        "    if low < high:",
        "        for i in range(first, last):",
        f"            row({', '.join([*given, 'high - low'])})",
        "",
    ]
    return "\n".join(lines)
