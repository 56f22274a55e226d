"""Matrix products: each part calls BLAS, on one thread, for its share.

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
from minidl.backend.layout import SMALL, address
from minidl.backend.native.commands import (
    WORTH,
    Access,
    Command,
    CommandList,
    UnsupportedError,
    access,
)
from minidl.backend.native.elementwise import Loop, elementwise
from minidl.backend.native.lowlevel import COLUMNS, ROWS, WHOLE, WIDE, ask, at, call, command, cut
from minidl.backend.native.team import team

# With so many times more rows than the matrix has, it is the rows that stay where they are.
MANY = 1
INNER = 3  # the parts add up terms of the whole result

_FIXED, _OWN = 16, 16  # words of the block: for all parts; for each
_PLAIN, _TRANSPOSED = ord("N"), ord("T")


@command
def _gemm(block, part, parts):
    w = at(block, numba.types.int64)
    own = block + 8 * (_FIXED + _OWN * part)
    v = at(own, numba.types.int64)
    kind, size = w[1], w[15]
    m, n, k = w[2], w[3], w[4]
    a, b, c = w[5], w[8], w[11]
    if kind == INNER:
        low, k = cut(w[4], part, parts), cut(w[4], part + 1, parts) - cut(w[4], part, parts)
        a += low * size * (1 if w[6] == _PLAIN else w[7])
        b += low * size * (w[10] if w[9] == _PLAIN else 1)
        c += part * w[13]
    elif kind == ROWS:
        low, m = cut(w[2], part, parts), cut(w[2], part + 1, parts) - cut(w[2], part, parts)
        a += low * size * (w[7] if w[6] == _PLAIN else 1)
        c += low * size * w[12]
    elif kind == COLUMNS:
        low, n = cut(w[3], part, parts), cut(w[3], part + 1, parts) - cut(w[3], part, parts)
        b += low * size * (1 if w[9] == _PLAIN else w[10])
        c += low * size
    elif part != 0:
        m = 0
    if m > 0 and n > 0:
        # BLAS counts columns first: it computes outᵀ = bᵀ aᵀ. It takes addresses of everything.
        v[0], v[1], v[2] = n, m, k
        trans_a, lda, trans_b, ldb, ldc = (
            block + 48,
            block + 56,
            block + 72,
            block + 80,
            block + 96,
        )
        one, zero = block + 112, own + 24
        sizes = own, own + 8, own + 16
        call(
            w[0],
            (trans_b, trans_a, *sizes, one, b, ldb, a, lda, zero, c, ldc),
        )


@command
def _gemv(block, part, parts):
    w = at(block, numba.types.int64)
    if part == 0:
        trans, m, n, alpha, lda, step_x, beta, step_y = (
            block + 8,
            block + 16,
            block + 24,
            block + 32,
            block + 40,
            block + 48,
            block + 56,
            block + 64,
        )
        call(w[0], (trans, m, n, alpha, w[9], lda, w[10], step_x, beta, w[11], step_y))


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> list[Command]:
    """out = a b, for arrays of two axes; a and b may be transposed views.

    Each part holds some rows of every W. For x W it takes as many columns of x and makes a term of
    the whole result, and the terms are added up; of xᵀ dy it makes its own rows; of dy Wᵀ the
    columns that belong to its rows of W. So weights and what is computed with each of them stay in
    one cache, and only activations and their gradients pass from one to another.

    Raises:
        UnsupportedError: other types than float32 and float64, or scattered elements.
    """
    if not a.dtype == b.dtype == out.dtype or out.dtype.char not in "fd":
        raise UnsupportedError("a product of other types")
    if a.ndim != 2 or b.ndim != 2:
        raise UnsupportedError("a product of vectors")
    if 1 in out.shape and a.shape[1] > 1:
        return [_with_vector(a, b, out)]
    parts = team().parts
    (rows, inner), columns = a.shape, b.shape[1]
    (trans_a, lda), (trans_b, ldb), (trans_c, ldc) = _layout(a), _layout(b), _layout(out)
    if trans_c != _PLAIN or inner == 0:
        raise UnsupportedError("a product into columns")
    kind = WHOLE
    if parts > 1 and (rows * inner * columns > SMALL or out.size >= WORTH):
        kind = _kind(trans_a, trans_b, rows, inner, columns)
    terms = _terms(out, parts) if kind == INNER else []
    base = address(terms[0]) if terms else address(out)
    step = address(terms[1]) - base if terms else 0
    block = np.zeros(_FIXED + _OWN * parts, np.int64)
    block[:_FIXED] = (
        _function("gemm", out.dtype.char), kind, rows, columns, inner,
        address(a), trans_a, lda, address(b), trans_b, ldb,
        base, columns if terms else ldc, step, 0, out.itemsize,
    )  # fmt: skip
    block[14:15].view(out.dtype)[0] = 1
    accesses = _accesses(kind, trans_a == _TRANSPOSED, a, b, out, terms)
    work = 0 if kind == WHOLE else WORTH  # the other kinds are shares of as many parts as there are
    name = f"product {a.shape} {b.shape}"
    made = [Command(name, _gemm.address, block, accesses, (a, b, out, terms), work)]
    return [*made, _sum(terms, out)] if terms else made


def _kind(trans_a: int, trans_b: int, rows: int, inner: int, columns: int) -> int:
    """How a product is shared out."""
    if trans_a == _TRANSPOSED and rows >= WIDE:
        # The rows of a batch that another part has would be more to fetch than terms to add up.
        return INNER if 3 * rows * columns < inner * (rows + 2 * columns) else ROWS
    if rows > MANY * min(inner, columns) and rows >= WIDE:
        return ROWS
    if trans_b == _TRANSPOSED and columns >= WIDE:
        return COLUMNS
    return INNER if inner >= WIDE else WHOLE


def _accesses(
    kind: int,
    transposed: bool,
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
    terms: Sequence[np.ndarray],
) -> list[Access]:
    if kind == INNER:
        written = [access(term, True, None) for term in terms]
        reads = access(a.T, False, ROWS) if transposed else access(a, False, COLUMNS)
        return [reads, access(b, False, ROWS), *written]
    if kind == ROWS:
        reads = access(a.T, False, COLUMNS) if transposed else access(a, False, ROWS)
        return [reads, access(b, False, None), access(out, True, ROWS)]
    if kind == COLUMNS:
        return [access(a, False, None), access(b.T, False, ROWS), access(out, True, COLUMNS)]
    return [access(a, False, WHOLE), access(b, False, WHOLE), access(out, True, WHOLE)]


def _with_vector(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Command:
    """A product whose result is one row or one column: as NumPy does it, and by one part."""
    matrix, vector = (a, b) if out.shape[1] == 1 else (b.T, a.T)
    transposed, pitch = _layout(matrix)
    result = out if out.shape[1] == 1 else out.T
    if transposed == _PLAIN:  # to BLAS, which counts columns first, it is the transposed one
        trans, m, n = _TRANSPOSED, matrix.shape[1], matrix.shape[0]
    else:
        trans, m, n = _PLAIN, matrix.shape[0], matrix.shape[1]
    block = np.zeros(12, np.int64)
    block[:] = (
        _function("gemv", out.dtype.char), trans, m, n, 0, pitch, _step(vector), 0, _step(result),
        address(matrix), address(vector), address(result),
    )  # fmt: skip
    block[4:5].view(out.dtype)[0] = 1
    accesses = [access(x, x is out, WHOLE) for x in (a, b, out)]
    return Command(f"product {a.shape} {b.shape}", _gemv.address, block, accesses, (a, b, out))


def _step(vector: np.ndarray) -> int:
    """Elements from one of a column to the next."""
    return vector.strides[0] // vector.itemsize if len(vector) > 1 else 1


def _sum(terms: Sequence[np.ndarray], out: np.ndarray) -> Command:
    """out = Σ terms, added in their order."""
    return elementwise(_adding(len(terms)), dict(enumerate(terms)), [out])


@functools.cache
def _adding(count: int) -> Program:
    """The sum of so many arrays, from the first to the last."""
    sums = [0, *range(count, 2 * count - 1)]
    steps = [Step("add", (sums[k], k + 1), sums[k + 1]) for k in range(count - 1)]
    return Program("terms", tuple(range(count)), (), {}, (), tuple(steps), (sums[-1],))


def _terms(like: np.ndarray, count: int) -> list[np.ndarray]:
    """Arrays that begin at a cache line each, and share none."""
    size = -(-like.nbytes // 64) * 64
    memory = np.zeros(count * size + 64, np.uint8)
    first = -address(memory) % 64
    starts = range(first, first + count * size, size)
    return [memory[k : k + like.nbytes].view(like.dtype).reshape(like.shape) for k in starts]


def _layout(matrix: np.ndarray) -> tuple[int, int]:
    """Whether rows lie one after the other or columns do, and their distance in elements."""
    size, (down, along) = matrix.itemsize, matrix.strides
    rows, columns = matrix.shape
    if along == size or columns == 1:
        return _PLAIN, max(down // size if rows > 1 else columns, columns, 1)
    if down == size or rows == 1:
        return _TRANSPOSED, max(along // size, rows, 1)
    raise UnsupportedError("a product of scattered elements")


@functools.cache
def _function(name: str, kind: str) -> int:
    prefix = {"f": "s", "d": "d"}[kind]
    found: Any = get_cython_function_address("scipy.linalg.cython_blas", prefix + name)
    return int(found)


@command
def _hush(block, part, parts):
    """BLAS on one thread from here on; how many it had is kept in the block."""
    words = at(block, numba.types.int64)
    if part == 0:
        for k in range(words[0]):
            words[3 * k + 3] = ask(words[3 * k + 1])
            call(words[3 * k + 2], (1,))


@command
def _restore(block, part, parts):
    """As many threads as before."""
    words = at(block, numba.types.int64)
    if part == 0:
        for k in range(words[0]):
            call(words[3 * k + 2], (words[3 * k + 3],))


def alone(commands: list[Command]) -> list[Command]:
    """The commands, with BLAS on one thread while they run: they share products out themselves."""
    products = [
        command for command in commands if command.function in (_gemm.address, _gemv.address)
    ]
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
    hush = Command("BLAS on one thread", _hush.address, block, [writes], None)
    restore = Command("BLAS as before", _restore.address, block, [writes], None)
    for each in products:
        each.accesses = [*each.accesses, reads]
    return [hush, *commands, restore]


def multiplication(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> CommandList:
    """What makes out = a b, for any arrays that lie where these do: it keeps none of them alive.

    Raises:
        UnsupportedError: as :func:`product`.
    """
    commands = alone(product(a, b, out))
    made = CommandList(commands)
    made.commands = ()
    terms = [each.kept[3] for each in commands if each.function == _gemm.address]
    numbers = [each.numbers for each in commands if isinstance(each, Loop)]
    made.kept = [each.block for each in commands], terms, numbers
    return made


@functools.cache
def _libraries() -> list[tuple[int, int]]:
    """Addresses of the functions that tell and set the number of threads of each OpenBLAS."""
    _function("gemm", "f")  # loads the library
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
