"""A C loop of NumPy's, called for the share of a part."""

from minidl.accelerator.cpu.machine.lowlevel import at, call
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.shares import as_one, share
from minidl.accelerator.cpu.ufuncs.words import (
    ADDRESS,
    ADDRESSES,
    AXIS,
    COLUMNS,
    COUNT,
    DATA,
    EACH,
    FIXED,
    JOINED,
    LENGTH,
    LOOP,
    OWN,
    PARTS,
    PITCH,
    ROWS,
    STEP,
    STEPS,
)


def loop(block, part, parts):
    """The C loop over the rows and columns of a part."""
    w = at(block, int64)
    first, last, low, high = share(w[ROWS], w[COLUMNS], w[AXIS], part, parts)
    last, high = as_one(first, last, high, w[JOINED])
    own = block + 8 * (PARTS + OWN * part)
    v = at(own, int64)
    v[LENGTH] = high - low
    for k in range(w[COUNT]):
        v[STEPS + k] = w[FIXED + EACH * k + STEP]
    if low < high:
        for i in range(first, last):
            for k in range(w[COUNT]):
                array = FIXED + EACH * k
                start = w[array + ADDRESS] + i * w[array + PITCH]
                v[ADDRESSES + k] = start + low * v[STEPS + k]
            call(w[LOOP], (own + 8 * ADDRESSES, own + 8 * LENGTH, own + 8 * STEPS, w[DATA]))
