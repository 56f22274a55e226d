"""Random bits as a command: Philox 4x64-10 at the addresses of ``backend/random.py``."""

from __future__ import annotations

import numba
import numpy as np
from numpy import uint16, uint64

from minidl.backend.layout import address
from minidl.backend.native.commands import Command, access
from minidl.backend.native.lowlevel import at, command, cut, high_product

# Salmon, Moraes, Dror & Shaw (SC 2011), section 3.3: the multipliers and key increments of 4x64.
_M0, _M1 = uint64(0xD2E7470EE14C6C93), uint64(0xCA5A826395121157)
_W0, _W1 = uint64(0x9E3779B97F4A7C15), uint64(0xBB67AE8584CAA73B)
_ROUNDS = 10
_LANES = 16  # 16-bit numbers in the 256 bits of one counter


@numba.njit(inline="always")
def _philox(a, b, c, d, key, other):
    """The four words of a counter (a, b, c, d)."""
    for _ in range(_ROUNDS):
        high_a, low_a = high_product(_M0, a), _M0 * a
        high_c, low_c = high_product(_M1, c), _M1 * c
        a, b, c, d = high_c ^ b ^ key, low_c, high_a ^ d ^ other, low_a
        key += _W0
        other += _W1
    return a, b, c, d


@command
def _draw(block, part, parts):
    w = at(block, numba.types.int64)
    size = w[1]
    step = uint64(at(w[2], numba.types.int64)[0] + w[3])
    counters = (size + _LANES - 1) // _LANES
    zero = uint64(0)
    for k in range(cut(counters, part, parts), cut(counters, part + 1, parts)):
        # NumPy counts on before it draws: the first counter is 1.
        words = _philox(uint64(k + 1), step, zero, zero, uint64(w[4]), uint64(w[5]))
        if (k + 1) * _LANES <= size:
            out = at(w[0] + 2 * _LANES * k, numba.types.uint64)
            for j in range(4):
                out[j] = words[j]
        else:
            last = at(w[0] + 2 * _LANES * k, numba.types.uint16)
            for j in range(size - k * _LANES):
                last[j] = uint16(words[j // 4] >> uint64(16 * (j % 4)))


def draw(key: np.ndarray, out: np.ndarray, step: np.ndarray, ahead: int) -> Command:
    """Fill ``out`` with the 16-bit numbers of a key.

    Args:
        key: two uint64.
        out: uint16, contiguous.
        step: an int64 that is read when the command runs; the numbers are those of the step
            ``ahead`` of it.
    """
    words = [address(out), out.size, address(step), ahead, *key.view(np.int64)]
    # Shared out by counters: no part touches only what it later reads.
    accesses = [access(out, True, None)]
    return Command(
        "random bits", _draw.address, np.array(words, np.int64), accesses, (out, step), 4 * out.size
    )
