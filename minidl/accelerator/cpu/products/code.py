"""Products: BLAS, called for the share of a part, or own tiles; and how many threads BLAS has."""

from minidl.accelerator.cpu.machine.lowlevel import ask, at, call
from minidl.accelerator.cpu.machine.values import float32, int32, int64
from minidl.accelerator.cpu.products.tiles import panel, tile, turn
from minidl.accelerator.cpu.products.tiling import BAND, BYTES, DEEP, HIGH, PANEL, VECTORS, even
from minidl.accelerator.cpu.products.words import (
    ALPHA,
    BEFORE,
    BETA,
    EACH,
    FIXED,
    FUNCTION,
    GET,
    INNER,
    KIND,
    LDA,
    LDB,
    LDC,
    LIBRARIES,
    OWN,
    OWN_K,
    OWN_M,
    OWN_N,
    PLAIN,
    SET,
    SIZE,
    TERM,
    TRANS_A,
    TRANS_B,
    A,
    B,
    C,
    K,
    M,
    N,
)
from minidl.accelerator.cpu.shares import COLUMNS, ROWS, cut

real = float32  # of the elements; whoever asks for the function says which


def _share(w, part, parts):
    """Sizes and addresses of a part's share: rows, columns and inner size, a, b, out."""
    size = w[SIZE]
    m, n, k = w[M], w[N], w[K]
    a, b, c = w[A], w[B], w[C]
    if w[KIND] == INNER:
        low, k = cut(w[K], part, parts), cut(w[K], part + 1, parts) - cut(w[K], part, parts)
        a += low * size * (1 if w[TRANS_A] == PLAIN else w[LDA])
        b += low * size * (w[LDB] if w[TRANS_B] == PLAIN else 1)
        c += part * w[TERM]
    elif w[KIND] == ROWS:
        low, m = cut(w[M], part, parts), cut(w[M], part + 1, parts) - cut(w[M], part, parts)
        a += low * size * (w[LDA] if w[TRANS_A] == PLAIN else 1)
        c += low * size * w[LDC]
    elif w[KIND] == COLUMNS:
        low, n = cut(w[N], part, parts), cut(w[N], part + 1, parts) - cut(w[N], part, parts)
        b += low * size * (1 if w[TRANS_B] == PLAIN else w[LDB])
        c += low * size
    elif part != 0:
        m = 0
    return m, n, k, a, b, c


def gemm(block, part, parts):
    """out = a b, or a term of a b, by BLAS."""
    w = at(block, int64)
    m, n, k, a, b, c = _share(w, part, parts)
    if m > 0 and n > 0:
        # BLAS counts columns first and computes outᵀ = bᵀ aᵀ. All arguments are passed by address.
        own = block + 8 * (FIXED + OWN * part)
        v = at(own, int64)
        v[OWN_M], v[OWN_N], v[OWN_K] = m, n, k
        sizes = own + 8 * OWN_N, own + 8 * OWN_M, own + 8 * OWN_K
        x = b, block + 8 * LDB
        y = a, block + 8 * LDA
        trans_x, trans_y = block + 8 * TRANS_B, block + 8 * TRANS_A
        alpha, beta, ldc = block + 8 * ALPHA, block + 8 * BETA, block + 8 * LDC
        call(w[FUNCTION], (trans_x, trans_y, *sizes, alpha, *x, *y, beta, c, ldc))


def _turned(out, x, pitch, columns, inner, size):
    """The columns of b at x as rows of a panel."""
    lanes = max(BYTES // size, 1)  # a range might raise otherwise, for all that LLVM knows
    for j in range(0, columns, lanes):
        for h in range(0, inner, lanes):
            target = out + size * (h * VECTORS * lanes + j)
            source = x + size * (j * pitch + h)
            turn((target, VECTORS * lanes), (source, pitch), (columns - j, inner - h), real)


def tiled(block, part, parts):
    """out = a b, or a term of a b, tile by tile; a term of an empty share stays 0."""
    w = at(block, int64)
    m, n, k, a, b, c = _share(w, part, parts)
    size = w[SIZE]
    wide = VECTORS * max(BYTES // size, 1)
    down_a, along_a = (w[LDA], 1) if w[TRANS_A] == PLAIN else (1, w[LDA])
    down_b, along_b = (w[LDB], 1) if w[TRANS_B] == PLAIN else (1, w[LDB])
    rows_of_b = panel()
    high, deep = even(m, BAND), even(k, DEEP if w[TRANS_B] == PLAIN else PANEL)
    for h in range(0, k, deep):
        inner = min(deep, k - h)
        for first in range(0, m, high):
            band = min(high, m - first)
            count = -(-band // HIGH)
            least, higher = band // count, band % count
            for j in range(0, n, wide):
                columns = min(wide, n - j)
                y, pitch = b + size * (h * down_b + j * along_b), down_b
                if w[TRANS_B] != PLAIN:
                    _turned(rows_of_b, y, along_b, columns, inner, size)
                    y, pitch = rows_of_b, wide
                x = a + size * (first * down_a + h * along_a)
                z = c + size * (first * w[LDC] + j)
                for number in range(count):
                    rows = least + (1 if number < higher else 0)
                    sizes = rows, columns, inner
                    tile(sizes, (z, w[LDC]), (x, down_a, along_a), (y, pitch), h > 0, real)
                    x += size * rows * down_a
                    z += size * rows * w[LDC]


def gemv(block, part, parts):
    """The product of a matrix and a vector, by one part."""
    w = at(block, int64)
    if part == 0:
        trans, m, n = block + 8 * TRANS_A, block + 8 * M, block + 8 * N
        a = w[A], block + 8 * LDA
        x = w[B], block + 8 * LDB
        y = w[C], block + 8 * LDC
        alpha, beta = block + 8 * ALPHA, block + 8 * BETA
        call(w[FUNCTION], (trans, m, n, alpha, *a, *x, beta, *y))


def dot(block, part, parts):
    """The product of a row and a column, by one part."""
    w = at(block, int64)
    if part == 0:
        arguments = block + 8 * K, w[A], block + 8 * LDA, w[B], block + 8 * LDB
        at(w[C], real)[0] = ask(w[FUNCTION], arguments, real)


def one_thread(block, part, parts):
    """BLAS on one thread from here on; the former number of threads is kept in the block."""
    w = at(block, int64)
    if part == 0:
        for k in range(0, EACH * w[LIBRARIES], EACH):
            w[k + BEFORE] = ask(w[k + GET], (), int32)
            call(w[k + SET], (1,))


def restore(block, part, parts):
    """As many threads as before."""
    w = at(block, int64)
    if part == 0:
        for k in range(0, EACH * w[LIBRARIES], EACH):
            call(w[k + SET], (w[k + BEFORE],))
