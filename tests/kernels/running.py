"""Calling kernels on the executor under test: host arrays in, host arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import executor_name, to_device, to_host
from minidl.backend.fused import Fused


def device(array: Any, dtype: Any = None) -> Any:
    """A copy of ``array`` where the kernels run."""
    return to_device(np.array(array, dtype=dtype))


def blank(shape: Any, dtype: Any = np.float64) -> Any:
    """An array that shows, by NaN, where a kernel does not write."""
    return to_device(np.full(shape, np.nan, dtype))


def run(formula: Fused, *arguments: Any, outputs: int = 1) -> Any:
    """The results of a fused kernel, out of place, in the type of its first floating array."""
    arrays = [a for a in arguments if isinstance(a, np.ndarray)]
    shape = max((a.shape for a in arrays), key=len)
    dtype = next(a.dtype for a in arrays if a.dtype.kind == "f")
    outs = tuple(blank(shape, dtype) for _ in range(outputs))
    given = [device(a) if isinstance(a, np.ndarray) else a for a in arguments]
    formula(*given, out=outs if outputs > 1 else outs[0])
    results = tuple(to_host(out) for out in outs)
    return results if outputs > 1 else results[0]


def close(actual: Any, expected: Any, ulps: float = 16) -> None:
    """Equal to within ``ulps`` of the result, or of 1 where it is smaller.

    Two ways to write one formula round in different places, a few times each; a wrong one is
    off by far more. The scale of 1 is that of the inputs, from which small results come by
    cancellation.
    """
    actual = np.asarray(actual)
    eps = np.finfo(actual.dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=ulps * eps, atol=ulps * eps)


def raising() -> Any:
    """Makes an error of what would be a warning; underflow to 0 is right."""
    return np.errstate(over="raise", invalid="raise", divide="raise")


def flushes(dtype: Any) -> bool:
    """Whether subnormal numbers are 0, as arguments and as results of kernels.

    So they are on a device in float32: CuPy compiles with -ftz=true.
    """
    return executor_name() == "cuda" and np.dtype(dtype) == np.float32


def off(actual: Any, expected: Any, scale: Any = None) -> float:
    """The largest error in eps, relative to ``scale``: that of the results if left out.

    What is below the smallest normal number counts as that: subnormal numbers have fewer digits.
    Where they are 0, a result may be off by the smallest normal number.
    """
    info = np.finfo(actual.dtype)
    tiny = float(info.tiny)
    scale = np.abs(expected) if scale is None else np.asarray(scale, float)
    error = np.abs(actual - expected)
    if flushes(actual.dtype):
        error = np.maximum(error - tiny, 0)
    return float(np.max(error / np.maximum(scale, tiny))) / float(info.eps)
