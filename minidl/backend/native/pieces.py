"""Products cut into pieces that BLAS multiplies where they lie.

Before it multiplies, a BLAS copies both matrices into the order in which it reads them. Where one
has few rows the copies take as long as the product. OpenBLAS leaves them out for products of at
most a million multiplications, on processors for which it has such code, those with AVX-512; so it
is asked for larger products piece by piece. The sizes are those that took least of some thousand
products of random sizes.

Plain functions, which commands call as well (``compiled/lowlevel.py``).
"""

from __future__ import annotations

FEW = 1_000_000
#: OpenBLAS's names of the processors.
PROCESSORS = ("SkylakeX", "Cooperlake", "SapphireRapids")

_HIGH, _WIDE, _DEEP = 125, 128, 48
# Of x yᵀ it is only for results of so many elements that OpenBLAS copies nothing.
_SMALL_RESULT = 1024


def even(size: int, most: int) -> int:
    """The size of as few equal parts as are no larger than ``most``."""
    count = -(-size // most)
    return -(-size // count)


def piece(
    rows: int, columns: int, inner: int, transposed_a: bool, transposed_b: bool
) -> tuple[int, int, int]:
    """Rows, columns and inner size of the pieces of a product; its own if it is best left whole.

    Args:
        rows, columns, inner: of the product a b, (rows, inner) by (inner, columns).
        transposed_a, transposed_b: whether columns lie one after the other, not rows.
    """
    whole = rows, columns, inner
    if transposed_b:
        if transposed_a or rows > 64 or rows * columns <= _SMALL_RESULT:
            return whole
        wide = _SMALL_RESULT // rows // 16 * 16
        return rows, wide, even(inner, FEW // (rows * wide))
    if rows * columns * inner <= FEW:
        return whole
    # Rows of a power of two fall on the same lines of a cache, unless they are copied.
    if transposed_a:
        if columns % 1024 == 0 and rows > 128:
            return whole
    elif columns % 512 == 0:
        if rows > 64:
            return whole
    elif rows > 512 and columns > _WIDE:
        return whole
    high = even(rows, _HIGH)
    wide = min(columns, -(-even(columns, _WIDE) // 64) * 64)
    deep = FEW // (high * wide)
    if not transposed_a and rows >= 64:
        deep = min(deep, _DEEP)
    return high, wide, even(inner, deep)
