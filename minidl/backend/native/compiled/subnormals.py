"""Subnormal numbers taken for 0, and made 0, by the thread that runs this."""

from numba.types import int64

from minidl.backend.native.compiled.lowlevel import at, float_control, set_float_control

# Of a processor's floating-point control: results that are subnormal become 0, and arguments are 0.
# Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 10.2.3.
_FLUSH = 1 << 15 | 1 << 6


def begin(block, part, parts):
    """From here on; how it was is kept in the block."""
    words = at(block, int64)
    words[8 * part] = float_control()
    set_float_control(words[8 * part] | _FLUSH)


def end(block, part, parts):
    """As it was."""
    set_float_control(at(block, int64)[8 * part])
