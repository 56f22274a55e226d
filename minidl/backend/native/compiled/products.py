"""BLAS, called for the share of a part; and how many threads it has."""

from numba.types import float32, int32, int64

from minidl.backend.native.compiled.lowlevel import ask, at, call
from minidl.backend.native.pieces import piece
from minidl.backend.native.products import FIXED, INNER, OWN, PLAIN
from minidl.backend.native.shares import COLUMNS, ROWS, cut

real = float32  # of a scalar product; whoever asks for the function says which


def gemm(block, part, parts):
    """out = a b, or a term of it, piece by piece where BLAS copies nothing then."""
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
        high, wide, deep = m, n, k
        if w[16] != 0:
            high, wide, deep = piece(m, n, k, w[6] != PLAIN, w[9] != PLAIN)
        down_a, along_a = (w[7], 1) if w[6] == PLAIN else (1, w[7])
        down_b, along_b = (w[10], 1) if w[9] == PLAIN else (1, w[10])
        # BLAS counts columns first: it computes outᵀ = bᵀ aᵀ. It takes addresses of everything.
        sizes = own, own + 8, own + 16
        one, zero = block + 112, own + 24
        trans_a, lda, trans_b, ldb = block + 48, block + 56, block + 72, block + 80
        ldc = block + 96
        j = 0
        while j < n:
            h = 0
            while h < k or h == 0:
                i = 0
                while i < m:
                    v[0], v[1], v[2] = min(wide, n - j), min(high, m - i), min(deep, k - h)
                    x = a + size * (i * down_a + h * along_a)
                    y = b + size * (h * down_b + j * along_b)
                    z = c + size * (i * w[12] + j)
                    beta = zero if h == 0 else one
                    call(w[0], (trans_b, trans_a, *sizes, one, y, ldb, x, lda, beta, z, ldc))
                    i += high
                h += max(deep, 1)
            j += wide


def gemv(block, part, parts):
    """The product of a matrix and a vector, by one part."""
    w = at(block, int64)
    if part == 0:
        trans, m, n, alpha, lda = block + 8, block + 16, block + 24, block + 32, block + 40
        step_x, beta, step_y = block + 48, block + 56, block + 64
        call(w[0], (trans, m, n, alpha, w[9], lda, w[10], step_x, beta, w[11], step_y))


def dot(block, part, parts):
    """The product of a row and a column, by one part."""
    w = at(block, int64)
    if part == 0:
        arguments = block + 8, w[4], block + 16, w[5], block + 24
        at(w[6], real)[0] = ask(w[0], arguments, real)


def hush(block, part, parts):
    """BLAS on one thread from here on; how many it had is kept in the block."""
    words = at(block, int64)
    if part == 0:
        for k in range(words[0]):
            words[3 * k + 3] = ask(words[3 * k + 1], (), int32)
            call(words[3 * k + 2], (1,))


def restore(block, part, parts):
    """As many threads as before."""
    words = at(block, int64)
    if part == 0:
        for k in range(words[0]):
            call(words[3 * k + 2], (words[3 * k + 3],))
