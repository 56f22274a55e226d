"""Formulas as commands: the loop of a traced program, over the share of a part."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.broadcasting import BY_COLUMN, BY_ROW, EACH, ONE, kind_of
from minidl.accelerator.cpu.commands import (
    WORTH,
    Command,
    UnsupportedError,
    access,
    axis_of,
    known,
    shape_of,
)
from minidl.accelerator.cpu.machine.machine_code import COMMAND, generated
from minidl.accelerator.cpu.shares import COLUMNS, ROWS
from minidl.accelerator.cpu.team.mail import RECORD
from minidl.accelerator.cpu.team.team import part_count, team
from minidl.accelerator.overlaps import entangled, meet, pairs
from minidl.accelerator.trace.loop_source import (
    ADDRESS,
    EACH_ARRAY,
    FIXED,
    KNOWN,
    PITCH,
    source,
)
from minidl.accelerator.trace.program import Program
from minidl.backend.addresses import address, location, overlapping

_Record = ctypes.c_int64 * RECORD


class Loop(Command):
    """A program over the elements of arrays; compiled on first use.

    Attributes:
        program, numbers, working, axis: as in :func:`elementwise`.
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

    @functools.cached_property
    def reads(self) -> dict[int, tuple[Any, ...]]:
        """Locations of the arrays, by register."""
        return {register: location(array) for register, array in self.arrays.items()}

    @functools.cached_property
    def makes(self) -> tuple[tuple[Any, ...], ...]:
        """Locations of the outputs."""
        return tuple(map(location, self.outs))


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
        working: the type of the computation; default the outputs' type.
        axis: along which the arrays are shared out; default by their shape.
        numbers: as :func:`numbers_of`, in one array or several; read when the command runs.

    Raises:
        UnsupportedError: a function that compiled loops do not know, or arrays whose columns do
            not lie side by side.
    """
    if not program.ufuncs() <= KNOWN:
        raise UnsupportedError(f"{program.name}: {program.ufuncs()}")
    rows, columns = shape_of(outs[0])
    axis = axis_of(rows, columns) if axis is None else axis
    # An array that is updated in place is one argument of the loop, read and written.
    arrays: list[np.ndarray] = [arguments[i] for i in program.arrays]
    places = [next((i for i, a in enumerate(arrays) if _same(a, out)), None) for out in outs]
    known(*arrays, written=outs)
    if any(entangled(out, a) for k, out in enumerate(outs) for a in (*arrays, *outs[:k])):
        raise UnsupportedError(f"{program.name}: outputs that overlap other arrays")
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
        _types(arrays),
        tuple(-1 if p is None else p for p in places),
        _type(working),
        tuple(map(len, numbers)),
    )
    both = list(zip(arrays, kinds, strict=True))
    count = FIXED + EACH_ARRAY * len(arrays)
    block = np.zeros(count + len(numbers), np.int64)
    whole = all(k == ONE or (k == EACH and a.flags.c_contiguous) for a, k in both)
    block[:FIXED] = rows, columns, axis, whole and axis != COLUMNS
    block[count:] = list(map(address, numbers))
    for k, (array, kind) in enumerate(both):
        pitch = 0 if kind in (BY_COLUMN, ONE) or array.ndim < 2 else array.strides[0]
        if array.ndim > 2:
            pitch = array.itemsize * columns
        place = FIXED + EACH_ARRAY * k
        block[place + ADDRESS], block[place + PITCH] = address(array), pitch
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
    """Values of the program's numbers, float64, in the order of the program's loop."""
    return np.array(program.numbers(arguments), np.float64)


def _axis(kind: str, axis: int) -> int | None:
    """The axis along which an argument is shared out, for outputs along ``axis``."""
    if kind == EACH or (kind, axis) in ((BY_COLUMN, COLUMNS), (BY_ROW, ROWS)):
        return axis
    return None


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or location(a) == location(b)


def _kind(array: np.ndarray, shape: tuple[int, ...]) -> str:
    kind = kind_of(array, shape)
    if kind is None or (kind == BY_ROW and len(shape) != 2):
        raise UnsupportedError(f"shape {array.shape} with {shape}")
    if kind in (ONE, BY_ROW):
        return kind
    if array.ndim > 2 and not array.flags.c_contiguous:
        raise UnsupportedError("scattered elements")
    if array.ndim and array.strides[-1] != array.itemsize and array.shape[-1] > 1:
        raise UnsupportedError("scattered columns")
    return kind


class Eager:
    """The loop of a program, called on other arrays of the same types each time.

    Args:
        program: the formula.
        each: for each array, True for an element for each output, False for one for each column.
        arrays: the program's, then the outputs that are no arguments; contiguous.
        places: for each output, the number of its array; -1 for the next array that is no argument.
        working: the type of the computation.

    Raises:
        UnsupportedError: elements that commands do not know.
    """

    def __init__(
        self,
        program: Program,
        each: Sequence[bool],
        arrays: Sequence[np.ndarray],
        places: Sequence[int],
        working: np.dtype[Any],
    ) -> None:
        known(*arrays)
        kinds = tuple(EACH if own else BY_COLUMN for own in each)
        numbers = len(program.scalar_registers)
        self._address = _compiled(
            program, kinds, _types(arrays), tuple(places), working.name, (numbers,)
        )
        self._call = COMMAND(self._address)
        self._pitches = [
            array.itemsize if own else 0 for array, own in zip(arrays, each, strict=True)
        ]
        self._flat = all(each)
        fresh = places.count(-1)
        written = {*places, *range(len(arrays) - fresh, len(arrays))}
        self._pairs = pairs(len(arrays), written)
        self._name = program.name
        self._block = ctypes.c_int64 * (FIXED + EACH_ARRAY * len(arrays) + 1)
        self._numbers = ctypes.c_double * numbers

    def __call__(
        self, arrays: Sequence[np.ndarray], numbers: Sequence[float], shape: tuple[int, ...]
    ) -> None:
        """Run the loop, on the team's threads if large enough; ``shape`` is the outputs'."""
        size = math.prod(shape)
        rows, columns, axis = 1, size, COLUMNS  # rows one by one only where one is repeated
        if not self._flat:
            columns, axis = shape[-1], ROWS
            rows = size // max(columns, 1)
        words = [rows, columns, axis, 0]
        if meet(arrays, self._pairs):
            raise overlapping(self._name)
        for array, pitch in zip(arrays, self._pitches, strict=True):
            words += address(array), columns * pitch
        values = self._numbers(*numbers)
        block = self._block(*words, ctypes.addressof(values))
        if size < WORTH:
            self._call(ctypes.addressof(block), 0, 1)
        else:
            listed = (ctypes.c_int64 * 3)(self._address, ctypes.addressof(block), 0)
            record = _Record(ctypes.addressof(listed), 1, 1, 1, part_count(), 0)
            team().run(ctypes.addressof(record))


def _types(arrays: Sequence[np.ndarray]) -> tuple[str, ...]:
    return tuple(_type(a.dtype) for a in arrays)


@functools.cache
def _type(dtype: np.dtype[Any]) -> str:
    return "uint8" if dtype.kind == "b" else dtype.name  # as in memory


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
    return generated(program.name, source(program, kinds, types, places, working, numbers))
