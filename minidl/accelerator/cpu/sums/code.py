"""Sums in NumPy's order, largest elements and their places.

``source``, ``target`` and ``working`` are the types of what is read, of what is written, and of the
sums; whoever asks for a function says which.
"""

from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import float32, int64
from minidl.accelerator.cpu.shares import COLUMNS, ROWS, cut
from minidl.accelerator.cpu.sums.eights import sums

source = target = working = float32


def _pairwise(x, start, n) -> working:
    # NumPy's order: halves of halves, and eight sums side by side in blocks of up to 128.
    p = at(x, source)
    half = n // 2
    half -= half % 8
    if n < 8:
        total = working(-0.0)
        for k in range(start, start + n):
            total += working(p[k])
        return total
    if n - half > 128:
        return _pairwise(x, start, half) + _pairwise(x, start + half, n - half)
    if n <= 128:
        half = 0  # one block; what stands for the other is not used
    rest = n % 8
    one, other = sums(x, (start, max(half, 8)), (start + half, n - half - rest), (source, working))
    for k in range(start + n - rest, start + n):
        other += working(p[k])
    return one + other if half > 0 else other


def _largest(x, n):
    # A NaN stays: nothing is greater, and only another NaN differs from itself.
    p = at(x, source)
    place = 0
    for k in range(1, n):
        if p[k] > p[place] or (p[k] != p[k] and p[place] == p[place]):
            place = k
    return place


def along_rows(block, part, parts):
    """The sum, the largest element or its place, of each row."""
    w = at(block, int64)
    first, last = 0, w[1]
    if w[0] == ROWS:
        first, last = cut(w[1], part, parts), cut(w[1], part + 1, parts)
    elif part != 0:
        last = 0
    for i in range(first, last):
        x = w[3] + i * w[4]
        out = w[5] + i * w[6]
        if w[7] == 0:
            at(out, target)[0] = _pairwise(x, int64(0), w[2]) + working(0)
        elif w[7] == 1:
            at(out, target)[0] = at(x, source)[_largest(x, w[2])]
        else:
            at(out, int64)[0] = _largest(x, w[2])


def _add_rows(out, x, pitch, rows, low, high):
    """Add each row to out, four at a time: out is read and written once for them."""
    i = 0
    while i + 4 <= rows:
        a, b = at(x + i * pitch, source), at(x + (i + 1) * pitch, source)
        c, d = at(x + (i + 2) * pitch, source), at(x + (i + 3) * pitch, source)
        for j in range(low, high):
            out[j] = out[j] + working(a[j]) + working(b[j]) + working(c[j]) + working(d[j])
        i += 4
    for k in range(i, rows):
        a = at(x + k * pitch, source)
        for j in range(low, high):
            out[j] += working(a[j])


def along_columns(block, part, parts):
    """The sum of each column, of one block of rows or of several."""
    w = at(block, int64)
    low, high, first, last = 0, w[3], 0, w[1]
    if w[0] == COLUMNS:
        low, high = cut(w[3], part, parts), cut(w[3], part + 1, parts)
    elif w[0] == ROWS:
        first, last = w[1] * part // parts, w[1] * (part + 1) // parts
    elif part != 0:
        high = 0
    if low < high:
        for k in range(first, last):
            out = at(w[7] + k * w[8], working)
            for j in range(low, high):
                out[j] = 0
            _add_rows(out, w[4] + k * w[5], w[6], w[2], low, high)


def terms(block, part, parts):
    """The sums of pieces of a vector."""
    w = at(block, int64)
    total = at(w[1], working)
    for k in range(w[0] * part // parts, w[0] * (part + 1) // parts):
        total[k] = _pairwise(w[2 + 2 * k], int64(0), w[3 + 2 * k])


def total(block, part, parts):
    """The sum of these, two by two."""
    w = at(block, int64)
    terms = at(w[1], working)
    if part == 0:
        count = w[0]
        while count > 1:
            count //= 2
            for k in range(count):
                terms[k] = terms[2 * k] + terms[2 * k + 1]
        at(w[2], target)[0] = terms[0] + working(0)
