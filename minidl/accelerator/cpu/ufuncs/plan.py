"""NumPy's own loops as commands: exponentials, logarithms and the like, to the same bits.

Every function of NumPy that works element by element is a table of C loops, one for each
combination of types, that hold no lock of Python's. The layout of the table is part of NumPy's C
interface (``PyUFuncObject`` in ufuncobject.h); LLVM has no vector code for these functions.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence

import numpy as np

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.commands import (
    Command,
    UnsupportedError,
    access,
    axis_of,
    block_of,
    known,
    shape_of,
)
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.team.team import part_count
from minidl.accelerator.cpu.ufuncs.words import (
    ADDRESS,
    AXIS,
    COLUMNS,
    COUNT,
    DATA,
    EACH,
    FIXED,
    JOINED,
    LOOP,
    MOST,
    OWN,
    PARTS,
    PITCH,
    ROWS,
    STEP,
)
from minidl.accelerator.overlaps import entangled
from minidl.backend.addresses import address


class _Ufunc(ctypes.Structure):
    _fields_ = (
        ("head", ctypes.c_char * object.__basicsize__),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_char)),
    )


def ufunc_loop(ufunc: np.ufunc, inputs: Sequence[np.ndarray], out: np.ndarray) -> Command:
    """out = ufunc(inputs), arrays of one type and shape, with NumPy's own loop.

    Raises:
        UnsupportedError: other arrays, or a function without a loop for such arrays.
    """
    arrays = (*inputs, out)
    if any(a.shape != out.shape or a.dtype != out.dtype for a in arrays) or len(arrays) > MOST:
        raise UnsupportedError(f"{ufunc.__name__} of {[(a.dtype, a.shape) for a in arrays]}")
    known(*inputs, written=[out])
    if any(entangled(out, each) for each in inputs):
        raise UnsupportedError(f"{ufunc.__name__} into memory that it reads elsewhere")
    if out.ndim > 2 and not all(a.flags.c_contiguous or not any(a.strides) for a in arrays):
        raise UnsupportedError("scattered elements")
    rows, columns = shape_of(out)
    axis = axis_of(rows, columns)
    function, data = _find(ufunc, out.dtype.char * len(arrays))
    whole = all(a.flags.c_contiguous or not any(a.strides) for a in arrays)
    words = {
        LOOP: function, DATA: data, AXIS: axis, ROWS: rows, COLUMNS: columns, COUNT: len(arrays),
        JOINED: whole and axis != shares.COLUMNS,
    }  # fmt: skip
    for k, array in enumerate(arrays):
        # A single column may have any distance to the next. One number for all has none, also where
        # all is one element: NumPy's power goes by that, and computes x² as a product, say.
        dense = array.flags.c_contiguous and any(array.strides)
        step = array.itemsize if dense else array.strides[-1] if array.ndim else 0
        pitch = array.strides[-2] if array.ndim > 1 else 0
        place = FIXED + EACH * k
        words |= {place + ADDRESS: address(array), place + PITCH: pitch, place + STEP: step}
    block = block_of(PARTS + OWN * part_count(), words)
    # One number, repeated for all elements, is read by every part.
    axes = [axis if a.size == 1 or any(a.strides) else None for a in arrays]
    accesses = [access(a, a is out, s) for a, s in zip(arrays, axes, strict=True)]
    loop = command("loop", "ufuncs")
    return Command(f"{ufunc.__name__} {out.shape}", loop, block, accesses, arrays, 4 * out.size)


@functools.cache
def _find(ufunc: np.ufunc, types: str) -> tuple[int, int]:
    """Address and data of the loop for these types."""
    table = _Ufunc.from_address(id(ufunc))
    if (table.nin, table.nout, table.ntypes) != (ufunc.nin, ufunc.nout, ufunc.ntypes):
        raise UnsupportedError(f"{ufunc.__name__}: another layout of NumPy's table")
    for k, kinds in enumerate(ufunc.types):
        if kinds.replace("->", "") == types:
            data = table.data[k] if table.data else None
            return table.functions[k] or 0, data or 0
    raise UnsupportedError(f"{ufunc.__name__} of {types}")
