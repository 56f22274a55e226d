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
    Access,
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
from minidl.accelerator.trace.loop_source import EACH_ARRAY, FIXED, KNOWN, source
from minidl.accelerator.trace.program import Program
from minidl.backend.addresses import address, location, overlapping

_Record = ctypes.c_int64 * RECORD


class Loop(Command):
    """A program over the elements of arrays; block and code are made when first asked for.

    So loops that become one loop (``fusion.py``) are made once, as that loop.

    Args:
        program, numbers, working, axis: as in :func:`elementwise`.
        arrays: by register, in the program's order.
        outs: in the program's order.
        reads: locations of the arrays, by register.
        makes: locations of the outputs.
        accesses, kept: as of :class:`Command`.
    """

    def __init__(
        self,
        program: Program,
        arrays: Mapping[int, np.ndarray],
        outs: Sequence[np.ndarray],
        numbers: Sequence[np.ndarray],
        working: np.dtype[Any],
        axis: int,
        reads: Mapping[int, tuple[Any, ...]],
        makes: Sequence[tuple[Any, ...]],
        accesses: Sequence[Access],
        kept: Any,
    ) -> None:
        self.program, self.arrays, self.outs, self.numbers = program, arrays, outs, numbers
        self.working, self.axis, self.reads, self.makes = working, axis, reads, makes
        self.hold(accesses, kept, outs[0].size)

    @functools.cached_property
    def name(self) -> str:  # type: ignore[override]
        """The program's name, with the shape of the outputs."""
        return f"{self.program.name} {self.outs[0].shape}"

    @functools.cached_property
    def function(self) -> int:
        """Address of the compiled loop."""
        return _compiled(
            self.program,
            tuple(kind for _, kind in self._both),
            tuple(_type(array.dtype) for array, _ in self._both),
            tuple(_places(self.reads, self.makes)),
            _type(self.working),
            tuple(map(len, self.numbers)),
        )

    @functools.cached_property
    def block(self) -> np.ndarray:  # type: ignore[override]
        """The sizes, and the addresses of arrays and numbers."""
        rows, columns = shape_of(self.outs[0])
        whole = all(k == ONE or (k == EACH and a.flags.c_contiguous) for a, k in self._both)
        words = [rows, columns, self.axis, whole and self.axis != COLUMNS]
        for array, kind in self._both:
            pitch = 0 if kind in (BY_COLUMN, ONE) or array.ndim < 2 else array.strides[0]
            words += address(array), array.itemsize * columns if array.ndim > 2 else pitch
        return np.array([*words, *map(address, self.numbers)], np.int64)

    @functools.cached_property
    def _both(self) -> list[tuple[np.ndarray, str]]:
        """The arrays of the loop, each with its kind."""
        return _with_kinds(self.arrays, self.outs, _places(self.reads, self.makes))


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
    outs = tuple(outs)
    axis = axis_of(*shape_of(outs[0])) if axis is None else axis
    arrays = {i: arguments[i] for i in program.arrays}
    known(*arrays.values(), written=outs)
    given = [*arrays.values()]
    if any(entangled(out, a) for k, out in enumerate(outs) for a in (*given, *outs[:k])):
        raise UnsupportedError(f"{program.name}: outputs that overlap other arrays")
    reads, makes = {i: location(a) for i, a in arrays.items()}, tuple(map(location, outs))
    places = _places(reads, makes)
    accesses = [
        access(array, k in places or k >= len(given), _axis(kind, axis))
        for k, (array, kind) in enumerate(_with_kinds(arrays, outs, places))
    ]
    numbers = (numbers_of(program, arguments),) if numbers is None else tuple(numbers)
    kept, working = (given, outs, numbers), working or outs[0].dtype
    return Loop(program, arrays, outs, numbers, working, axis, reads, makes, accesses, kept)


def _places(reads: Mapping[int, tuple[Any, ...]], makes: Sequence[tuple[Any, ...]]) -> list[int]:
    """For each output, the number of the array that is updated in place; -1 for none.

    Such an array is one argument of the loop, read and written.
    """
    known = list(reads.values())
    return [known.index(where) if where in known else -1 for where in makes]


def _with_kinds(
    arrays: Mapping[int, np.ndarray], outs: Sequence[np.ndarray], places: Sequence[int]
) -> list[tuple[np.ndarray, str]]:
    """A program's arrays, then the outputs that are no arguments; each with the kind of broadcast.

    Raises:
        UnsupportedError: an array that does not fit the outputs' shape.
    """
    fresh = [out for out, place in zip(outs, places, strict=True) if place < 0]
    return [(array, _kind(array, outs[0].shape)) for array in (*arrays.values(), *fresh)]


def numbers_of(program: Program, arguments: Mapping[int, Any]) -> np.ndarray:
    """Values of the program's numbers, float64, in the order of the program's loop."""
    return np.array(program.numbers(arguments), np.float64)


def _axis(kind: str, axis: int) -> int | None:
    """The axis along which an argument is shared out, for outputs along ``axis``."""
    if kind == EACH or (kind, axis) in ((BY_COLUMN, COLUMNS), (BY_ROW, ROWS)):
        return axis
    return None


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
            program,
            kinds,
            tuple(_type(array.dtype) for array in arrays),
            tuple(places),
            working.name,
            (numbers,),
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
