"""Linked code in memory that is executed, never written again, and there until the process ends."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
from collections.abc import Mapping
from typing import Any

from minidl.accelerator.record.operands import CompilationUnavailableError

_REFUSED = ctypes.c_void_p(-1).value


def executable(code: bytes, imports: Mapping[str, int]) -> int:
    """Address of linked code, copied into memory that is first written, then executed.

    The memory is allocated by the C library, and no object of Python ends it: threads may still run
    the code while the interpreter takes its objects down.

    Args:
        code: linked code, which runs at any address.
        imports: offsets in the code for the addresses of the C library's functions, by name.

    Raises:
        CompilationUnavailableError: the system gives no such memory.
    """
    image = bytearray(code)
    for name, place in imports.items():
        image[place : place + 8] = _function(name).to_bytes(8, "little")
    library = _library()
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = library.mmap(None, len(image), mmap.PROT_READ | mmap.PROT_WRITE, kind, -1, 0)
    if address in (None, _REFUSED):
        raise _refusal()
    ctypes.memmove(address, bytes(image), len(image))
    if library.mprotect(address, len(image), mmap.PROT_READ | mmap.PROT_EXEC):
        refusal = _refusal()
        library.munmap(address, len(image))
        raise refusal
    return int(address)


def address_of(function: Any) -> int:
    """Address of a C function that ctypes has found."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


#: The remedy for a system that lets no process execute memory that the process has written.
ALLOW = (
    "let the process execute memory that it has written (systemd: MemoryDenyWriteExecute=no; "
    "SELinux: execmem)"
)


def _refusal() -> CompilationUnavailableError:
    why = os.strerror(ctypes.get_errno())
    return CompilationUnavailableError(f"the system gives no memory for machine code: {why}", ALLOW)


@functools.cache
def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)  # of its own: the types are nobody else's
    pointer, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.restype = pointer
    library.mmap.argtypes = [pointer, size, number, number, number, ctypes.c_long]
    library.mprotect.argtypes = [pointer, size, number]
    library.munmap.argtypes = [pointer, size]
    return library


def _function(name: str) -> int:
    """Address of a function of the C library, whose mathematics may be in a file of its own."""
    for file in (None, "libm.so.6"):
        try:
            return address_of(getattr(ctypes.CDLL(file), name))
        except (AttributeError, OSError):
            continue
    raise CompilationUnavailableError(
        f"the C library has no {name}", "choose the executor 'blocks': MINIDL_EXECUTOR=blocks"
    )
