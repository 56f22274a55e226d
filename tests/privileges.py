"""The superuser's right to write where nobody may, put away for a while."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

_VERSION_3 = 0x20080522  # of the structures below; capget(2)
_OVERRIDE = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


@contextlib.contextmanager
def ordinary() -> Iterator[None]:
    """Within the block the modes of files and folders bind this thread, as they bind any user."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    # Effective, permitted, inheritable; of the first 32 capabilities, then of the others.
    sets = (ctypes.c_uint32 * 6)()

    def call(name: str) -> None:
        if getattr(libc, name)(header, sets):
            raise OSError(ctypes.get_errno(), name)

    call("capget")
    before = sets[0]
    sets[0] = before & ~_OVERRIDE
    call("capset")
    try:
        yield
    finally:
        sets[0] = before
        call("capset")
