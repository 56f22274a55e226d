"""Matrix products, on the threads that run the formulas."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.layout import SMALL
from minidl.backend.switch import executor_for


def multiply(a: Any, b: Any, out: Any) -> Any:
    """out = a b.

    Where Numba runs the formulas, large products on the CPU are shared out as those of recorded
    steps are (``native/products.py``), and so come to the same bits.

    Args:
        a, b: (N, K), (K, O).
        out: (N, O), overwritten; neither a nor b.
    """
    if isinstance(out, np.ndarray) and out.size * a.shape[1] > SMALL and executor_for(out) is loops:
        from minidl.backend import native

        with contextlib.suppress(native.UnsupportedError):
            native.run(native.product(a, b, out))
            return out
    return np.matmul(a, b, out=out)
