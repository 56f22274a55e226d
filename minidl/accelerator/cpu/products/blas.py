"""NumPy's BLAS: addresses of functions."""

from __future__ import annotations

import ctypes
import functools
import itertools

from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
from threadpoolctl import ThreadpoolController

from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.machine.machine_code import address_of

#: The largest size for a BLAS whose integers have 32 bits.
LARGEST = 2**31 - 1

# Names of BLAS's functions after Fortran: in NumPy's wheels, which bring an OpenBLAS; then
# elsewhere. Integers may have 32 bits, too: in a block, the upper halves of such words are 0.
_NAMES = ("scipy_{}_64_", "{}_64_", "scipy_{}_", "{}_")


@functools.cache
def function(name: str, kind: str) -> int:
    """Address of a function, "gemm" say, for elements of a kind, "f" or "d".

    Raises:
        UnsupportedError: NumPy is linked with another library.
    """
    symbol = {"f": "s", "d": "d"}[kind] + name
    library = ctypes.CDLL(_multiarray_umath.__file__)  # looks into what this is linked with, too
    for pattern in _NAMES:
        found = getattr(library, pattern.format(symbol), None)
        if found is not None:
            return address_of(found)
    raise UnsupportedError(f"no {symbol} in NumPy's BLAS")


@functools.cache
def libraries() -> list[tuple[int, int]]:
    """Addresses of the functions that tell and set the number of threads of each OpenBLAS."""
    found = []
    for library in ThreadpoolController().select(internal_api="openblas").lib_controllers:
        for prefix, suffix in itertools.product(("scipy_", ""), ("", "64_", "_64")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            calls = [getattr(library.dynlib, name, None) for name in names]
            if None not in calls:
                found.append(tuple(map(address_of, calls)))
                break
    return found  # type: ignore[return-value]
