"""Sums in NumPy's order, largest elements and their places.

``source``, ``target`` and ``working`` are the types read, written and added up; the caller chooses.
"""

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import float32, int64
from minidl.accelerator.cpu.shares import cut
from minidl.accelerator.cpu.sums.eights import sums
from minidl.accelerator.cpu.sums.largest import LANES, largest
from minidl.accelerator.cpu.sums.words import (
    ADDRESS,
    AXIS,
    BLOCKS,
    COLUMNS,
    COUNT,
    EACH,
    FIXED,
    KIND,
    LARGEST,
    LENGTH,
    OUT,
    OUT_ROW,
    ROWS,
    SUM,
    TERMS,
    TOTAL,
    X_BLOCK,
    X_ROW,
    X,
)

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
        half = 0  # one block; the result for the other is not used
    rest = n % 8
    one, other = sums(x, (start, max(half, 8)), (start + half, n - half - rest), (source, working))
    for k in range(start + n - rest, start + n):
        other += working(p[k])
    return one + other if half > 0 else other


def _largest(x, n) -> source:
    whole = n - n % LANES
    if whole == 0:
        return at(x, source)[_place(x, n)]
    p = at(x, source)
    found = largest(x, whole, source)
    for k in range(whole, n):
        if p[k] > found or p[k] != p[k]:
            found = p[k]
    return found


def _place(x, n):
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
    first, last, columns = 0, w[ROWS], w[COLUMNS]
    if w[AXIS] == shares.ROWS:
        first, last = cut(w[ROWS], part, parts), cut(w[ROWS], part + 1, parts)
    elif part != 0:
        last = 0
    for i in range(first, last):
        x = w[X] + i * w[X_ROW]
        out = w[OUT] + i * w[OUT_ROW]
        if w[KIND] == SUM:
            at(out, target)[0] = _pairwise(x, int64(0), columns) + working(0)
        elif w[KIND] == LARGEST:
            at(out, target)[0] = _largest(x, columns)
        else:
            at(out, int64)[0] = _place(x, columns)


def _add_rows(out, x, pitch, rows, low, high):
    """Add each row to out, four at a time, with one read and one write of out for the four."""
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
    low, high, first, last = 0, w[COLUMNS], 0, w[BLOCKS]
    if w[AXIS] == shares.COLUMNS:
        low, high = cut(w[COLUMNS], part, parts), cut(w[COLUMNS], part + 1, parts)
    elif w[AXIS] == shares.ROWS:
        first, last = w[BLOCKS] * part // parts, w[BLOCKS] * (part + 1) // parts
    elif part != 0:
        high = 0
    if low < high:
        for k in range(first, last):
            out = at(w[OUT] + k * w[OUT_ROW], working)
            for j in range(low, high):
                out[j] = 0
            _add_rows(out, w[X] + k * w[X_BLOCK], w[X_ROW], w[ROWS], low, high)


def terms(block, part, parts):
    """The sums of pieces of a vector."""
    w = at(block, int64)
    terms = at(w[TERMS], working)
    for k in range(w[COUNT] * part // parts, w[COUNT] * (part + 1) // parts):
        piece = FIXED + EACH * k
        terms[k] = _pairwise(w[piece + ADDRESS], int64(0), w[piece + LENGTH])


def total(block, part, parts):
    """The sum of the terms, two by two."""
    w = at(block, int64)
    terms = at(w[TERMS], working)
    if part == 0:
        count = w[COUNT]
        while count > 1:
            count //= 2
            for k in range(count):
                terms[k] = terms[2 * k] + terms[2 * k + 1]
        at(w[TOTAL], target)[0] = terms[0] + working(0)
