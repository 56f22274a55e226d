"""Philox 4x64-10 (Salmon, Moraes, Dror & Shaw, SC 2011, section 3.3)."""

from minidl.accelerator.cpu.draws.words import AHEAD, COUNT, KEY, OTHER_KEY, OUT, STEP
from minidl.accelerator.cpu.machine.lowlevel import at, whole_product
from minidl.accelerator.cpu.machine.values import int64, uint16, uint64
from minidl.accelerator.cpu.shares import cut

# The multipliers and key increments of 4x64.
_M0, _M1 = 0xD2E7470EE14C6C93, 0xCA5A826395121157
_W0, _W1 = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
_ROUNDS = 10
_LANES = 16  # 16-bit numbers in the 256 bits of one counter


def _philox(a, b, c, d, key, other):
    """The four words of a counter (a, b, c, d)."""
    for _ in range(_ROUNDS):
        high_a, low_a = whole_product(uint64(_M0), a)
        high_c, low_c = whole_product(uint64(_M1), c)
        a, b, c, d = high_c ^ b ^ key, low_c, high_a ^ d ^ other, low_a
        key += uint64(_W0)
        other += uint64(_W1)
    return a, b, c, d


def draw(block, part, parts):
    """The 16-bit numbers of the counters 1, 2, … of a key and step."""
    w = at(block, int64)
    size = w[COUNT]
    step = uint64(at(w[STEP], int64)[0] + w[AHEAD])
    counters = (size + _LANES - 1) // _LANES
    zero = uint64(0)
    for k in range(cut(counters, part, parts), cut(counters, part + 1, parts)):
        # NumPy counts on before it draws: the first counter is 1.
        key, other = uint64(w[KEY]), uint64(w[OTHER_KEY])
        a, b, c, d = _philox(uint64(k + 1), step, zero, zero, key, other)
        if (k + 1) * _LANES <= size:
            out = at(w[OUT] + 2 * _LANES * k, uint64)
            out[0], out[1], out[2], out[3] = a, b, c, d
        else:
            last = at(w[OUT] + 2 * _LANES * k, uint16)
            for j in range(size - k * _LANES):
                word = a if j < 4 else b if j < 8 else c if j < 12 else d
                last[j] = uint16(word >> uint64(16 * (j % 4)))
