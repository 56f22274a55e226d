"""Matrix products, on the threads that run the formulas."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.layout import SMALL, location
from minidl.backend.sparse import intact, is_sparse
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

    Raises:
        ValueError: shapes that do not fit, an ``out`` that is read-only, or a sparse matrix whose
            arrays describe none.
    """
    if is_sparse(a):
        return _sparse(a, b, out, transposed=False)
    host = isinstance(out, np.ndarray)
    if (
        host
        and 0 in out.strides
        and any(n > 1 and not s for n, s in zip(out.shape, out.strides, strict=True))
    ):
        raise ValueError(
            "expected an output with memory for each element, received one that repeats some"
        )
    large = host and out.size * a.shape[-1] > SMALL
    # A known product trusts all that its key does not tell.
    if large and out.flags.writeable and executor_for(out) is loops:
        from minidl.backend import native

        with contextlib.suppress(native.UnsupportedError):
            where = native.parts(), *map(location, (a, b, out))
            made = _known.get(where)
            if made is None:
                if len(_known) == MOST:
                    _known.clear()
                made = _known[where] = native.multiplication(a, b, out)
            made()
            return out
    try:
        if a.ndim == b.ndim == 2:
            return np.matmul(a, b, out=out)
    except ValueError as error:
        if out.shape == (a.shape[0], b.shape[1]) and a.shape[1] == b.shape[0]:
            raise error
    raise ValueError(
        f"expected matrices (N, K), (K, O) and an output (N, O), received {a.shape}, {b.shape} and "
        f"{out.shape}"
    )


def _sparse(a: Any, b: Any, out: Any, transposed: bool) -> Any:
    if hasattr(out, "__sparse_product__"):
        return out.__sparse_product__(a, b, transposed)
    intact(a)
    made = (a.T if transposed else a) @ b
    if made.shape != out.shape:
        raise ValueError(f"expected an output of shape {made.shape}, received {out.shape}")
    out[...] = made
    return out
