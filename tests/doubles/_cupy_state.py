"""What the parts of the CuPy double share: the module object, the counters, the simulated fault."""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class SynchronisationError(AssertionError):
    """The host waited for the device inside ``forbid_synchronisation()``."""


_CUDA_MESSAGES = {
    900: "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing",
    901: "cudaErrorStreamCaptureInvalidated: operation failed due to a previous error",
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
}


class CUDARuntimeError(RuntimeError):
    """As ``cupy.cuda.runtime.CUDARuntimeError``: the message names the CUDA status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(_CUDA_MESSAGES[status])


class OutOfMemoryError(MemoryError):
    """As ``cupy.cuda.memory.OutOfMemoryError``."""

    def __init__(self, size: int) -> None:
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: 0 bytes).")


@dataclass
class State:
    synchronisations: int = 0
    transfers: int = 0
    forbidden: bool = False
    captured: list[Any] | None = None  # launches, while a stream is captured
    graphs: int = 0  # how often one was launched
    backwards: bool = False  # whether the last thread of a block runs first
    free: int | None = None  # bytes, where memory is short
    fault: str | None = None  # None, "driver" or "device": what the machine lacks


STATE = State()
MODULE = types.ModuleType("cupy", "A strict double of CuPy on NumPy arrays.")


def publish(function: Any) -> Any:
    """Give `function` to the double under its own name."""
    setattr(MODULE, function.__name__, function)
    return function


def synchronise(action: str) -> None:
    """Record that `action` makes the host wait for the device."""
    if STATE.captured is not None:
        raise CUDARuntimeError(900)
    if STATE.forbidden:
        raise SynchronisationError(f"{action} makes the host wait for the device")
    STATE.synchronisations += 1


def require_device() -> None:
    """Fail as every allocation and every launch does without a driver or a device.

    And while a stream is captured, where CuPy would allow some of them.
    """
    if STATE.captured is not None:
        raise CUDARuntimeError(900)
    if STATE.fault is not None:
        raise CUDARuntimeError(35 if STATE.fault == "driver" else 100)


def allocate(size: int) -> None:
    """Fail where there is not as much memory."""
    if STATE.free is not None and size > STATE.free:
        raise OutOfMemoryError(size)


def submit(launch: Callable[[], None]) -> None:
    """Launch now, or when the graph that is captured is launched."""
    if STATE.captured is None:
        launch()
    else:
        STATE.captured.append(launch)
