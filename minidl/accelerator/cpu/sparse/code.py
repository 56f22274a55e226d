"""Sparse rows, gathered and multiplied entry by entry, in SciPy's order.

``real`` and ``integer`` are the types of entries and of their places; the caller chooses.
"""

import math

from minidl.accelerator.cpu.gather.words import COUNT, START
from minidl.accelerator.cpu.machine.lowlevel import at, prefetch_all, within
from minidl.accelerator.cpu.machine.values import float32, int32, int64
from minidl.accelerator.cpu.shares import cut
from minidl.accelerator.cpu.sparse.entries import add_to, add_up
from minidl.accelerator.cpu.sparse.words import (
    BOUNDS,
    COLUMNS,
    DATA,
    DATA_SIZE,
    ENDS,
    FACTOR,
    INDEX_SIZE,
    INDICES,
    ORDER,
    ORDERED,
    OUT,
    OUT_DATA,
    OUT_ENDS,
    OUT_INDICES,
    OUT_ROOM,
    OUT_ROWS,
    PLACE,
    ROOM,
    ROWS,
    SPOILT,
    UNITS,
)

real, integer = float32, int32

# Rows from the prefetch of a row to its copy.
_AHEAD = 4


def _before(columns, first, end, bound):
    """In a row with ordered columns, the place of the first entry from column ``bound`` on.

    Without jumps, of which the processor would guess every second one wrong.
    """
    count = end - first
    while count > 0:
        half = count // 2
        smaller = columns[first + half] < bound
        first = first + half + 1 if smaller else first
        count = count - half - 1 if smaller else half
    return first


def _within(columns, ends, first, last, limits):
    """True if rows lie within their arrays and their entries within the matrix.

    Rows and entries may have been overwritten since the command was made.
    """
    count, room = limits
    right = ends[first] >= 0 and ends[last] <= room
    for i in range(first, last):
        right &= ends[i] <= ends[i + 1]
    low, high = integer(0), integer(0)
    if right:
        for k in range(ends[first], ends[last]):
            low, high = min(low, columns[k]), max(high, columns[k])
    return right and low >= 0 and high < count


def _spoil(out, first, end):
    """NaN for each element: without a matrix there is no product."""
    for j in range(first, end):
        out[j] = math.nan


def forward(block, part, parts):
    """out_i = the sum over the entries k of row i of data_k W_column"""
    w = at(block, int64)
    columns, ends, units, size = w[INDICES], at(w[ENDS], integer), w[UNITS], w[DATA_SIZE]
    first, last = cut(w[ROWS], part, parts), cut(w[ROWS], part + 1, parts)
    if not _within(at(columns, integer), ends, first, last, (w[COLUMNS], w[ROOM])):
        _spoil(at(w[OUT], real), first * units, last * units)
        return
    for i in range(first, last):
        k = ends[i]
        entries = w[DATA] + size * k, columns + w[INDEX_SIZE] * k, ends[i + 1] - k
        add_up(w[OUT] + size * i * units, entries, w[FACTOR], units, (real, integer))


def backward(block, part, parts):
    """out_column = the sum over rows i and entries k of data_k dy_i; each part some columns"""
    w = at(block, int64)
    columns, ends = at(w[INDICES], integer), at(w[ENDS], integer)
    units, size = w[UNITS], w[DATA_SIZE]
    low, high = w[BOUNDS + part], w[BOUNDS + part + 1]
    out = at(w[OUT], real)
    if not _within(columns, ends, 0, w[ROWS], (w[COLUMNS], w[ROOM])):
        _spoil(out, low * units, high * units)
        return
    for j in range(low * units, high * units):
        out[j] = 0
    for i in range(w[ROWS]):
        first, end = int64(ends[i]), int64(ends[i + 1])
        k = _before(columns, first, end, low)
        count = _before(columns, k, end, high) - k
        entries = w[DATA] + size * k, w[INDICES] + w[INDEX_SIZE] * k, count
        add_to(w[OUT], entries, w[FACTOR] + size * i * units, units, (real, integer))


def ends(block, part, parts):
    """The ends of the batch's rows, once the rows lie one after the other."""
    w = at(block, int64)
    given, out, place = at(w[ENDS], integer), at(w[OUT_ENDS], integer), at(w[PLACE], int64)
    start, count = within(place[START], place[COUNT], w[ORDERED], w[OUT_ROWS])
    order = at(w[ORDER] + 8 * start, int64)
    if part == 0:
        out[0] = 0
        for i in range(count):
            row = min(max(order[i], 0), w[ROWS] - 1)
            first, end = given[row], given[row + 1]
            # An unchanged matrix is never cut off here.
            if not (0 <= first <= end <= w[ROOM]) or out[i] + end - first > w[OUT_ROOM]:
                end = first
                at(w[SPOILT], int64)[0] = 1
            out[i + 1] = out[i] + end - first


def _in_order(columns, first, end, count):
    """True if the columns of a range are below ``count``, each no less than the one before."""
    wrong = int32(0)
    for k in range(first + 1, end):
        wrong |= int32(columns[k] < columns[k - 1])
    # Not in one expression: all operands of "or" are computed, and here nothing is to be read.
    if end > first:
        wrong |= int32(columns[first] < 0) | int32(columns[end - 1] >= count)
    return wrong == 0


def gather(block, part, parts):
    """Entries and their columns, of rows that end where ``ends`` has written."""
    w = at(block, int64)
    data, columns, ends = at(w[DATA], real), at(w[INDICES], integer), at(w[ENDS], integer)
    out_data, out_columns = at(w[OUT_DATA], real), at(w[OUT_INDICES], integer)
    out_ends, place = at(w[OUT_ENDS], integer), at(w[PLACE], int64)
    start, count = within(place[START], place[COUNT], w[ORDERED], w[OUT_ROWS])
    order = at(w[ORDER] + 8 * start, int64)
    last_row, room = w[ROWS] - 1, w[ROOM]
    first, last = count * part // parts, count * (part + 1) // parts
    for i in range(first - _AHEAD, last):
        if first <= i + _AHEAD < last:
            row = min(max(order[i + _AHEAD], 0), last_row)
            soon, end = min(max(ends[row], 0), room), min(max(ends[row + 1], 0), room)
            for address, size in (w[DATA], w[DATA_SIZE]), (w[INDICES], w[INDEX_SIZE]):
                prefetch_all(address + size * soon, address + size * end)
        if i >= first:
            start, to = ends[min(max(order[i], 0), last_row)], out_ends[i]
            size = out_ends[i + 1] - to
            right = start >= 0 and start + size <= room
            if right:
                for k in range(size):
                    out_data[to + k] = data[start + k]
                    out_columns[to + k] = columns[start + k]
                right = _in_order(out_columns, to, to + size, w[COLUMNS])
            if not right:
                at(w[SPOILT], int64)[0] = 1
                for k in range(size):
                    out_data[to + k] = 0
                    out_columns[to + k] = 0
