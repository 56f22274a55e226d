"""A C loop of NumPy's, called for the share of a part."""

from minidl.accelerator.cpu.machine.lowlevel import at, call
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.shares import as_one, share
from minidl.accelerator.cpu.ufuncs.plan import ARRAYS, FIXED, OWN


def loop(block, part, parts):
    """The C loop over the rows and columns of a part."""
    w = at(block, int64)
    first, last, low, high = share(w[3], w[4], w[2], part, parts)
    last, high = as_one(first, last, high, w[6])
    mine = block + 8 * (FIXED + 3 * ARRAYS + OWN * part)
    m = at(mine, int64)
    m[4] = high - low
    for k in range(w[5]):
        m[5 + k] = w[FIXED + 3 * k + 2]
    if low < high:
        for i in range(first, last):
            for k in range(w[5]):
                m[k] = w[FIXED + 3 * k] + i * w[FIXED + 3 * k + 1] + low * m[5 + k]
            call(w[0], (mine, mine + 32, mine + 40, w[1]))
