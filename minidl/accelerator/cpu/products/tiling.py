"""Sizes of the tiles that own products are made of; plain numbers and a function.

A tile keeps vectors of the result in registers, of which AVX-512 has 32; the rest is for a row
of ``b`` and elements of ``a``. A processor needs some ten sums to work on, as each addition to a
sum waits for the last addition.

With AVX2 and its 16 registers OpenBLAS is as fast, and products are left to it; on other processors
there is no measurement.
"""

from __future__ import annotations

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

#: True if products are made of tiles.
TILES = bool(_multiarray_umath.__cpu_features__.get("AVX512F"))
#: Bytes of a vector; vectors of a tile, side by side; rows of a tile, at most.
BYTES, VECTORS, HIGH = 64, 2, 14

#: Rows of the result and columns of ``a`` at a time: all tiles of such a band read the same
#: elements of ``a``, which stay in a cache.
BAND, DEEP = 256, 1024
#: Columns of ``b`` that are made rows at a time, in a panel of 48 KiB.
PANEL = 384


def even(size: int, most: int) -> int:
    """The size of as few equal parts as are no larger than ``most``; 1 of nothing."""
    count = max(-(-size // most), 1)
    return max(-(-size // count), 1)
