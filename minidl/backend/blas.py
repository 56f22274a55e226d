"""Matrix products, on the threads that run the formulas."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.layout import SMALL, location
from minidl.backend.sparse import is_sparse
from minidl.backend.switch import executor_for

# Products of arrays in the same places are made again and again: it takes ten times longer to
# find out how one is shared out than to hand it out.
MOST = 256
_known: dict[Any, Callable[[], None]] = {}


def multiply_transposed(a: Any, b: Any, out: Any) -> Any:
    """out = aᵀ b, for a dense or a CSR matrix a.

    Args:
        a, b: (K, N), (K, O).
        out: (N, O), overwritten; neither a nor b.
    """
    return _sparse(a, b, out, transposed=True) if is_sparse(a) else multiply(a.T, b, out)


def multiply(a: Any, b: Any, out: Any) -> Any:
    """out = a b, for a dense or a CSR matrix a.

    Sparse products take no ``out``: their result is made and copied.

    Where Numba runs the formulas, large products on the CPU are shared out as those of recorded
    steps are (``native/products.py``), and so come to the same bits.

    Args:
        a, b: (N, K), (K, O).
        out: (N, O), overwritten; neither a nor b.
    """
    if is_sparse(a):
        return _sparse(a, b, out, transposed=False)
    if isinstance(out, np.ndarray) and out.size * a.shape[1] > SMALL and executor_for(out) is loops:
        from minidl.backend import native

        with contextlib.suppress(native.UnsupportedError):
            where = native.part_count(), *map(location, (a, b, out))
            made = _known.get(where)
            if made is None:
                if len(_known) == MOST:
                    _known.clear()
                made = _known[where] = native.multiplication(a, b, out)
            made()
            return out
    return np.matmul(a, b, out=out)


def _sparse(a: Any, b: Any, out: Any, transposed: bool) -> Any:
    if hasattr(out, "__sparse_product__"):
        return out.__sparse_product__(a, b, transposed)
    out[...] = (a.T if transposed else a) @ b
    return out
