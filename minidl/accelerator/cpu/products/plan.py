"""Matrix products, of which each part computes its share: by tiles, or BLAS on one thread.

The BLAS is NumPy's, so that small products come to NumPy's bits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.accelerator.cpu.commands import (
    WORTH,
    Access,
    Command,
    UnsupportedError,
    access,
    block_of,
    known,
)
from minidl.accelerator.cpu.elementwise import elementwise
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.products.blas import LARGEST, function
from minidl.accelerator.cpu.products.tiling import TILES
from minidl.accelerator.cpu.products.trial import Layout, comes_to_numpys_bits
from minidl.accelerator.cpu.products.words import (
    ALPHA,
    BETA,
    FIXED,
    FUNCTION,
    INNER,
    KIND,
    LDA,
    LDB,
    LDC,
    OWN,
    PLAIN,
    SIZE,
    TERM,
    TRANS_A,
    TRANS_B,
    TRANSPOSED,
    A,
    B,
    C,
    K,
    M,
    N,
)
from minidl.accelerator.cpu.shares import COLUMNS, ROWS, SMALL, WHOLE, WIDE
from minidl.accelerator.cpu.team.team import part_count
from minidl.accelerator.trace.program import Program, Step
from minidl.backend.addresses import address

# With so many times more rows than the matrix has, the rows stay in place.
MANY = 1


class Arrays(NamedTuple):
    """The arrays of a product, out = a b: ``terms`` are the terms of the result, if any."""

    a: np.ndarray
    b: np.ndarray
    out: np.ndarray
    terms: Sequence[np.ndarray] = ()


class Product(Command):
    """A product of matrices.

    Attributes:
        threaded: True if BLAS multiplies, and might call its own threads.
        by_rows: True if own tiles make the rows of the result, for any share of a part.
    """

    kept: Arrays
    threaded = True
    by_rows = False


def _room(size: int) -> np.ndarray:
    return np.zeros(size, np.uint8)


def product(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, room: Callable[[int], np.ndarray] = _room
) -> list[Command]:
    """out = a b, for arrays of two axes; a and b may be transposed views.

    Each part holds some rows of every W. For x W it takes as many columns of x and makes a term of
    the whole result, and the terms are added up; of xᵀ dy a part makes its own rows; of dy Wᵀ the
    columns that belong to its rows of W. So weights and all values computed with weights stay in
    one cache, and only activations and their gradients pass from one cache to another.

    Args:
        a, b, out: the arrays.
        room: gives memory for terms, so many bytes; memory of their own if left out.

    Raises:
        UnsupportedError: shapes that do not fit, other types than float32 and float64, scattered
            elements, or a result that overlaps a or b.
    """
    known(a, b, written=[out])
    if not a.dtype == b.dtype == out.dtype or out.dtype.char not in "fd":
        raise UnsupportedError("a product of other types")
    if not a.ndim == b.ndim == out.ndim == 2:
        raise UnsupportedError("a product of vectors")
    if a.shape[1] != b.shape[0] or out.shape != (a.shape[0], b.shape[1]):
        raise UnsupportedError(f"a product of {a.shape} and {b.shape} into {out.shape}")
    if max(*a.shape, *b.shape) > LARGEST:
        raise UnsupportedError("a product of sizes that BLAS may not count to")
    if np.may_share_memory(a, out) or np.may_share_memory(b, out):
        raise UnsupportedError("a product into one of its factors")
    if 1 in out.shape and a.shape[1] > 1:
        return [_with_vector(a, b, out)]
    parts = part_count()
    (rows, inner), columns = a.shape, b.shape[1]
    (trans_a, _), (trans_b, _), (trans_c, _) = _layout(a), _layout(b), _layout(out)
    if trans_c != PLAIN or inner == 0:
        raise UnsupportedError("a product into columns")
    kind = WHOLE
    if parts > 1 and (rows * inner * columns > SMALL or out.size >= WORTH):
        kind = _kind(trans_a, trans_b, rows, inner, columns)
    terms = _terms(out, parts, room) if kind == INNER else []
    large = rows * inner * columns > SMALL
    tiles = TILES and (large or (kind == WHOLE and _as_numpy(a, b)))
    made = _multiplied(Arrays(a, b, out, terms), kind, tiles)
    made.threaded = large and not tiles
    return [made, _sum(terms, out)] if terms else [made]


def _as_numpy(a: np.ndarray, b: np.ndarray) -> bool:
    """True if tiles of a product with a's and b's layouts come to NumPy's bits."""

    def make(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Product:
        return _multiplied(Arrays(a, b, out), WHOLE, True)

    return comes_to_numpys_bits(make, _laid_out(a), _laid_out(b), a.dtype)


def _laid_out(matrix: np.ndarray) -> Layout:
    transposed, pitch = _layout(matrix)
    return Layout(len(matrix), matrix.shape[1], transposed, pitch)


def _multiplied(arrays: Arrays, kind: int, tiles: bool) -> Product:
    """The command for a product, or for the terms of one, by tiles or by BLAS."""
    a, b, out, terms = arrays
    (rows, inner), columns, parts = a.shape, b.shape[1], part_count()
    (trans_a, lda), (trans_b, ldb), (_, ldc) = _layout(a), _layout(b), _layout(out)
    base = address(terms[0]) if terms else address(out)
    step = address(terms[1]) - base if terms else 0
    words = {
        FUNCTION: 0 if tiles else function("gemm", out.dtype.char),
        KIND: kind, M: rows, N: columns, K: inner, SIZE: out.itemsize,
        A: address(a), TRANS_A: trans_a, LDA: lda, B: address(b), TRANS_B: trans_b, LDB: ldb,
        C: base, LDC: columns if terms else ldc, TERM: step,
    }  # fmt: skip
    block = block_of(FIXED + OWN * parts, words)
    _set_factors(block, out.dtype)
    accesses = _accesses(kind, trans_a == TRANSPOSED, a, b, out, terms)
    work = 0 if kind == WHOLE else WORTH  # the other kinds are shares of as many parts as there are
    name = f"product {a.shape} {b.shape}"
    if tiles:
        compiled = command("tiled", "products", real=out.dtype.name)
    else:
        compiled = command("gemm", "products")
    made = Product(name, compiled, block, accesses, arrays, work)
    made.by_rows = kind == ROWS and tiles
    return made


def _kind(trans_a: int, trans_b: int, rows: int, inner: int, columns: int) -> int:
    """The way to share out a product."""
    if trans_a == TRANSPOSED and rows >= WIDE:
        # The rows of a batch that another part has would be more to fetch than terms to add up.
        return INNER if 3 * rows * columns < inner * (rows + 2 * columns) else ROWS
    if rows > MANY * min(inner, columns) and rows >= WIDE:
        return ROWS
    if trans_b == TRANSPOSED and columns >= WIDE:
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
    """A product whose result is one row or one column: computed as NumPy does, and by one part."""
    accesses = [access(x, x is out, WHOLE) for x in (a, b, out)]
    name = f"product {a.shape} {b.shape}"
    kept = Arrays(a, b, out)
    if out.size == 1:
        words = {
            FUNCTION: function("dot", out.dtype.char), K: a.shape[1],
            A: address(a), LDA: _step(a.T), B: address(b), LDB: _step(b), C: address(out),
        }  # fmt: skip
        compiled = command("dot", "products", real=out.dtype.name)
        return Product(name, compiled, block_of(FIXED, words), accesses, kept)
    matrix, vector = (a, b) if out.shape[1] == 1 else (b.T, a.T)
    transposed, pitch = _layout(matrix)
    result = out if out.shape[1] == 1 else out.T
    if transposed == PLAIN:  # to BLAS, which counts columns first, it is the transposed one
        trans, m, n = TRANSPOSED, matrix.shape[1], matrix.shape[0]
    else:
        trans, m, n = PLAIN, matrix.shape[0], matrix.shape[1]
    words = {
        FUNCTION: function("gemv", out.dtype.char), M: m, N: n,
        A: address(matrix), TRANS_A: trans, LDA: pitch,
        B: address(vector), LDB: _step(vector), C: address(result), LDC: _step(result),
    }  # fmt: skip
    block = block_of(FIXED, words)
    _set_factors(block, out.dtype)
    return Product(name, command("gemv", "products"), block, accesses, kept)


def _set_factors(block: np.ndarray, dtype: np.dtype[Any]) -> None:
    """alpha = 1 and beta = 0, in the type of the elements."""
    block[ALPHA : ALPHA + 1].view(dtype)[0] = 1
    block[BETA : BETA + 1].view(dtype)[0] = 0


def _step(vector: np.ndarray) -> int:
    """Elements from one of a column to the next."""
    step, rest = divmod(vector.strides[0], vector.itemsize)
    if len(vector) <= 1:
        return 1
    if rest or not 0 < step <= LARGEST:  # BLAS means something else by a step backwards
        raise UnsupportedError("a product of a vector that is repeated or backwards")
    return step


def _sum(terms: Sequence[np.ndarray], out: np.ndarray) -> Command:
    """out = Σ terms, added in their order."""
    return elementwise(_adding(len(terms)), dict(enumerate(terms)), [out])


@functools.cache
def _adding(count: int) -> Program:
    """The sum of so many arrays, from the first to the last."""
    sums = [0, *range(count, 2 * count - 1)]
    steps = [Step("add", (sums[k], k + 1), sums[k + 1]) for k in range(count - 1)]
    return Program("terms", tuple(range(count)), (), {}, (), tuple(steps), (sums[-1],))


def _terms(like: np.ndarray, count: int, room: Callable[[int], np.ndarray]) -> list[np.ndarray]:
    """Arrays that begin at a cache line each, and share none."""
    size = -(-like.nbytes // 64) * 64
    memory = room(count * size + 64)
    first = -address(memory) % 64
    starts = range(first, first + count * size, size)
    return [memory[k : k + like.nbytes].view(like.dtype).reshape(like.shape) for k in starts]


def _layout(matrix: np.ndarray) -> tuple[int, int]:
    """The layout of a matrix, by rows or by columns, and elements from one to the next."""
    size, (down, along) = matrix.itemsize, matrix.strides
    rows, columns = matrix.shape
    if along == size or columns == 1:
        return PLAIN, _pitch(down, size, rows, columns)
    if down == size or rows == 1:
        return TRANSPOSED, _pitch(along, size, columns, rows)
    raise UnsupportedError("a product of scattered elements")


def _pitch(stride: int, size: int, count: int, length: int) -> int:
    """Elements from one of ``count`` rows of a length to the next; ``stride`` is in bytes."""
    if count <= 1:
        return max(length, 1)
    pitch, rest = divmod(stride, size)
    if rest or not length <= pitch <= LARGEST:  # rows that are repeated, overlap or go backwards
        raise UnsupportedError("a product of rows that do not lie one after the other")
    return max(pitch, 1)
