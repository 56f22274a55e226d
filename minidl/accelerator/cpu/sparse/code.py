"""Sparse rows, gathered and multiplied entry by entry, in SciPy's order.

``real`` and ``integer`` are the types of entries and of their places; whoever asks for a function
says which.
"""

import math

from minidl.accelerator.cpu.machine.lowlevel import at, prefetch_all, within
from minidl.accelerator.cpu.machine.values import float32, int32, int64
from minidl.accelerator.cpu.shares import cut
from minidl.accelerator.cpu.sparse.entries import add_to, add_up

real, integer = float32, int32

# So many rows before it is copied, a row is asked for.
_AHEAD = 4


def _before(columns, first, end, bound):
    """Where in a row's entries, in the order of their columns, those from a column on begin.

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
    """Whether rows lie within their arrays and their entries within the matrix.

    Somebody may have overwritten either since the command was made.
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
    """No number: of what is no matrix there is no product."""
    for j in range(first, end):
        out[j] = math.nan


def forward(block, part, parts):
    """out_i = the sum over the entries k of row i of data_k W_column"""
    w = at(block, int64)
    data, columns, ends, units, size = w[0], w[1], at(w[2], integer), w[6], w[7]
    first, last = cut(w[5], part, parts), cut(w[5], part + 1, parts)
    if not _within(at(columns, integer), ends, first, last, (w[9], w[10])):
        _spoil(at(w[4], real), first * units, last * units)
        return
    for i in range(first, last):
        k = ends[i]
        entries = data + size * k, columns + w[8] * k, ends[i + 1] - k
        add_up(w[4] + size * i * units, entries, w[3], units, (real, integer))


def backward(block, part, parts):
    """out_column = the sum over rows i and entries k of data_k dy_i; each part some columns"""
    w = at(block, int64)
    columns, ends, units, size = at(w[1], integer), at(w[2], integer), w[6], w[7]
    low, high = w[11 + part], w[12 + part]
    out = at(w[4], real)
    if not _within(columns, ends, 0, w[5], (w[9], w[10])):
        _spoil(out, low * units, high * units)
        return
    for j in range(low * units, high * units):
        out[j] = 0
    for i in range(w[5]):
        first, end = int64(ends[i]), int64(ends[i + 1])
        k = _before(columns, first, end, low)
        count = _before(columns, k, end, high) - k
        entries = w[0] + size * k, w[1] + w[8] * k, count
        add_to(w[4], entries, w[3] + size * i * units, units, (real, integer))


def ends(block, part, parts):
    """Where the rows of the batch end, once they lie one after the other."""
    w = at(block, int64)
    given, out = at(w[2], integer), at(w[5], integer)
    start, count = within(at(w[7], int64)[0], at(w[7], int64)[1], w[11], w[14])
    order = at(w[6] + 8 * start, int64)
    if part == 0:
        out[0] = 0
        for i in range(count):
            row = min(max(order[i], 0), w[10] - 1)
            first, end = given[row], given[row + 1]
            # What nobody has changed is never cut off here.
            if not (0 <= first <= end <= w[13]) or out[i] + end - first > w[15]:
                end = first
                at(w[16], int64)[0] = 1
            out[i + 1] = out[i] + end - first


def _in_order(columns, first, end, count):
    """Whether columns from a place up to another are of ``count``, each no less than the last."""
    wrong = int32(0)
    for k in range(first + 1, end):
        wrong |= int32(columns[k] < columns[k - 1])
    return end <= first or (wrong == 0 and columns[first] >= 0 and columns[end - 1] < count)


def gather(block, part, parts):
    """Entries and their columns, of rows that end where ``ends`` has written."""
    w = at(block, int64)
    data, columns, ends = at(w[0], real), at(w[1], integer), at(w[2], integer)
    out_data, out_columns, out_ends = at(w[3], real), at(w[4], integer), at(w[5], integer)
    start, count = within(at(w[7], int64)[0], at(w[7], int64)[1], w[11], w[14])
    order = at(w[6] + 8 * start, int64)
    last_row = w[10] - 1
    first, last = count * part // parts, count * (part + 1) // parts
    for i in range(first - _AHEAD, last):
        if first <= i + _AHEAD < last:
            row = min(max(order[i + _AHEAD], 0), last_row)
            soon, end = min(max(ends[row], 0), w[13]), min(max(ends[row + 1], 0), w[13])
            for address, size in (w[0], w[8]), (w[1], w[9]):
                prefetch_all(address + size * soon, address + size * end)
        if i >= first:
            start, to = ends[min(max(order[i], 0), last_row)], out_ends[i]
            size = out_ends[i + 1] - to
            right = start >= 0 and start + size <= w[13]
            if right:
                for k in range(size):
                    out_data[to + k] = data[start + k]
                    out_columns[to + k] = columns[start + k]
                right = _in_order(out_columns, to, to + size, w[12])
            if not right:
                at(w[16], int64)[0] = 1
                for k in range(size):
                    out_data[to + k] = 0
                    out_columns[to + k] = 0
