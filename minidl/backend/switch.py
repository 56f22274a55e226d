"""The switch: the array module in use, the place of arrays, and the runner of formulas."""

from __future__ import annotations

import functools
import importlib
import os
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from minidl.backend import cuda, sparse
from minidl.backend.recorder import recorder
from minidl.backend.running import PYTHON, Executor, Runner

BACKENDS = ("numpy", "cupy")
EXECUTORS = ("python", "blocks", "compiled")


@dataclass(frozen=True)
class Backend:
    """An array module, ``xp``, and the few things that NumPy and CuPy do differently."""

    name: str
    xp: ModuleType
    #: True if float32 products in replayed steps may round to ten bits of mantissa, on a GPU.
    tf32: bool = False
    #: The number of the GPU, from 0; None for "numpy".
    device: int | None = None

    @property
    def here(self) -> AbstractContextManager[Any]:
        """A context in which CuPy computes on this backend's GPU, in this thread."""
        return _ANYWHERE if self.device is None else cuda.on(self.device)

    def to_device(self, array: Any, dtype: Any = None) -> Any:
        """``array`` where this backend computes; copied only from another device.

        A sparse array has to be canonical, and keeps its type.
        """
        if self.name == "numpy":
            return sparse.to_host(array) if sparse.is_sparse(array) else np.asarray(array, dtype)
        cuda.check_process()
        with self.here:
            if sparse.is_sparse(array):
                return cuda.csr(array)
            with cuda.allocating(f"an array of {getattr(array, 'nbytes', 0) / 2**20:,.1f} MiB"):
                return self.xp.asarray(cuda.brought(array), dtype=dtype)

    def to_host(self, array: Any) -> np.ndarray:
        """``array`` as a NumPy array; waits for the device."""
        return np.asarray(array) if self.name == "numpy" else self.xp.asnumpy(array)


class use:  # noqa: N801 - called like a function, entered like a context
    """Choose the backend, and on the CPU the executor of the formulas.

    ``use("cupy")`` switches from here on; ``with use("cupy"): ...`` until the end of the
    block. A model keeps the backend under which it was made.

    Args:
        name: "numpy" or "cupy". Default at start: the variable ``MINIDL_BACKEND``, else
            "numpy". None keeps the backend.
        executor: "python" calls each formula and each kernel as it stands, on both backends.
            "blocks" and "compiled" are for NumPy arrays and faster; "compiled" needs the packages
            of the extra ``fast``. Default at start: the variable ``MINIDL_EXECUTOR``, else
            "compiled" where the packages are installed; if installed packages fail, a warning says
            why, and "blocks" takes its place.
            None keeps the executor.
        tf32: True if the products of float32 matrices in the steps of ``fit`` may be made of
            numbers rounded to ten bits of mantissa, which some GPUs multiply several times faster;
            for "cupy". Default False.
        device: number of a GPU, from 0, for "cupy". This GPU is the thread's current one from here
            on; default the thread's current GPU, at first 0. A model's methods compute on the GPU
            that was the current one when the model was made; losses and optimizers of a user's
            own loop compute on the GPU that is the current one then.

    Raises:
        ValueError: an unknown name, no such GPU, or tf32 or device for another backend than "cupy".
        BackendUnavailableError: CuPy, its driver or a device is missing; or a package for compiled
            loops is missing; or machine code cannot be had or run here.
    """

    def __init__(
        self,
        name: str | None = None,
        executor: str | None = None,
        *,
        tf32: bool = False,
        device: int | None = None,
    ) -> None:
        self._before = dict(_state)
        backend = current() if name is None else _backend(name)
        backend = replace(backend, tf32=bool(tf32) or (name is None and backend.tf32))
        for option, value in (("tf32", tf32 or None), ("device", device)):
            if value is not None and backend.name != "cupy":
                raise ValueError(
                    f"{option}: expected the backend 'cupy', received {backend.name!r}"
                )
        chosen = None if executor is None else _chosen(executor)
        self._device = None if device is None else backend.device
        if device is not None:
            backend = replace(backend, device=cuda.choose(device))
        if chosen is not None:
            _state["executor"] = chosen
        _state["backend"] = backend

    def __enter__(self) -> Backend:
        return current()

    def __exit__(self, *_: object) -> None:
        _state.clear()
        _state.update(self._before)
        if self._device is not None:
            cuda.choose(self._device)


def current() -> Backend:
    """The backend in use."""
    if "backend" not in _state:
        _state["backend"] = _backend(os.environ.get("MINIDL_BACKEND") or "numpy")
    backend: Backend = _state["backend"]
    return backend


def backend_of(array: Any) -> Backend:
    """The backend on which an array lives, sparse or not; "numpy" for other objects."""
    array = array.data if sparse.is_sparse(array) else array
    if not hasattr(array, "__cuda_array_interface__"):
        return _backend("numpy")
    return replace(_backend("cupy"), device=int(array.device))


def executor_for(array: Any) -> Executor:
    """The executor of formulas on arrays like this one, outside recorded steps."""
    executor: Executor | None = _state.get("executor")
    if executor is None:
        wanted = os.environ.get("MINIDL_EXECUTOR") or None
        if wanted is None and not isinstance(array, np.ndarray):
            return _executors().CUDA
        if _choosing.now:
            return PYTHON
        executor = _state["executor"] = _chosen(wanted)
    if isinstance(array, np.ndarray) or executor is PYTHON:
        return executor
    return _executors().CUDA


def runner_for(array: Any) -> Runner:
    """The runner for arrays like this one, in this thread, now: a tape or an executor."""
    tape: Runner | None = recorder.tape
    if tape is not None:
        return tape
    found: Any = executor_for(array)
    runner: Runner = found
    return runner


def executor(backend: Backend | None = None) -> Executor:
    """The executor of the formulas now, on a backend; on the backend in use if left out."""
    return executor_for(_HOST if (backend or current()).name == "numpy" else None)


def executor_name() -> str:
    """Name of the executor: "python", "blocks", "compiled" or "cuda"."""
    return executor().name


_HOST = np.empty(0)
_ANYWHERE: AbstractContextManager[Any] = nullcontext()
_state: dict[str, Any] = {}


def _backend(name: str) -> Backend:
    _known("backend", name, BACKENDS)
    if name == "numpy":
        return Backend("numpy", np)
    cupy = cuda.load()
    return Backend("cupy", cupy, device=cupy.cuda.runtime.getDevice())


def _executors() -> _Fast:
    """The fast executors, imported when one is first asked for."""
    module: Any = importlib.import_module("minidl.accelerator.executors")
    found: _Fast = module
    return found


class _Fast(Protocol):
    """The interface of the module of fast executors."""

    BLOCKS: Executor
    LOOPS: Any
    CUDA: Executor


class _Choosing(threading.local):
    """A mark: ``now`` is True while this thread chooses an executor and imports modules.

    A signal's handler that comes between would find modules that are half imported.
    """

    now = False


_choosing = _Choosing()


def _chosen(name: str | None) -> Executor:
    """The executor of a name; the default for None."""
    _choosing.now = True
    try:
        found = _default() if name is None else _executor(name)
        found.load()
        return found
    finally:
        _choosing.now = False


def _default() -> Executor:
    """Compiled loops where the machine can compile and run loops, else blocks."""
    executors = _executors()
    loops: Executor = executors.LOOPS
    if not executors.LOOPS.available():
        return executors.BLOCKS
    obstacle = executors.LOOPS.obstacle()
    if obstacle is None:
        return loops
    _say(f"formulas run in NumPy's blocks, no step is recorded, and all takes longer: {obstacle}")
    return executors.BLOCKS


@functools.cache
def _say(what: str) -> None:
    """Once for each process."""
    warnings.warn(
        f"minidl: {what}. MINIDL_EXECUTOR=blocks ends this warning.", stacklevel=sparse.outside()
    )


def _executor(name: str) -> Executor:
    _known("executor", name, EXECUTORS)
    if name == "python":
        return PYTHON
    executors = _executors()
    if name == "blocks":
        return executors.BLOCKS
    lacking = executors.LOOPS.lacking()
    if lacking:
        raise cuda.BackendUnavailableError(
            f"the compiled executor needs the {' and '.join(lacking)} package; install it with "
            "pip install 'minidl[fast]', or choose executor='blocks'"
        )
    obstacle = executors.LOOPS.obstacle()
    if obstacle is not None:
        raise cuda.BackendUnavailableError(
            f"the compiled executor cannot be used: {obstacle}, or choose executor='blocks'"
        )
    loops: Executor = executors.LOOPS
    return loops


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"{what}: expected one of {known}, received {name!r}")
