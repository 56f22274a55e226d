"""What the parts of the CuPy double share: the module object, the counters, the simulated fault."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any


class SynchronisationError(AssertionError):
    """The host waited for the device inside ``forbid_synchronisation()``."""


_CUDA_MESSAGES = {
    35: "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version",
    100: "cudaErrorNoDevice: no CUDA-capable device is detected",
}


class CUDARuntimeError(RuntimeError):
    """As ``cupy.cuda.runtime.CUDARuntimeError``: the message names the CUDA status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(_CUDA_MESSAGES[status])


@dataclass
class State:
    synchronisations: int = 0
    transfers: int = 0
    forbidden: bool = False
    backwards: bool = False  # whether the last thread of a block runs first
    fault: str | None = None  # None, "driver" or "device": what the machine lacks


STATE = State()
MODULE = types.ModuleType("cupy", "A strict double of CuPy on NumPy arrays.")


def publish(function: Any) -> Any:
    """Give `function` to the double under its own name."""
    setattr(MODULE, function.__name__, function)
    return function


def synchronise(action: str) -> None:
    """Record that `action` makes the host wait for the device."""
    if STATE.forbidden:
        raise SynchronisationError(f"{action} makes the host wait for the device")
    STATE.synchronisations += 1


def require_device() -> None:
    """Fail as every allocation and every launch does without a driver or a device."""
    if STATE.fault is not None:
        raise CUDARuntimeError(35 if STATE.fault == "driver" else 100)
