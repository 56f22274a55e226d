"""CuPy: the import, the search for a device, and memory on the device."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_NO_DEVICE = 100  # cudaErrorNoDevice
_WITHOUT_DEVICE = (
    "the cupy backend needs a CUDA device, and the driver lists none; check with nvidia-smi, "
    "and that CUDA_VISIBLE_DEVICES does not hide it"
)


class BackendUnavailableError(RuntimeError):
    """The chosen backend cannot run here; the message names the missing part."""


_forked = False


def check_process() -> None:
    """Raise in a process that was forked from one that used CUDA.

    Raises:
        BackendUnavailableError: CUDA does not work in such a process (CUDA Programming Guide,
            "CUDA environment"); the message says how to start a process in which CUDA works.
    """
    if _forked:
        raise BackendUnavailableError(
            "the cupy backend was used before this process was forked, and CUDA does not survive "
            "that; start processes with multiprocessing.get_context('spawn'), or use the backend "
            "in the new process only"
        )


def _note_fork() -> None:
    global _forked
    _forked = True


@functools.cache
def _watch() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_note_fork)


@contextlib.contextmanager
def allocating(what: str) -> Iterator[None]:
    """Name, where memory runs out, the purpose, the wanted size and the free size.

    Raises:
        MemoryError: in place of CuPy's, on the device.
    """
    try:
        yield
    except MemoryError as error:
        cupy = sys.modules.get("cupy")
        if cupy is None or not isinstance(error, cupy.cuda.memory.OutOfMemoryError):
            raise
        free, total = (size / 2**20 for size in cupy.cuda.runtime.memGetInfo())
        raise MemoryError(
            f"{what} does not fit on the device, of whose {total:,.0f} MiB {free:,.0f} are free: "
            f"{error}"
        ) from error


def load() -> ModuleType:
    """Import CuPy and check that CuPy has a device to run on.

    Raises:
        BackendUnavailableError: the package, the driver or a device is missing, with the
            command that mends the gap; or the process was forked from a process that used CUDA.
    """
    check_process()
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise BackendUnavailableError(
            f"the cupy backend needs the CuPy package, which cannot be imported ({error}); "
            "install it for your CUDA version: pip install 'minidl[cuda13]' "
            "or pip install 'minidl[cuda12]' (nvidia-smi shows the version)"
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if error.status == _NO_DEVICE:
            raise BackendUnavailableError(_WITHOUT_DEVICE) from error
        raise BackendUnavailableError(
            f"the cupy backend needs an NVIDIA driver, and CUDA reports: {error}; install the "
            "driver (Debian: apt-get install nvidia-driver) and check it with nvidia-smi"
        ) from error
    if devices == 0:
        raise BackendUnavailableError(_WITHOUT_DEVICE)
    _watch()
    return cupy


def on(device: int) -> Any:
    """A context in which CuPy computes on the GPU of this number, in this thread."""
    return importlib.import_module("cupy").cuda.Device(device)


def current() -> int:
    """The number of this thread's current GPU."""
    number: int = importlib.import_module("cupy").cuda.runtime.getDevice()
    return number


def choose(device: int) -> int:
    """Make the GPU of this number the current one of this thread; return the number.

    Raises:
        ValueError: no such GPU.
    """
    cuda = importlib.import_module("cupy").cuda
    count = cuda.runtime.getDeviceCount()
    if isinstance(device, bool) or not isinstance(device, int) or not 0 <= device < count:
        raise ValueError(
            f"device: expected the number of one of {count} GPUs, from 0, received {device!r}"
        )
    cuda.Device(device).use()
    return device


def brought(array: Any) -> Any:
    """``array`` on the current GPU if it lies on one: copied, once it is computed, from another."""
    if not hasattr(array, "__cuda_array_interface__") or int(array.device) == current():
        return array
    array.device.synchronize()
    return array.copy()


def overwrite(out: Any, host: Any) -> None:
    """out = ``host``, which may be overwritten or freed at once.

    CuPy's ``ndarray.set`` reads the host's memory at some later time; ``asarray`` copies the memory
    first to a place that stays.
    """
    out[...] = importlib.import_module("cupy").asarray(host)


def csr(rows: Any) -> Any:
    """``rows``, a canonical CSR matrix of SciPy or CuPy, on the device; copied only from the host.

    The known order of the entries goes along: CuPy would wait for the device to find the order.
    """
    matrix = importlib.import_module("cupyx.scipy.sparse").csr_matrix
    if brought(rows.data) is not rows.data:
        rows = matrix(tuple(map(brought, (rows.data, rows.indices, rows.indptr))), rows.shape)
    moved = matrix(rows)
    moved.has_canonical_format = True
    return moved
