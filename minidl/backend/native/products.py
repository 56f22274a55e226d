"""Matrix products: each part calls BLAS, on one thread, for its share of the result.

The BLAS is the one that SciPy comes with and offers to compiled code
(``scipy.linalg.cython_blas``).
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from typing import Any

import numba
import numpy as np
from numba.extending import get_cython_function_address
from threadpoolctl import ThreadpoolController

from minidl.backend.native.commands import (
    Access,
    COLUMNS,
    ROWS,
    Command,
    Unsupported,
    access,
    address,
    axis_of,
    starts,
)
from minidl.backend.native.lowlevel import COMMAND, WIDE, ask, at, call
from minidl.backend.native.team import team

_NAMES = {"f": "sgemm", "d": "dgemm"}
# Words of a part's table: whether it has work, the 13 addresses that gemm takes, the values that
# lie behind them.
_ADDRESSES, _VALUES, _TABLE = 1, 14, 24


@numba.cfunc(COMMAND, cache=True)
def _gemm(block, part, parts):
    words = at(block, numba.types.int64)
    t = at(block + 8 * (1 + _TABLE * part), numba.types.int64)
    if t[0] != 0:
        call(
            words[0],
            (t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13]),
        )


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Command:
    """out = a b, for arrays of two axes; a and b may be transposed views.

    Raises:
        Unsupported: other types than float32 and float64, or rows that do not lie one after the
            other.
    """
    name = _NAMES.get(out.dtype.char)
    if name is None or not a.dtype == b.dtype == out.dtype or a.ndim != 2 or b.ndim != 2:
        raise Unsupported("a product of other types")
    (rows, inner), columns = a.shape, b.shape[1]
    axis = axis_of(rows, columns)
    if rows >= WIDE and _layout(a)[0] == ord("T"):
        # A gradient of weights: shared out by rows, as the update will be.
        axis = ROWS
    parts = team().parts
    block = np.zeros(1 + _TABLE * parts, np.int64)
    block[0] = _function(name)
    for part in range(parts):
        table = block[1 + _TABLE * part :][:_TABLE]
        low, high = (starts((rows, columns)[axis == COLUMNS], k, parts) for k in (part, part + 1))
        if axis == COLUMNS:
            shares = a, b[:, low:high], out[:, low:high]
        elif axis == ROWS:
            shares = a[low:high], b, out[low:high]
        else:
            shares = (a, b, out) if part == 0 else (a, b, out[:0])
        if shares[2].size:
            _fill(table, *shares)
    accesses = [
        access(a, False, None if axis == COLUMNS else axis),
        access(b, False, None if axis == ROWS else axis),
        access(out, True, axis),
    ]
    return Command(_gemm.address, block, accesses, (a, b, out))


@numba.cfunc(COMMAND, cache=True)
def _hush(block, part, parts):
    """BLAS on one thread from here on; how many it had is kept in the block."""
    words = at(block, numba.types.int64)
    if part == 0:
        for k in range(words[0]):
            words[3 * k + 3] = ask(words[3 * k + 1])
            call(words[3 * k + 2], (1,))


@numba.cfunc(COMMAND, cache=True)
def _restore(block, part, parts):
    """As many threads as before."""
    words = at(block, numba.types.int64)
    if part == 0:
        for k in range(words[0]):
            call(words[3 * k + 2], (words[3 * k + 3],))


def alone(commands: list[Command]) -> list[Command]:
    """The commands, with BLAS on one thread while they run: they share products out themselves."""
    products = [command for command in commands if command.function == _gemm.address]
    libraries = _libraries()
    if not products or not libraries:
        return commands
    block = np.zeros(1 + 3 * len(libraries), np.int64)
    block[0] = len(libraries)
    for k, (get, set_) in enumerate(libraries):
        block[3 * k + 1 : 3 * k + 3] = get, set_
    # Products wait for the one and are waited for by the other, as if they read the block.
    start = address(block)
    reads, writes = (Access(start, start + block.nbytes, w, None) for w in (False, True))
    hush = Command(_hush.address, block, [writes], None)
    restore = Command(_restore.address, block, [writes], None)
    for command in products:
        command.accesses = [*command.accesses, reads]
    return [hush, *commands, restore]


@functools.cache
def _libraries() -> list[tuple[int, int]]:
    """Addresses of the functions that tell and set the number of threads of each OpenBLAS."""
    _function("sgemm")  # loads the library
    found = []
    for library in ThreadpoolController().select(internal_api="openblas").lib_controllers:
        for prefix, suffix in itertools.product(("scipy_", ""), ("", "64_", "_64")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            calls = [getattr(library.dynlib, name, None) for name in names]
            if None not in calls:
                found.append(tuple(ctypes.cast(c, ctypes.c_void_p).value or 0 for c in calls))
                break
    return found  # type: ignore[return-value]


def _fill(table: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """The arguments of one call. BLAS counts columns first: it computes outᵀ = bᵀ aᵀ."""
    (rows, inner), columns = a.shape, b.shape[1]
    values = table[_VALUES:]
    transposed_b, pitch_b = _layout(b)
    transposed_a, pitch_a = _layout(a)
    transposed_out, pitch_out = _layout(out)
    if transposed_out != ord("N"):
        raise Unsupported("a product into columns")
    one = np.zeros(1, np.int64)
    one.view(out.dtype)[0] = 1
    values[:] = (
        transposed_b, transposed_a, columns, rows, inner, one[0], pitch_b, pitch_a, 0, pitch_out,
    )  # fmt: skip
    base = address(values)
    transb, transa, n, m, k, alpha, ldb, lda, beta, ldc = range(base, base + 80, 8)
    table[_ADDRESSES:_VALUES] = (
        transb, transa, n, m, k, alpha, address(b), ldb, address(a), lda, beta, address(out), ldc,
    )  # fmt: skip
    table[0] = 1


def _layout(matrix: np.ndarray) -> tuple[int, int]:
    """Whether BLAS has to transpose rows that lie as these do, and their distance in elements."""
    size, (down, along) = matrix.itemsize, matrix.strides
    rows, columns = matrix.shape
    if along == size or columns == 1:
        return ord("N"), max(down // size if rows > 1 else columns, columns, 1)
    if down == size or rows == 1:
        return ord("T"), max(along // size, rows, 1)
    raise Unsupported("a product of scattered rows")


@functools.cache
def _function(name: str) -> int:
    found: Any = get_cython_function_address("scipy.linalg.cython_blas", name)
    return int(found)
