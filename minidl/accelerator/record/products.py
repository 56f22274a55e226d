"""Kernels called outside recorded steps: their large matrix products on the team's threads."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.products.threads import multiplication
from minidl.accelerator.cpu.shares import SMALL
from minidl.accelerator.cpu.team.team import part_count
from minidl.accelerator.overlaps import owner
from minidl.backend.addresses import location

# Products of arrays in the same places are made again and again: to plan a product takes ten
# times longer than to hand out a planned one.
MOST = 256


class _Products:
    """The maker of the products of one thread, which come one after the other.

    The products share the memory of the terms, which may take as much as the result, for each part
    of a team. A product ends with any of its arrays, and the terms with the last product in need.
    """

    def __init__(self) -> None:
        self.made: dict[Any, tuple[Callable[[], None], list[Any]]] = {}
        self._rooms: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()

    def keep(self, where: Any, arrays: Sequence[np.ndarray], made: Callable[[], None]) -> None:
        """Keep the maker of a product of arrays as long as the arrays live."""
        if len(self.made) >= MOST:
            self.made.clear()
        here = weakref.ref(self)  # no entry may keep this object alive

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


class _Matrix(np.ndarray):
    """An argument of a kernel, whose products ``np.matmul`` leaves to :func:`multiply`."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        given = [_plain(each) for each in inputs]
        if "out" in options:
            options["out"] = tuple(map(_plain, options["out"]))
        if ufunc is np.matmul and method == "__call__" and options.keys() == {"out"}:
            return multiply(given[0], given[1], options["out"][0])
        return getattr(ufunc, method)(*given, **options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, named: Any) -> Any:
        given = {name: _plain(value) for name, value in named.items()}
        return function(*map(_plain, inputs), **given)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, _Matrix) else value


def run(function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]) -> Any:
    """The result of a kernel; large products come to the bits of recorded steps."""
    values = (*arguments, *named.values())
    matrices = [each for each in values if type(each) is np.ndarray and each.ndim == 2]
    sizes = sorted((each.size for each in matrices), reverse=True)[:3]
    # a (N, K), b (K, O) and out (N, O) have (N K O)² elements, multiplied.
    if len(sizes) < 3 or sizes[0] * sizes[1] * sizes[2] <= SMALL**2:
        return function(*arguments, **named)
    wrapped = {id(each): each.view(_Matrix) for each in matrices}
    result = function(
        *(wrapped.get(id(each), each) for each in arguments),
        **{name: wrapped.get(id(each), each) for name, each in named.items()},
    )
    if isinstance(result, _Matrix):
        return next((m for m in matrices if wrapped[id(m)] is result), _plain(result))
    return result


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """out = a b, shared out as in recorded steps (``cpu/products``) where that is supported."""
    # A known product relies on all conditions that the key does not tell.
    if a.ndim == 2 and out.size * a.shape[-1] > SMALL and out.flags.writeable:
        with contextlib.suppress(UnsupportedError):
            where = part_count(), *map(location, (a, b, out))
            products = _here.products
            made, _ = products.made.get(where, (None, None))
            if made is None:
                made = multiplication(a, b, out, products.room)
                products.keep(where, (a, b, out), made)
            made()
            return out
    return np.matmul(a, b, out=out)
