"""Checks of single arguments: names, numbers. Messages say what was expected and what came."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for an unknown name: the nearest right one first, then all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ValueError(f"unknown {what} {name!r}{hint} (known: {', '.join(names)})")


def lookup(what: str, name: str, table: Mapping[str, Any]) -> Any:
    """``table[name]``.

    Raises:
        ValueError: the name is unknown; the message has the nearest right one.
    """
    if name not in table:
        raise unknown(what, name, table)
    return table[name]


def real(what: str, value: Any, low: float, high: float = math.inf, *, ends: str = "[)") -> float:
    """``value`` as a float between low and high; ``ends`` are the brackets of the interval.

    Raises:
        TypeError: not a number.
        ValueError: NaN, infinite or out of range.
    """
    interval = f"{ends[0]}{low:g}, {high:g}{ends[1]}"
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{what}: expected a number in {interval}, received {value!r}")
    number = float(value)
    left = number >= low if ends[0] == "[" else number > low
    right = number <= high if ends[1] == "]" else number < high
    if not (left and right and math.isfinite(number)):
        raise ValueError(f"{what}: expected a number in {interval}, received {value!r}")
    return number


def integer(what: str, value: Any, low: int) -> int:
    """``value`` as an int of at least ``low``.

    Raises:
        TypeError: not an integer.
        ValueError: too small.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{what}: expected an integer of at least {low}, received {value!r}")
    number = value.__index__()
    if number < low:
        raise ValueError(f"{what}: expected an integer of at least {low}, received {value!r}")
    return int(number)


def whole(what: str, array: Any) -> Any:
    """An array of whole numbers as integers; a column of data that had gaps holds them as floats.

    Raises:
        TypeError: neither integers nor floats.
        ValueError: a fraction, NaN or infinity.
    """
    if array.dtype.kind in "iub":
        return array
    if array.dtype.kind != "f":
        raise TypeError(f"{what}: expected whole numbers, received dtype {array.dtype}")
    # NaN is equal to nothing; beyond 2⁵³ floats have no neighbours that differ by 1.
    right = (abs(array) < 2**53) & (np.floor(array) == array)
    if not bool(right.all()):
        wrong = array[~right].reshape(-1)[0]
        raise ValueError(f"{what}: expected whole numbers, received {wrong}")
    return array.astype("int64")


def instance(what: str, identifier: Any, kind: type[Any], table: Mapping[str, Any]) -> Any:
    """``identifier`` if it is of ``kind``, else a new one of the class of that name.

    Raises:
        ValueError: unknown name.
        TypeError: neither.
    """
    if isinstance(identifier, kind):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, kind):
        return identifier()
    if isinstance(identifier, str):
        return lookup(what, identifier, table)()
    raise TypeError(
        f"{what}: expected a name or an object of {kind.__name__}, received "
        f"{type(identifier).__name__}"
    )


def seed(value: Any) -> int:
    """``value`` as a seed, 0 … 2⁶⁴ - 1.

    Raises:
        TypeError, ValueError: not an integer of that range.
    """
    number = integer("seed", value, 0)
    if number >= 2**64:
        raise ValueError(f"seed: expected an integer below 2**64, received {value}")
    return number
