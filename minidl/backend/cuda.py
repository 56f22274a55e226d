"""CuPy: finding it, and running a formula as one CUDA kernel."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from minidl.accelerator.broadcasting import BY_COLUMN, EACH
from minidl.accelerator.gpu import kernels
from minidl.accelerator.trace.cuda_source import elementwise, name_of
from minidl.accelerator.trace.program import Program

name = "cuda"

#: From so many elements on a place takes more than 32 bits: threads may count beyond the last.
MANY = 1 << 31

_NO_DEVICE = 100  # cudaErrorNoDevice
_WITHOUT_DEVICE = (
    "the cupy backend needs a CUDA device, and the driver lists none; check with nvidia-smi, "
    "and that CUDA_VISIBLE_DEVICES does not hide it"
)


class BackendUnavailableError(RuntimeError):
    """The backend asked for cannot run here; the message says what is missing."""


_forked = False


def check_process() -> None:
    """Raise in a process that was forked from one that used CUDA.

    Raises:
        BackendUnavailableError: CUDA does not work in such a process (CUDA Programming Guide,
            "CUDA environment"); the message says how to start one in which it does.
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
    """Say, where memory runs out, how much was wanted for what, and how much is free.

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
    """Import CuPy and check that it has a device to run on.

    Raises:
        BackendUnavailableError: the package, the driver or a device is missing, with the
            command that mends it; or the process was forked from one that used it.
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


def csr(rows: Any) -> Any:
    """``rows``, a canonical CSR matrix of SciPy or CuPy, on the device; copied only from the host.

    What is known about the order of the entries goes along: CuPy would wait to find out.
    """
    moved = importlib.import_module("cupyx.scipy.sparse").csr_matrix(rows)
    moved.has_canonical_format = True
    return moved


def compile(program: Program, aliases: Sequence[Sequence[int]]) -> Callable[..., None]:
    """Compile ``program`` to ``run(arguments, outs)`` over CuPy arrays.

    Args:
        program: the traced formula.
        aliases: for each output, the arguments whose array it overwrites.

    Raises:
        TypeError: a function or a type that has no form on the device.
    """
    read = program.arrays
    places = [next((read.index(i) for i in alias if i in read), -1) for alias in aliases]
    overwritten = {read.index(i) for alias in aliases for i in alias if i in read}
    fresh = [k for k, place in enumerate(places) if place < 0]
    made: dict[Any, Any] = {}

    def run(arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        first = outs[0]
        shape, number = first.shape, first.dtype.type
        arrays = [arguments[i] for i in read] + [outs[k] for k in fresh]
        index = np.uint32 if first.size < MANY else np.uint64
        key = index, first.dtype, *[(a.dtype, a.shape == shape) for a in arrays]
        kernel = made.get(key)
        if kernel is None:
            if not all(hasattr(a, "__cuda_array_interface__") for a in arrays):
                raise TypeError(f"{program.name}: expected arrays on the device, received NumPy's")
            kinds = [EACH if a.shape == shape else BY_COLUMN for a in arrays]
            types = [a.dtype.name for a in arrays]
            text = elementwise(
                program, kinds, types, places, overwritten, first.dtype.name, index.__name__
            )
            kernel = made[key] = kernels.kernel(text, name_of(program))
        numbers = map(number, program.numbers(arguments))
        sizes = index(first.size), index(shape[-1] if shape else 1)
        kernels.launch(kernel, first.size, (*arrays, *numbers, *sizes))

    return run
