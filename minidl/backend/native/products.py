"""Matrix products: each part calls BLAS, on one thread, for its share of the result.

The BLAS is the one that SciPy comes with and offers to compiled code
(``scipy.linalg.cython_blas``).
"""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numba.extending import get_cython_function_address
from threadpoolctl import ThreadpoolController

from minidl.backend.formula import Program, Step
from minidl.backend.native.commands import (
    COLUMNS,
    ROWS,
    WHOLE,
    Access,
    Command,
    UnsupportedError,
    access,
    address,
    starts,
)
from minidl.backend.native.elementwise import elementwise
from minidl.backend.native.lowlevel import COMMAND, WIDE, ask, at, call
from minidl.backend.native.team import team

_NAMES = {"f": "sgemm", "d": "dgemm"}
INNER = 3
# Below so many multiplications one part does it all.
SMALL = 1 << 15

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


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> list[Command]:
    """out = a b, for arrays of two axes; a and b may be transposed views.

    Each part holds some rows of every W. For x W it takes as many columns of x and makes a term of
    the whole result, and the terms are added up; of xᵀ dy it makes its own rows; of dy Wᵀ the
    columns that belong to its rows of W. So weights and what is computed with each of them stay in
    one cache, and only activations and their gradients pass from one to another.

    Raises:
        UnsupportedError: other types than float32 and float64, or scattered elements.
    """
    if not a.dtype == b.dtype == out.dtype or out.dtype.char not in _NAMES:
        raise UnsupportedError("a product of other types")
    if a.ndim != 2 or b.ndim != 2:
        raise UnsupportedError("a product of vectors")
    parts = team().parts
    (rows, inner), columns = a.shape, b.shape[1]
    kind = _kind(a, b) if parts > 1 and rows * inner * columns >= SMALL else WHOLE
    cuts = [
        starts({INNER: inner, ROWS: rows, COLUMNS: columns}.get(kind, 0), k, parts)
        for k in range(parts + 1)
    ]
    shares = [slice(low, high) for low, high in itertools.pairwise(cuts)]
    if kind == INNER:
        terms = [_aligned(out) for _ in shares]
        calls = [(a[:, s], b[s], term) for s, term in zip(shares, terms, strict=True)]
        first = _command(
            calls,
            [
                access(a, False, COLUMNS),
                access(b, False, ROWS),
                *(access(t, True, None) for t in terms),
            ],
        )
        return [first, _sum(terms, out)]
    if kind == ROWS:
        calls = [(a[s], b, out[s]) for s in shares]
        accesses = access(a.T, False, COLUMNS), access(b, False, None), access(out, True, ROWS)
    elif kind == COLUMNS:
        calls = [(a, b[:, s], out[:, s]) for s in shares]
        accesses = access(a, False, None), access(b.T, False, ROWS), access(out, True, COLUMNS)
    else:
        calls = [(a, b, out)]
        accesses = access(a, False, WHOLE), access(b, False, WHOLE), access(out, True, WHOLE)
    return [_command(calls, accesses)]


def _kind(a: np.ndarray, b: np.ndarray) -> int:
    """How a product is shared out."""
    if _layout(a)[0] == ord("T") and len(a) >= WIDE:
        return ROWS
    if _layout(b)[0] == ord("T") and b.shape[1] >= WIDE:
        return COLUMNS
    return INNER if len(b) >= WIDE else WHOLE


def _command(
    calls: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], accesses: Sequence[Access]
) -> Command:
    """Calls of BLAS, one for each part."""
    block = np.zeros(1 + _TABLE * team().parts, np.int64)
    block[0] = _function(_NAMES[calls[0][2].dtype.char])
    for part, (a, b, out) in enumerate(calls):
        if out.size and a.shape[1]:
            _fill(block[1 + _TABLE * part :][:_TABLE], a, b, out)
        elif out.size:
            out[...] = 0
    return Command(_gemm.address, block, accesses, calls)


def _sum(terms: Sequence[np.ndarray], out: np.ndarray) -> Command:
    """out = Σ terms, added in their order."""
    return elementwise(_adding(len(terms)), dict(enumerate(terms)), [out])


@functools.cache
def _adding(count: int) -> Program:
    """The sum of so many arrays, from the first to the last."""
    sums = [0, *range(count, 2 * count - 1)]
    steps = [Step("add", (sums[k], k + 1), sums[k + 1]) for k in range(count - 1)]
    return Program("terms", tuple(range(count)), (), {}, (), tuple(steps), (sums[-1],))


def _aligned(like: np.ndarray) -> np.ndarray:
    """An array that begins at a cache line, which it shares with no other."""
    bytes_ = np.zeros(like.nbytes + 128, np.uint8)
    start = -address(bytes_) % 64
    return bytes_[start : start + like.nbytes].view(like.dtype).reshape(like.shape)


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
        return list(commands)
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
                found.append(tuple(_address(c) for c in calls))
                break
    return found  # type: ignore[return-value]


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _fill(table: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """The arguments of one call. BLAS counts columns first: it computes outᵀ = bᵀ aᵀ."""
    (rows, inner), columns = a.shape, b.shape[1]
    values = table[_VALUES:]
    transposed_b, pitch_b = _layout(b)
    transposed_a, pitch_a = _layout(a)
    transposed_out, pitch_out = _layout(out)
    if transposed_out != ord("N"):
        raise UnsupportedError("a product into columns")
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
    raise UnsupportedError("a product of scattered rows")


@functools.cache
def _function(name: str) -> int:
    found: Any = get_cython_function_address("scipy.linalg.cython_blas", name)
    return int(found)
