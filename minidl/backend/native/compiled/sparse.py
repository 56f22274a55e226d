"""Sparse rows, gathered and multiplied entry by entry, in SciPy's order.

``real`` and ``integer`` are the types of entries and of their places; whoever asks for a function
says which.
"""

from numba.types import float32, int32, int64

from minidl.backend.native.compiled.lowlevel import at, helper
from minidl.backend.native.shares import cut

real, integer = float32, int32


@helper
def _clear(out, low, high):
    for j in range(low, high):
        out[j] = 0


@helper
def _add_row(out, first, x, start, factor, n):
    for j in range(n):
        out[first + j] += factor * x[start + j]


def forward(block, part, parts):
    """out_i = the sum over the entries k of row i of data_k W_column"""
    w = at(block, int64)
    data, columns, ends = at(w[0], real), at(w[1], integer), at(w[2], integer)
    W, out, units = at(w[3], real), at(w[4], real), w[6]
    for i in range(cut(w[5], part, parts), cut(w[5], part + 1, parts)):
        _clear(out, i * units, (i + 1) * units)
        for k in range(ends[i], ends[i + 1]):
            _add_row(out, i * units, W, columns[k] * units, data[k], units)


def backward(block, part, parts):
    """out_column = the sum over rows i and entries k of data_k dy_i; each part some columns"""
    w = at(block, int64)
    data, columns, ends = at(w[0], real), at(w[1], integer), at(w[2], integer)
    dy, out, units = at(w[3], real), at(w[4], real), w[6]
    low, high = w[7 + part], w[8 + part]
    _clear(out, low * units, high * units)
    for i in range(w[5]):
        for k in range(ends[i], ends[i + 1]):
            if low <= columns[k] < high:
                _add_row(out, columns[k] * units, dy, i * units, data[k], units)


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
    for i in range(count * part // parts, count * (part + 1) // parts):
        start, to = ends[order[i]], out_ends[i]
        for k in range(ends[order[i] + 1] - start):
            out_data[to + k] = data[start + k]
            out_columns[to + k] = columns[start + k]
