"""Backends: homes of arrays, and runners of formulas.

``use("numpy" | "cupy")`` is the one switch; ``executor`` names what runs the formulas ("python",
"blocks", "compiled" or "cuda"); ``to_device`` and ``to_host`` move arrays. This package is also the
door to :mod:`minidl.accelerator`: no other module that computes a network imports from there.
"""

# Formulas: fused.py, kernel.py and running.py. Arrays: switch.py, cuda.py, floatx.py, gather.py,
# sparse.py, tensors.py, array.py, values.py, addresses.py. Random numbers: random.py. Code that
# is minidl's or foreign: own.py, bodies.py. Threads: turns.py, recorder.py. The rest:
# installation.py, session.py, weak.py.

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.cuda import BackendUnavailableError
from minidl.backend.floatx import epsilon, floating, floatx, set_floatx
from minidl.backend.fused import fused
from minidl.backend.kernel import kernel
from minidl.backend.session import clear_session
from minidl.backend.sparse import is_sparse
from minidl.backend.switch import Backend, backend_of, current, executor_name, use
from minidl.backend.values import get_value, set_value

__all__ = [
    "Backend",
    "BackendUnavailableError",
    "backend_of",
    "clear_session",
    "current",
    "epsilon",
    "executor",  # an attribute that follows the switch, below
    "floating",
    "floatx",
    "fused",
    "get_value",
    "is_sparse",
    "kernel",
    "set_floatx",
    "set_value",
    "to_device",
    "to_host",
    "use",
]


def to_device(array: Any) -> Any:
    """``array`` on the device of the backend in use (as a NumPy array under "numpy")."""
    return current().to_device(array)


def to_host(array: Any) -> np.ndarray:
    """``array`` as a NumPy array, from any device."""
    return array if type(array) is np.ndarray else backend_of(array).to_host(array)


def __getattr__(name: str) -> Any:
    if name == "executor":
        return executor_name()
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; functions of arrays are in minidl.ops"
    )
