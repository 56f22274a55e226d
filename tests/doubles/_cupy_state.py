"""What the parts of the CuPy double share: the module, the counters, the simulated faults."""

from __future__ import annotations

import threading
import types
from dataclasses import dataclass, field
from random import Random
from typing import Any


class SynchronisationError(AssertionError):
    """The host waited for the device inside ``forbid_synchronisation()``."""


_CUDA_MESSAGES = {
    1: "cudaErrorInvalidValue: invalid argument",
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
    101: "cudaErrorInvalidDevice: invalid device ordinal",
    900: "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing",
    901: "cudaErrorStreamCaptureInvalidated: operation failed due to a previous error",
    904: "cudaErrorStreamCaptureUnjoined: capturing stream has unjoined work",
}


class CUDARuntimeError(RuntimeError):
    """As ``cupy.cuda.runtime.CUDARuntimeError``: the message names the CUDA status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(_CUDA_MESSAGES[status])


class CUDADriverError(RuntimeError):
    """As ``cupy.cuda.driver.CUDADriverError``, which launches raise."""


class OutOfMemoryError(MemoryError):
    """As ``cupy.cuda.memory.OutOfMemoryError``."""

    def __init__(self, size: int) -> None:
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: 0 bytes).")


@dataclass
class State:
    """Counters and faults.

    The double is as unkind as a device may be: copies and launches wait in their stream, blocks
    run in any order, freed memory is overwritten. ``deferred``, ``shuffled`` and ``contracted`` set
    to False show what a test owes to that.
    """

    synchronisations: int = 0
    transfers: int = 0
    forbidden: bool = False
    captured: Any = None  # the Capture, while a stream is captured
    invalid: bool = False  # whether something failed while it was
    graphs: int = 0  # how often one was launched
    launches: int = 0  # how many kernels and products ran
    deferred: bool = True  # whether the device is as late as it can be
    shuffled: bool = True  # whether blocks run in any order, else in ascending order
    contracted: bool = True  # whether a product and a sum are one operation, where the host has it
    backwards: bool = False  # whether the last thread of a block runs first
    random: Random = field(default_factory=lambda: Random(0))
    free: int | None = None  # bytes, where memory is short
    fault: str | None = None  # None, "driver" or "device": what the machine lacks
    devices: int = 1
    #: Status of a function of cuBLASLt, by its name without "cublasLt"; "state" is the heuristic's.
    statuses: dict[str, int] = field(default_factory=dict)


STATE = State()
MODULE = types.ModuleType("cupy", "A strict double of CuPy on NumPy arrays.")


class _Current(threading.local):
    """The device that a thread has chosen."""

    device = 0


CURRENT = _Current()


def publish(function: Any) -> Any:
    """Give `function` to the double under its own name."""
    setattr(MODULE, function.__name__, function)
    return function


def not_captured() -> None:
    """Fail while a stream is captured; the capture is then good for nothing."""
    if STATE.captured is not None:
        STATE.invalid = True
        raise CUDARuntimeError(900)


def count_wait(action: str) -> None:
    """Record that `action` makes the host wait for the device."""
    not_captured()
    if STATE.forbidden:
        raise SynchronisationError(f"{action} makes the host wait for the device")
    STATE.synchronisations += 1


def require_device() -> None:
    """Fail as every allocation and every launch does without a driver or a device.

    And while a stream is captured, where CuPy would allow some of them.
    """
    not_captured()
    if STATE.fault is not None:
        raise CUDARuntimeError(35 if STATE.fault == "driver" else 100)


def allocate(size: int) -> None:
    """Fail where there is not as much memory."""
    if STATE.free is not None and size > STATE.free:
        raise OutOfMemoryError(size)
