"""``@kernel``: a function of NumPy calls that write into given arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from minidl.backend import switch
from minidl.backend.recorder import recorder

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Decorate a function of NumPy calls that write into given arrays.

    Called by itself a kernel is a plain function; a recorded training step knows the kernel's work.
    Matrix products of large arrays are shared out among threads, where the executor does so.
    """
    multiplies = "matmul" in function.__code__.co_names

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        tape = recorder.tape
        if tape is not None:
            return tape.kernel(call, arguments, named)
        if multiplies and isinstance(arguments[0], np.ndarray):
            run = switch.executor_for(arguments[0]).kernel
            if run is not None:
                return run(function, arguments, named)
        return function(*arguments, **named)

    call.kernel = call  # type: ignore[attr-defined]
    return cast(F, call)


def is_kernel(function: Any) -> bool:
    """True for a function that :func:`kernel` made.

    A wrapper to which ``functools.wraps`` has copied the attributes of a kernel is none.
    """
    return getattr(function, "kernel", None) is function
