"""Foreign code in a recorded step: called at its place, with arrays that keep their memory.

While a step is recorded, :func:`watching` stands in the place of each foreign method. The
result of such a method is copied into an array of the tape's, which the rest of the step
reads; each time the step is played the method is called, and the result copied there again.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend.own import Look, foreign, has_foreign, methods
from minidl.backend.recorder import recorder, unrecorded
from minidl.backend.switch import backend_of


class ChangedError(Exception):
    """A call returned something of another kind than when the step was recorded."""


class Called:
    """A call of foreign code in a recorded step.

    Args:
        function: the foreign function.
        arguments, named: as given: arrays that keep their memory, and constants. An
            argument of the name "step" is the number of the step, and so is the third argument of a
            method ``forward``, under any name.
        number: the array of the step's number.
        method: the name under which the step calls the function; default the function's own.

    Attributes:
        result: the array or value that the rest of the step reads.
        name: the name of the function, for messages.
        spares_weights: True if the recorded call left the weights alone.
        takes_numbers: True if there are numbers among the arguments, which are as when recorded.
        obstacle: why no tape can stand for the call, in words; "" where a tape can.
    """

    spares_weights = True
    obstacle = ""

    def __init__(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        named: dict[str, Any],
        number: np.ndarray,
        method: str | None = None,
    ) -> None:
        self.name = _name(function)
        self._method = method or getattr(function, "__name__", "")
        self._function, self._number = function, number
        self._arguments, self._named = list(arguments), dict(named)
        self._ahead: dict[Any, int] = {
            place: value - int(number[0]) for place, value in self._steps() if value is not None
        }
        given = *arguments, *named.values()
        self.takes_numbers = any(isinstance(each, int | float | np.generic) for each in given)
        first = next((a for a in arguments if hasattr(a, "dtype")), None)
        self._dtype = getattr(first, "dtype", None)
        self.result = self._own(self._call())

    def __call__(self) -> None:
        value, before = self._call(), self.result
        if value is not before:  # None, a bool, or the array that was given as "out"
            self._update(before, value)

    def _call(self) -> Any:
        for place, ahead in self._ahead.items():
            number = int(self._number[0]) + ahead
            if isinstance(place, str):
                self._named[place] = number
            else:
                self._arguments[place] = number
        return unrecorded(self._function, *self._arguments, **self._named)

    def _steps(self) -> Iterator[tuple[Any, int | None]]:
        """Places of the arguments that are the number of the step, and their values."""
        if "out" in self._named:  # A formula's numbers are constants, also one called "step".
            return
        if isinstance(self._named.get("step"), int):
            yield "step", self._named["step"]
        names = _positional(self._function)
        for place, value in enumerate(self._arguments):
            called_so = place < len(names) and names[place] == "step"
            third = place == 2 and self._method == "forward"
            if (called_so or third) and isinstance(value, int):
                yield place, value

    def _given(self, value: Any) -> bool:
        """True if a value is the argument of the name "out"."""
        outs = self._named.get("out")
        return outs is not None and value is outs

    def _own(self, value: Any) -> Any:
        """The tape's own array or value in place of a result, for the rest of the step."""
        if value is None or isinstance(value, bool) or self._given(value):
            return value
        if isinstance(value, tuple):
            return tuple(map(self._own, value))
        if isinstance(value, float) and self.name.endswith(".step_size"):
            self.obstacle = f"{self.name} returns a number, which a formula takes"
            return value
        if isinstance(value, float):
            return np.array(value, self._dtype if self._dtype is not None else None)
        if isinstance(value, np.ndarray | np.generic):
            return np.array(value)
        if hasattr(value, "__cuda_array_interface__"):
            return value.copy()
        self.obstacle = f"{self.name} returns {type(value).__name__}"
        return value

    def _update(self, before: Any, value: Any) -> None:
        """Write a result where the first one was.

        Raises:
            ChangedError: a result of another kind, type or shape.
        """
        if value is before:
            return
        if isinstance(before, tuple):
            if not isinstance(value, tuple) or len(before) != len(value):
                raise ChangedError(self.name)
            for each, new in zip(before, value, strict=True):
                self._update(each, new)
        elif before is None or isinstance(before, bool) or self._given(before):
            raise ChangedError(self.name)
        elif _fits(value, before):
            before[...] = value
        else:
            raise ChangedError(self.name)


def _fits(value: Any, array: Any) -> bool:
    """True for a number or an array of an array's kind and shape."""
    if isinstance(value, float) and array.ndim == 0 and array.dtype.kind == "f":
        return True
    if getattr(value, "shape", None) != array.shape or value.dtype != array.dtype:
        return False
    return type(value) is type(array) is np.ndarray or backend_of(value) == backend_of(array)


class _InPlace:
    """In the place of a method while a step is recorded."""

    def __init__(self, real: Callable[..., Any], hand: Callable[..., Any]) -> None:
        functools.update_wrapper(self, real, updated=())
        self._real, self._hand = real, hand

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if recorder.tape is None:  # what calls it is no part of the step
            return self._real(*arguments, **named)
        return self._hand(self._real, arguments, named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The class of the replaced object, so that a layer is still found to be a layer."""
        return type(self._real)

    def __repr__(self) -> str:
        return repr(self._real)

    def __copy__(self) -> Any:
        return copy.copy(self._real)

    def __deepcopy__(self, memo: Any) -> Any:
        return copy.deepcopy(self._real, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._real.__reduce_ex__(protocol)


@contextmanager
def watching(
    parts: Iterable[object],
    endings: Iterable[tuple[object, str]],
    call: Callable[..., Any],
    end: Callable[..., Any],
    own: Look | None = None,
) -> Iterator[list[str]]:
    """A context in which methods are handed over in place of being called.

    After the context the list has the names of methods in whose place foreign code has put
    something, if only for a moment, or of methods that did so: a tape of the step lacks that.

    Args:
        parts: objects that a step calls. Foreign code among the objects, or among the parts of
            the objects, is handed to ``call``.
        endings: (object, name of a method) of minidl's own, handed to ``end``.
        call, end: called with the method, the arguments and the named arguments; the first also
            with the method's name, as ``method``.
        own: tells minidl's objects, as of :func:`minidl.backend.own.foreign`.

    Raises:
        UnsupportedError: an object that takes no attributes.
    """
    put: list[tuple[dict[str, Any], str, Any, Any]] = []
    changed: list[str] = []
    parts, endings = list(parts), list(endings)
    untouched: list[object] = []

    def hand(method: str, function: Any, arguments: Any, named: Any) -> Any:
        result = call(function, arguments, named, method=method)
        if has_foreign(untouched):
            changed.append(method)
        return result

    try:
        strange = list(foreign(parts, own))
        if strange:
            ending = [id(thing) for thing, _ in endings]
            untouched += [p for p in parts if id(p) not in ending and not has_foreign([p], own)]
        for thing, name in strange:
            for each in methods(thing) if name is None else (name,):
                _put(put, thing, each, functools.partial(hand, each))
        names = {id(thing) for thing, _ in strange}
        for thing, name in endings:
            if id(thing) not in names:
                _put(put, thing, name, end)
        yield changed
    finally:
        for attributes, name, mine, before in reversed(put):
            if attributes.get(name) is not mine:  # somebody has put another there meanwhile
                changed.append(name)
                continue
            if before is _MISSING:
                attributes.pop(name, None)
            else:
                attributes[name] = before


_MISSING = object()


def _put(put: list[Any], thing: object, name: str, hand: Callable[..., Any]) -> None:
    try:
        attributes = vars(thing)
    except TypeError:
        raise UnsupportedError(f"{type(thing).__name__} takes no attributes") from None
    real, before = getattr(thing, name), attributes.get(name, _MISSING)
    if isinstance(real, _InPlace):  # left by an interrupt
        before = attributes.pop(name)
        while isinstance(real, _InPlace):
            real = real._real
        before = _MISSING if getattr(thing, name) == real else real
    mine = _InPlace(real, hand)
    put.append((attributes, name, mine, before))
    attributes[name] = mine


def _positional(function: Any) -> list[str]:
    """Names of the positional arguments of a function, or of the wrapped function."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # code without a readable signature
        return []
    return [each.name for each in given if each.kind <= each.POSITIONAL_OR_KEYWORD]


def _name(function: Any) -> str:
    """Name of a method with its object's name, or of a function."""
    thing = getattr(function, "__self__", None)
    name = getattr(function, "__name__", type(function).__name__)
    return name if thing is None else f"{getattr(thing, 'name', type(thing).__name__)}.{name}"
