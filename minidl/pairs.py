"""Pairs of kernels: the names of their arguments, read from the signatures and checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

#: Arguments of kernels that are work space, one number a row.
COLUMNS = ("row", "total")


def arguments(
    name: str, forward: Callable[..., Any], backward: Callable[..., Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Names and default values of the arguments of an activation's kernels, but for ``out``.

    Args:
        name: of the activation, for messages.
        forward: takes x, constants with default values, and work space.
        backward: takes dy, x or y or both, the constants and work space.

    Returns:
        Those of ``forward``, and those of ``backward``.

    Raises:
        TypeError: an argument has another name, or a kernel has no signature.
    """
    given, back = _named(name, forward), _named(name, backward)
    constants = [each for each, value in given.items() if value is not inspect.Parameter.empty]
    _check(f"activation {name!r}, forward", given, ("x", *constants, *COLUMNS))
    _check(f"activation {name!r}, backward", back, ("dy", "x", "y", *constants, *COLUMNS))
    return given, back


def _named(name: str, kernel: Callable[..., Any]) -> dict[str, Any]:
    try:
        found = inspect.signature(kernel).parameters.values()
    except (TypeError, ValueError):
        found = None
    if found is None or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found):
        raise TypeError(
            f"activation {name!r}: expected kernels whose arguments have names, received {kernel!r}"
        )
    return {p.name: p.default for p in found if p.name != "out"}


def _check(which: str, given: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for argument in given:
        if argument not in allowed:
            raise TypeError(
                f"{which}: expected arguments called {', '.join(allowed)}, "
                f"or, in forward, constants with default values; received {argument!r}"
            )
    if next(iter(given), None) != allowed[0]:
        raise TypeError(f"{which}: expected {allowed[0]} first")
