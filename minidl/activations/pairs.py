"""Pairs of kernels, described by the names of the kernels' arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

from minidl.backend.fused import Fused

#: Arguments of kernels that are work space, one number a row.
COLUMNS = ("row", "total")


class Pair:
    """Two kernels under a name. A pair does not change, and equals a pair of the same content.

    Arguments, attributes and errors: see :class:`minidl.activations.ActivationFunction`.
    """

    def __init__(
        self, name: str, forward: Callable[..., Any], backward: Callable[..., Any]
    ) -> None:
        given, back = _named(name, forward), _named(name, backward)
        constants = {k: v for k, v in given.items() if v is not inspect.Parameter.empty}
        _check(f"activation {name!r}, forward", given, ("x", *constants, *COLUMNS))
        _check(f"activation {name!r}, backward", back, ("dy", "x", "y", *constants, *COLUMNS))
        # The caller's package is a part of the name in files; namedtuple does the same.
        self.__module__ = sys._getframe(1).f_globals.get("__name__", "__main__")
        self.name = name
        self.forward, self.backward, self.constants = forward, backward, constants
        self.rowwise = not {*given, *back}.isdisjoint(COLUMNS)
        self.keeps_x, self.keeps_y = "x" in back, "y" in back
        # A formula may overwrite its own arguments; other functions may lack that ability.
        self.dx_over_dy = isinstance(backward, Fused)
        # Names of the arguments, in order.
        self._forward, self._backward = tuple(given), tuple(back)
        self._complete = True

    def run_forward(self, values: Mapping[str, Any], out: Any) -> Any:
        """y, written into ``out``; ``values`` are the arguments by name."""
        return self.forward(*[values[name] for name in self._forward], out=out)

    def run_backward(self, values: Mapping[str, Any], out: Any) -> Any:
        """dx, written into ``out``; ``values`` are the arguments by name."""
        return self.backward(*[values[name] for name in self._backward], out=out)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_complete" in vars(self):
            kind = type(self).__name__
            raise AttributeError(
                f"{name} of {self!r} cannot be set; expected a new {kind} in its place"
            )
        super().__setattr__(name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pair) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return self.name, self.forward, self.backward


def _named(name: str, kernel: Callable[..., Any]) -> dict[str, Any]:
    try:
        found = inspect.signature(kernel).parameters.values()
    except (TypeError, ValueError):
        found = None
    if found is None or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found):
        raise TypeError(
            f"activation {name!r}: expected kernels whose arguments have names, received {kernel!r}"
        )
    writes = any(p.name == "out" for p in found)
    if not writes and not isinstance(inspect.unwrap(kernel, stop=_is_fused), Fused):
        raise TypeError(
            f"activation {name!r}: expected kernels that write their result into an argument out, "
            f"received {kernel!r}; @minidl.backend.fused above an elementwise formula adds it"
        )
    return {p.name: p.default for p in found if p.name != "out"}


def _is_fused(function: Any) -> bool:
    return isinstance(function, Fused)


def _check(which: str, given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for argument in given:
        if argument not in allowed:
            raise TypeError(
                f"{which}: expected arguments called {', '.join(allowed)}, "
                f"or, in forward, constants with default values; received {argument!r}"
            )
    if next(iter(given), None) != allowed[0]:
        raise TypeError(f"{which}: expected {allowed[0]} first")
