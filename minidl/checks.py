"""Checks of single arguments: names, numbers. Messages name the expected and the received value."""

from __future__ import annotations

import difflib
import inspect
import itertools
import math
import numbers
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np


def unknown(what: str, name: object, known: Iterable[str]) -> ValueError:
    """The error for an unknown name: the nearest right name first, then all names."""
    names = sorted(set(known))
    return ValueError(
        f"unknown {what} {name!r}{hint(str(name), names)} (known: {', '.join(names)})"
    )


def hint(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'relu'?``, or nothing where no known name is near.

    Names are compared in small letters and without separators. Of two the nearer is that which
    begins as the other does, or which has more in common with it from the start on.
    """
    letters = _letters(name)

    def nearness(other: str) -> tuple[bool, float]:
        theirs = _letters(other)
        shorter, longer = sorted((letters, theirs), key=len)
        alike = difflib.SequenceMatcher(None, letters, theirs).ratio()
        same = itertools.takewhile(bool, map(operator.eq, letters, theirs))
        start = sum(same) / max(len(longer), 1)
        begins = len(shorter) > 2 and longer.startswith(shorter)
        return begins, (alike + start if alike >= 0.5 else 0)

    near = max(known, key=nearness, default=None)
    return f"; did you mean {near!r}?" if near and any(nearness(near)) else ""


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


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
    if getattr(value, "ndim", None) == 0 and value.dtype.kind in "iuf":  # an array of one number
        value = value.item()
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{what}: expected a number in {interval}, received {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond every float
        number = math.inf
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
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:  # also of an array that has an axis
        number = None
    if number is None or number < low:
        error = TypeError if number is None else ValueError
        raise error(f"{what}: expected an integer of at least {low}, received {value!r}")
    return number


def truth(what: str, value: Any) -> bool:
    """``value`` as True or False, which 1 and 0 stand for, too.

    Raises:
        TypeError: something else, such as an argument at the wrong place.
    """
    if not isinstance(value, bool | np.bool_ | int | np.integer) or value not in (0, 1):
        raise TypeError(f"{what}: expected True or False, received {value!r}")
    return bool(value)


def whole(what: str, array: Any) -> Any:
    """An array of whole numbers as integers; a column of data that had gaps comes as floats.

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


def array(what: str, values: Any) -> Any:
    """``values`` as an array of booleans, integers or floats, on its own device.

    Raises:
        TypeError: masked entries, whose mask NumPy would forget; rows of different lengths; or
            another type.
    """
    if np.ma.is_masked(values):
        raise TypeError(f"{what}: expected an array without gaps, received masked entries")
    try:
        found = values if hasattr(values, "__cuda_array_interface__") else np.asarray(values)
    except ValueError:
        raise TypeError(
            f"{what}: expected an array of numbers, received rows of different lengths"
        ) from None
    if found.dtype.kind == "O" and not found.ndim:  # what is no array, such as None or a dictionary
        kind = type(values).__name__
        raise TypeError(f"{what}: expected an array of numbers, received {kind}")
    return numeric(what, found)


def numeric(what: str, array: Any) -> Any:
    """An array, sparse or not, of booleans, integers or floats.

    Raises:
        TypeError: another type.
    """
    if array.dtype.kind not in "biuf":
        remedy = "; astype(float) makes numbers of objects" if array.dtype.kind == "O" else ""
        received = f"received dtype {array.dtype}{remedy}"
        raise TypeError(f"{what}: expected an array of numbers, {received}")
    return array


def seed(value: Any) -> int:
    """``value`` as a seed, 0 … 2⁶⁴ - 1.

    Raises:
        TypeError, ValueError: not an integer of that range.
    """
    return _below("seed", value, 64)


def step(value: Any) -> int:
    """``value`` as the number of a training step, 0 … 2⁵³ - 1, as in files.

    Raises:
        TypeError, ValueError: not an integer of that range.
    """
    return _below("step", value, 53)


def _below(what: str, value: Any, bits: int) -> int:
    number = integer(what, value, 0)
    if number >= 2**bits:
        raise ValueError(f"{what}: expected an integer below 2**{bits}, received {value}")
    return number


def seeded(then: str = "") -> Any:
    """An attribute, a seed, or None for that of the model; ``then`` as for :class:`Attribute`."""
    return Attribute(lambda thing, name, value: None if value is None else seed(value), then)


def positions(function: Callable[..., Any]) -> float:
    """Number of arguments that a function takes by their places, infinity for ``*arguments``.

    Arguments that ``functools.partial`` names, or that can only be named, do not count. A function
    that does not say what it takes is believed to take one.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    found = 0.0
    for each in parameters:
        if each.kind is each.VAR_POSITIONAL:
            return math.inf
        found += each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    return found


class Attribute:
    """An attribute that checks each new value; reading costs the same as for any attribute.

    Args:
        check: called with the object, the attribute's name and a value; returns the value to keep.
        then: name of a method of the object that is called after each change; "" for none.
    """

    def __init__(self, check: Callable[[Any, str, Any], Any], then: str = "") -> None:
        self._check, self._then = check, then

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, thing: Any, value: Any) -> None:
        thing.__dict__[self._name] = self._check(thing, self._name, value)
        if self._then:
            getattr(thing, self._then)()


def number(
    low: float, high: float = math.inf, ends: str = "[)", none: bool = False, then: str = ""
) -> Any:
    """An attribute that is a number of an interval, see :func:`real`.

    Args:
        low, high, ends: the interval.
        none: whether None will do.
        then: as for :class:`Attribute`.
    """

    def check(thing: Any, name: str, value: Any) -> float | None:
        return None if none and value is None else real(name, value, low, high, ends=ends)

    return Attribute(check, then)


def flag(then: str = "") -> Any:
    """An attribute that is True or False."""
    return Attribute(lambda thing, name, value: truth(name, value), then)


def only_none(meaning: str, instead: str = "") -> Any:
    """An attribute that is None, for an argument of Keras's of which that is the only value here.

    Args:
        meaning: of None, for the error's message.
        instead: the remedy.
    """

    def check(thing: Any, name: str, value: Any) -> None:
        if value is not None:
            raise ValueError(f"{name}: expected None, {meaning}, received {value!r}{instead}")

    return Attribute(check)


def unsealed(thing: Any, name: str, instead: str) -> None:
    """Raise for an attribute that is set once the object's ``sealed`` is true.

    Args:
        thing: the object.
        name: of the attribute.
        instead: the remedy, for the error's message.

    Raises:
        AttributeError: the object is sealed.
    """
    if vars(thing).get("sealed"):
        raise AttributeError(f"{name} of {thing!r} cannot be set any more; expected {instead}")


def fixed(instead: str) -> Any:
    """An attribute that cannot be set any more, see :func:`unsealed`."""

    def check(thing: Any, name: str, value: Any) -> Any:
        unsealed(thing, name, instead)
        return value

    return Attribute(check)
