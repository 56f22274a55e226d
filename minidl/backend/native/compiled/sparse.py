"""Sparse rows, gathered and multiplied entry by entry, in SciPy's order.

``real`` and ``integer`` are the types of entries and of their places; whoever asks for a function
says which.
"""

from numba.types import float32, int32, int64

from minidl.backend.native.compiled.entries import add_to, add_up
from minidl.backend.native.compiled.lowlevel import at, helper, prefetch_all
from minidl.backend.native.shares import cut

real, integer = float32, int32

# So many rows before it is copied, a row is asked for.
_AHEAD = 4


@helper
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


def forward(block, part, parts):
    """out_i = the sum over the entries k of row i of data_k W_column"""
    w = at(block, int64)
    data, columns, ends, units, size = w[0], w[1], at(w[2], integer), w[6], w[7]
    for i in range(cut(w[5], part, parts), cut(w[5], part + 1, parts)):
        k = ends[i]
        entries = data + size * k, columns + w[8] * k, ends[i + 1] - k
        add_up(w[4] + size * i * units, entries, w[3], units, (real, integer))


def backward(block, part, parts):
    """out_column = the sum over rows i and entries k of data_k dy_i; each part some columns"""
    w = at(block, int64)
    columns, ends, units, size = at(w[1], integer), at(w[2], integer), w[6], w[7]
    low, high = w[9 + part], w[10 + part]
    out = at(w[4], real)
    for j in range(low * units, high * units):
        out[j] = 0
    for i in range(w[5]):
        k = _before(columns, ends[i], ends[i + 1], low)
        count = _before(columns, k, ends[i + 1], high) - k
        entries = w[0] + size * k, w[1] + w[8] * k, count
        add_to(w[4], entries, w[3] + size * i * units, units, (real, integer))


def ends(block, part, parts):
    """Where the rows of the batch end, once they lie one after the other."""
    w = at(block, int64)
    given, out = at(w[2], integer), at(w[5], integer)
    order = at(w[6] + 8 * at(w[7], int64)[0], int64)
    if part == 0:
        out[0] = 0
        for i in range(at(w[7], int64)[1]):
            out[i + 1] = out[i] + given[order[i] + 1] - given[order[i]]


def gather(block, part, parts):
    """Entries and their columns, of rows that end where ``ends`` has written."""
    w = at(block, int64)
    data, columns, ends = at(w[0], real), at(w[1], integer), at(w[2], integer)
    out_data, out_columns, out_ends = at(w[3], real), at(w[4], integer), at(w[5], integer)
    order = at(w[6] + 8 * at(w[7], int64)[0], int64)
    count = at(w[7], int64)[1]
    first, last = count * part // parts, count * (part + 1) // parts
    for i in range(first - _AHEAD, last):
        if first <= i + _AHEAD < last:
            row = order[i + _AHEAD]
            for address, size in (w[0], w[8]), (w[1], w[9]):
                prefetch_all(address + size * ends[row], address + size * ends[row + 1])
        if i >= first:
            start, to = ends[order[i]], out_ends[i]
            for k in range(ends[order[i] + 1] - start):
                out_data[to + k] = data[start + k]
                out_columns[to + k] = columns[start + k]
