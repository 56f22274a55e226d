"""Matrix products, on the threads that run the formulas."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu.shares import SMALL
from minidl.accelerator.overlaps import owner
from minidl.accelerator.trace import loops
from minidl.backend.addresses import location
from minidl.backend.sparse import intact, is_sparse
from minidl.backend.switch import executor_for

# Products of arrays in the same places are made again and again: it takes ten times longer to
# find out how one is shared out than to hand it out.
MOST = 256


class _Products:
    """What makes the products of one thread, which come one after the other.

    They share the memory of their terms, which may take as much as the result, for each part of a
    team. A product ends with any of its arrays, and its terms with the last that needs them.
    """

    def __init__(self) -> None:
        self.made: dict[Any, tuple[Callable[[], None], list[Any]]] = {}
        self._rooms: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()

    def keep(self, where: Any, arrays: Sequence[np.ndarray], made: Callable[[], None]) -> None:
        """Keep what makes the product of arrays as long as these live."""
        if len(self.made) >= MOST:
            self.made.clear()
        here = weakref.ref(self)  # what is kept here must not keep this

        def forget(_: Any) -> None:
            products = here()
            if products is not None:
                products.made.pop(where, None)

        self.made[where] = made, [weakref.ref(owner(array), forget) for array in arrays]

    def room(self, size: int) -> np.ndarray:
        """Bytes for terms, so many or up to twice as many."""
        size = 1 << (size - 1).bit_length()
        found = self._rooms.get(size)
        if found is None:
            found = self._rooms[size] = np.empty(size, np.uint8)
        return found


class _Here(threading.local):
    def __init__(self) -> None:
        self.products = _Products()


_here = _Here()


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
        from minidl.accelerator.cpu import player

        with contextlib.suppress(player.UnsupportedError):
            where = player.part_count(), *map(location, (a, b, out))
            products = _here.products
            made, _ = products.made.get(where, (None, None))
            if made is None:
                made = player.multiplication(a, b, out, products.room)
                products.keep(where, (a, b, out), made)
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
