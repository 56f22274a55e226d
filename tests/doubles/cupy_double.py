"""A strict double of CuPy 14.2 on NumPy arrays.

It runs code written for CuPy without a GPU, fails where CuPy fails, and counts where the host
waits for the device::

    with installed():
        import cupy  # the double

    with forbid_synchronisation():
        step()

Strict means: a host array beside a device array is an error, so is implicit conversion, an
unknown keyword, a function that is not listed here. Fresh memory holds NaN (integers: the largest
one). In a few places the double refuses what CuPy takes, never the reverse that is known: complex
numbers, ufunc methods such as `add.reduce`, arguments of a kernel that are not what it says.

Nothing runs on a device here, so what passes has not been tested on a GPU: the rounding of its
functions, races, streams and memory are beyond a double.

Errors, signatures and dtype rules were compared with CuPy 14.2 itself, which answers most such
questions without a device.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minidl.accelerator.gpu import cublaslt

from . import (  # noqa: F401 - each fills the module
    _cupy_creation,
    _cupy_functions,
    _cupy_indexing,
    _cupy_operators,
    _cupy_raw,
    _cupy_reductions,
    _cupyx_sparse,
)
from ._cupy_array import ndarray
from ._cupy_cuda import cuda, runtime
from ._cupy_functions import linalg
from ._cupy_state import CURRENT, MODULE, STATE, SynchronisationError, publish
from ._cupy_streams import forget
from .cublaslt_double import CublasLt

__all__ = [
    "STATE",
    "SynchronisationError",
    "count_synchronisations",
    "cupy",
    "forbid_synchronisation",
    "installed",
    "reset_synchronisations",
    "reset_transfers",
    "synchronisations",
    "transfers",
]

cupy = MODULE
cupy.__version__ = "14.2.0"
cupy.ndarray = ndarray
_FROM_NUMPY = """
    bool bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64
    intp integer floating inexact number generic
    dtype finfo iinfo issubdtype promote_types newaxis nan inf pi e
"""
for _name in _FROM_NUMPY.split():
    setattr(cupy, _name, getattr(np, _name))
_MODULES = {
    "cupy": cupy,
    "cupy.cuda": cuda,
    "cupy.cuda.runtime": runtime,
    "cupy.linalg": linalg,
    **_cupyx_sparse.MODULES,
}
for _name, _module in _MODULES.items():
    _module.__spec__ = importlib.machinery.ModuleSpec(_name, None)  # for importlib.util.find_spec


@publish
def get_array_module(*args):
    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


@contextlib.contextmanager
def installed(fault: str | None = None, devices: int = 1) -> Iterator[None]:
    """``import cupy`` finds the double inside, and what it found before outside.

    `fault` is what the machine lacks: ``"driver"`` or ``"device"``. `cuda.is_available()` is then
    False, and `getDeviceCount()` and every array raise `cuda.runtime.CUDARuntimeError`.
    """
    if fault not in (None, "driver", "device"):
        raise ValueError(f'expected fault None, "driver" or "device", received {fault!r}')
    if sys.modules.get("cupy") is not cupy:
        forget()
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_cupy(name)}
    before = dict(vars(STATE))
    STATE.fault, STATE.devices, STATE.statuses = fault, devices, {}
    STATE.random.seed(0)
    device, CURRENT.device = CURRENT.device, 0
    sys.modules.update(_MODULES)
    load, cublaslt.load = cublaslt.load, CublasLt
    # All of it is overwritten when it comes and when it goes.
    workspace, cublaslt.WORKSPACE = cublaslt.WORKSPACE, 1 << 16
    cublaslt.forget()
    try:
        yield
    finally:
        cublaslt.load = load
        cublaslt.WORKSPACE = workspace
        cublaslt.forget()
        for name in filter(_is_cupy, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(real)
        STATE.fault, STATE.devices, STATE.statuses = (
            before[name] for name in ("fault", "devices", "statuses")
        )
        CURRENT.device = device


def _is_cupy(name: str) -> bool:
    return name.partition(".")[0] in ("cupy", "cupyx")


def synchronisations() -> int:
    """How often the host has waited for the device since `reset_synchronisations`."""
    return STATE.synchronisations


def reset_synchronisations() -> None:
    STATE.synchronisations = 0


def transfers() -> int:
    """How many arrays have gone from host to device since `reset_transfers`."""
    return STATE.transfers


def reset_transfers() -> None:
    STATE.transfers = 0


@dataclass
class Counts:
    synchronisations: int = 0
    transfers: int = 0


@contextlib.contextmanager
def count_synchronisations() -> Iterator[Counts]:
    """What the block did: the counts are filled in when it ends."""
    counts, start = Counts(), (STATE.synchronisations, STATE.transfers)
    try:
        yield counts
    finally:
        counts.synchronisations = STATE.synchronisations - start[0]
        counts.transfers = STATE.transfers - start[1]


@contextlib.contextmanager
def forbid_synchronisation() -> Iterator[None]:
    """Raise `SynchronisationError` at the line that makes the host wait."""
    before, STATE.forbidden = STATE.forbidden, True
    try:
        yield
    finally:
        STATE.forbidden = before
