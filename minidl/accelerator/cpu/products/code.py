"""Products: BLAS, called for the share of a part, or own tiles; and how many threads BLAS has."""

from minidl.accelerator.cpu.machine.lowlevel import ask, at, call
from minidl.accelerator.cpu.machine.values import float32, int32, int64
from minidl.accelerator.cpu.products.plan import FIXED, INNER, OWN, PLAIN
from minidl.accelerator.cpu.products.tiles import panel, tile, turn
from minidl.accelerator.cpu.products.tiling import BAND, BYTES, DEEP, HIGH, PANEL, VECTORS, even
from minidl.accelerator.cpu.shares import COLUMNS, ROWS, cut

real = float32  # of the elements; whoever asks for the function says which


def _share(w, part, parts):
    """Sizes and addresses of a part's share: rows, columns and inner size, a, b, out."""
    size = w[15]
    m, n, k = w[2], w[3], w[4]
    a, b, c = w[5], w[8], w[11]
    if w[1] == INNER:
        low, k = cut(w[4], part, parts), cut(w[4], part + 1, parts) - cut(w[4], part, parts)
        a += low * size * (1 if w[6] == PLAIN else w[7])
        b += low * size * (w[10] if w[9] == PLAIN else 1)
        c += part * w[13]
    elif w[1] == ROWS:
        low, m = cut(w[2], part, parts), cut(w[2], part + 1, parts) - cut(w[2], part, parts)
        a += low * size * (w[7] if w[6] == PLAIN else 1)
        c += low * size * w[12]
    elif w[1] == COLUMNS:
        low, n = cut(w[3], part, parts), cut(w[3], part + 1, parts) - cut(w[3], part, parts)
        b += low * size * (1 if w[9] == PLAIN else w[10])
        c += low * size
    elif part != 0:
        m = 0
    return m, n, k, a, b, c


def gemm(block, part, parts):
    """out = a b, or a term of it, by BLAS."""
    w = at(block, int64)
    m, n, k, a, b, c = _share(w, part, parts)
    if m > 0 and n > 0:
        # BLAS counts columns first: it computes outᵀ = bᵀ aᵀ. It takes addresses of everything.
        own = block + 8 * (FIXED + OWN * part)
        v = at(own, int64)
        v[0], v[1], v[2] = n, m, k
        sizes = own, own + 8, own + 16
        one, zero = block + 112, own + 24
        trans_a, lda, trans_b, ldb = block + 48, block + 56, block + 72, block + 80
        ldc = block + 96
        call(w[0], (trans_b, trans_a, *sizes, one, b, ldb, a, lda, zero, c, ldc))


def _turned(out, x, pitch, columns, inner, size):
    """The columns of b at x as rows of a panel."""
    lanes = max(BYTES // size, 1)  # a range might raise otherwise, for all that LLVM knows
    for j in range(0, columns, lanes):
        for h in range(0, inner, lanes):
            target = out + size * (h * VECTORS * lanes + j)
            source = x + size * (j * pitch + h)
            turn((target, VECTORS * lanes), (source, pitch), (columns - j, inner - h), real)


def tiled(block, part, parts):
    """out = a b, or a term of it, tile by tile; a term of an empty share stays 0."""
    w = at(block, int64)
    m, n, k, a, b, c = _share(w, part, parts)
    size = w[15]
    wide = VECTORS * max(BYTES // size, 1)
    down_a, along_a = (w[7], 1) if w[6] == PLAIN else (1, w[7])
    down_b, along_b = (w[10], 1) if w[9] == PLAIN else (1, w[10])
    rows_of_b = panel()
    high, deep = even(m, BAND), even(k, DEEP if w[9] == PLAIN else PANEL)
    for h in range(0, k, deep):
        inner = min(deep, k - h)
        for first in range(0, m, high):
            band = min(high, m - first)
            count = -(-band // HIGH)
            least, higher = band // count, band % count
            for j in range(0, n, wide):
                columns = min(wide, n - j)
                y, pitch = b + size * (h * down_b + j * along_b), down_b
                if w[9] != PLAIN:
                    _turned(rows_of_b, y, along_b, columns, inner, size)
                    y, pitch = rows_of_b, wide
                x = a + size * (first * down_a + h * along_a)
                z = c + size * (first * w[12] + j)
                for number in range(count):
                    rows = least + (1 if number < higher else 0)
                    sizes = rows, columns, inner
                    tile(sizes, (z, w[12]), (x, down_a, along_a), (y, pitch), h > 0, real)
                    x += size * rows * down_a
                    z += size * rows * w[12]


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
