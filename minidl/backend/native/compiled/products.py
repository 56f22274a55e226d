"""BLAS, called for the share of a part; and how many threads it has."""

from numba.types import int64

from minidl.backend.native.compiled.lowlevel import ask, at, call
from minidl.backend.native.products import FIXED, INNER, OWN, PLAIN
from minidl.backend.native.shares import COLUMNS, ROWS, cut


def gemm(block, part, parts):
    w = at(block, int64)
    own = block + 8 * (FIXED + OWN * part)
    v = at(own, int64)
    kind, size = w[1], w[15]
    m, n, k = w[2], w[3], w[4]
    a, b, c = w[5], w[8], w[11]
    if kind == INNER:
        low, k = cut(w[4], part, parts), cut(w[4], part + 1, parts) - cut(w[4], part, parts)
        a += low * size * (1 if w[6] == PLAIN else w[7])
        b += low * size * (w[10] if w[9] == PLAIN else 1)
        c += part * w[13]
    elif kind == ROWS:
        low, m = cut(w[2], part, parts), cut(w[2], part + 1, parts) - cut(w[2], part, parts)
        a += low * size * (w[7] if w[6] == PLAIN else 1)
        c += low * size * w[12]
    elif kind == COLUMNS:
        low, n = cut(w[3], part, parts), cut(w[3], part + 1, parts) - cut(w[3], part, parts)
        b += low * size * (1 if w[9] == PLAIN else w[10])
        c += low * size
    elif part != 0:
        m = 0
    if m > 0 and n > 0:
        # BLAS counts columns first: it computes outᵀ = bᵀ aᵀ. It takes addresses of everything.
        v[0], v[1], v[2] = n, m, k
        sizes = own, own + 8, own + 16
        one, zero = block + 112, own + 24
        trans_a, lda, trans_b, ldb = block + 48, block + 56, block + 72, block + 80
        ldc = block + 96
        call(w[0], (trans_b, trans_a, *sizes, one, b, ldb, a, lda, zero, c, ldc))


def gemv(block, part, parts):
    w = at(block, int64)
    if part == 0:
        trans, m, n, alpha, lda = block + 8, block + 16, block + 24, block + 32, block + 40
        step_x, beta, step_y = block + 48, block + 56, block + 64
        call(w[0], (trans, m, n, alpha, w[9], lda, w[10], step_x, beta, w[11], step_y))


def hush(block, part, parts):
    """BLAS on one thread from here on; how many it had is kept in the block."""
    words = at(block, int64)
    if part == 0:
        for k in range(words[0]):
            words[3 * k + 3] = ask(words[3 * k + 1])
            call(words[3 * k + 2], (1,))


def restore(block, part, parts):
    """As many threads as before."""
    words = at(block, int64)
    if part == 0:
        for k in range(words[0]):
            call(words[3 * k + 2], (words[3 * k + 3],))
