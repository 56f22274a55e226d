"""Shares of an array for the parts of a team, by rows or by columns.

Plain functions, which compiled commands call as well (``machine/lowlevel.py``).
"""

from __future__ import annotations

# Column blocks begin at multiples of so many elements: 64 bytes of float32, one cache line, so
# that no two threads write to the same line.
LINE = 16
# Arrays with fewer rows are shared out by columns; with fewer of both, not at all.
WIDE = 2 * LINE
COLUMNS, ROWS, WHOLE = 0, 1, 2

#: OpenBLAS computes a product of up to so many multiplications on one thread, and so comes to the
#: same bits with any number of threads. So the product is not shared out at all.
SMALL = 1 << 18


def cut(size: int, part: int, parts: int) -> int:
    """The beginning of the share of ``part`` in ``size`` elements cut at cache lines."""
    if part >= parts:
        return size
    return min(size, (size * part // parts + LINE // 2) // LINE * LINE)


def share(rows: int, columns: int, axis: int, part: int, parts: int) -> tuple[int, int, int, int]:
    """First row, end of rows, first column, end of columns of a part's share; no rows for none."""
    first, last, low, high = 0, rows, 0, columns
    if axis == COLUMNS:
        low, high = cut(columns, part, parts), cut(columns, part + 1, parts)
    elif axis == ROWS:
        first, last = cut(rows, part, parts), cut(rows, part + 1, parts)
    elif part != 0:
        last = 0
    return first, last, low, high


def as_one(first: int, last: int, high: int, joined: int) -> tuple[int, int]:
    """End of rows and of columns of a share from ``first`` on, with its rows as one long row.

    Args:
        first, last, high: of the share.
        joined: 1 where the rows lie one after the other; 0 leaves separate rows.
    """
    if joined == 0 or first >= last:
        return last, high
    return first + 1, high * (last - first)
